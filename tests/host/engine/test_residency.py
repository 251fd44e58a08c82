"""Models come and go within the budget, and one that fails concerns nobody else."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from loupe.contract.runtime.errors import ModelRefused
from loupe.engine import repository
from loupe.engine.memory import resident_bytes
from loupe.engine.residency import Residency
from tests.host.engine.harness import MODEL, artefact

PACKAGES = {"tiny": "tests.host.engine.tiny"}
OTHER = "tiny.shared.other"
MIB = 2**20


@pytest.fixture
def residency(tmp_path: Path) -> Iterator[Residency]:
    residency = Residency(tmp_path / "models", 256 * MIB, PACKAGES)
    yield residency
    residency.close()


def install(residency: Residency, name: str, version: int = 1, **extra: object) -> Path:
    source = artefact(residency.root.parent / f"{name}-{version}", **extra)  # type: ignore[arg-type]
    return repository.install(source, residency.root, name, version)


def names(residency: Residency) -> set[str]:
    return {resident.key[0] for resident in residency.resident()}


def test_a_model_is_loaded_on_first_use_and_kept(residency: Residency) -> None:
    install(residency, MODEL)
    with residency.use(MODEL, 1) as first, residency.use(MODEL, 1) as second:
        assert first is second
    assert residency.states()[MODEL, 1] == ("READY", "")


def test_callers_that_ask_while_a_model_loads_share_one_load(residency: Residency) -> None:
    install(residency, MODEL, slow_to_load=0.3)
    found = []

    def ask() -> None:
        with residency.use(MODEL, 1) as resident:
            found.append(resident)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(map(id, found))) == 1


def test_a_changed_artefact_is_refused_before_its_code_sees_it(residency: Residency) -> None:
    folder = install(residency, MODEL)
    (folder / "weights.json").write_text('{"factor": 666}')
    with pytest.raises(ModelRefused, match="sha-256"), residency.use(MODEL, 1):
        pass
    assert not residency.resident()


def test_a_model_that_does_not_load_says_why_and_spares_the_others(residency: Residency) -> None:
    install(residency, MODEL)
    install(residency, OTHER, broken=True)
    with pytest.raises(ModelRefused, match="ZeroDivisionError: no weights") as refused:
        residency.ready(OTHER, 1).result()
    assert refused.value.code == "model_load"
    with residency.use(MODEL, 1) as resident:
        assert resident.key == (MODEL, 1)
    assert residency.states()[OTHER, 1][0] == "UNAVAILABLE"


def test_a_manifest_cannot_name_code_outside_its_app(residency: Residency) -> None:
    install(residency, MODEL, runner="os:system")
    with pytest.raises(ModelRefused, match="not part of the app 'tiny'") as refused:
        residency.ready(MODEL, 1).result()
    assert refused.value.code == "model_runner"


def test_a_model_that_is_not_there_is_refused(residency: Residency) -> None:
    with pytest.raises(ModelRefused) as refused:
        residency.ready(MODEL, 7).result()
    assert refused.value.code == "model_unknown"


def test_the_least_recently_used_model_makes_room(residency: Residency) -> None:
    for name in ("a", "b", "c"):
        install(residency, f"tiny.shared.{name}", ballast=100 * MIB)
    for name in ("a", "b", "a", "c"):
        with residency.use(f"tiny.shared.{name}", 1):
            pass
    assert names(residency) == {"tiny.shared.a", "tiny.shared.c"}


def test_a_model_in_use_does_not_make_room(residency: Residency) -> None:
    for name in ("a", "b", "c"):
        install(residency, f"tiny.shared.{name}", ballast=100 * MIB)
    with residency.use("tiny.shared.a", 1):
        for name in ("b", "c"):
            with residency.use(f"tiny.shared.{name}", 1):
                pass
        assert names(residency) == {"tiny.shared.a", "tiny.shared.c"}


def test_a_model_unloaded_in_use_stays_until_its_request_ends(residency: Residency) -> None:
    install(residency, MODEL)
    with residency.use(MODEL, 1) as resident:
        residency.unload(MODEL)
        assert not residency.resident()
        assert hasattr(resident.runner, "ballast")
    assert not hasattr(resident.runner, "ballast")


@pytest.mark.slow
def test_200_cycles_of_loading_and_unloading_leave_memory_flat(residency: Residency) -> None:
    install(residency, MODEL, ballast=20 * MIB)

    def cycle() -> None:
        with residency.use(MODEL, 1):
            pass
        residency.unload(MODEL, 1)

    for _ in range(20):
        cycle()
    before = resident_bytes()
    for _ in range(200):
        cycle()
    assert resident_bytes() - before < 10 * MIB
