"""How the processes are started, as far as settings decide it."""

import pytest
from pytest_django import Settings

from loupe.supervisor.processes import engine


def test_the_engine_has_no_public_port_unless_a_site_asks_for_it(
    settings: Settings,
) -> None:
    assert not [part for part in engine().argv if part.startswith("--public")]


@pytest.mark.parametrize("shared", [True, False])
def test_the_engine_gets_the_public_port_a_site_asks_for(settings: Settings, shared: bool) -> None:
    settings.ENGINE_PUBLIC = "127.0.0.1:8001"
    settings.ENGINE_PUBLIC_TOKENS = "/etc/loupe/tokens"
    settings.ENGINE_PUBLIC_SHARED_MEMORY = shared
    argv = engine().argv
    at = argv.index("--public")
    assert argv[at : at + 4] == (
        "--public", "127.0.0.1:8001", "--public-tokens", "/etc/loupe/tokens"
    )  # fmt: skip
    assert ("--public-shared-memory" in argv) is shared
