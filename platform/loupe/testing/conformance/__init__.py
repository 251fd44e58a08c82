"""The conformance suite: an app is complete when it passes.

A distribution's own tests need two lines::

    from loupe.testing.conformance import AppConformance

    class TestConformance(AppConformance): ...

The suite runs over every installed app. It knows the contract, never an app; each test names the
SHALL of ``docs/app_contract.md`` that it holds.
"""

from loupe.testing.conformance.cutting import Cutting
from loupe.testing.conformance.decisions import Decisions
from loupe.testing.conformance.declaration import Declaration
from loupe.testing.conformance.facts import Facts
from loupe.testing.conformance.handing import Handing
from loupe.testing.conformance.hearing import Hearing
from loupe.testing.conformance.live_state import LiveState
from loupe.testing.conformance.pipeline import Pipeline
from loupe.testing.conformance.reading import Reading
from loupe.testing.conformance.training import Training

__all__ = ["AppConformance"]


class AppConformance(
    Declaration,
    Decisions,
    Pipeline,
    Cutting,
    Facts,
    Training,
    LiveState,
    Reading,
    Hearing,
    Handing,
):
    """Everything an app promises, tested."""
