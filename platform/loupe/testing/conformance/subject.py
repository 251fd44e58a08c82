"""Who is tested: every installed app, one after the other."""

from pathlib import Path

import pytest

from loupe.contract.app import DomainApp
from loupe.contract.discovery import declared
from loupe.contract.runtime.steps import Place


class Subject:
    """Gives each test the fixture `app`."""

    @pytest.fixture(params=sorted(declared()))
    def app(self, request: pytest.FixtureRequest) -> type[DomainApp]:
        """One installed app's class."""
        return declared()[request.param]


def package_folder(app: type[DomainApp]) -> Path:
    """The folder of the app's package."""
    module = __import__(app.__module__, fromlist=["App"])
    return Path(str(module.__file__)).parent


def places(app: type[DomainApp]) -> tuple[Place, ...]:
    """Where the app's steps run, in order."""
    return tuple(step.place for step in app.steps)
