"""The registry of installed apps."""

import pytest

from loupe.plugins import registry
from loupe.plugins.registry import Registry, RegistryClosed, UnknownApp


def test_an_unknown_slug_is_refused_with_the_list_of_installed_apps() -> None:
    with pytest.raises(UnknownApp, match=r"No app is called 'nonesuch'; installed are: none\."):
        Registry().get("nonesuch")


def test_the_running_process_takes_no_further_app() -> None:
    app = registry.get("defect_detection")
    with pytest.raises(RegistryClosed, match="comes too late"):
        registry.register(app)
