"""Embeddings are looked up as they were before a transaction, with their age; never later ones."""

import time
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from apps.fraud.inference import embeddings
from apps.fraud.inference.embeddings import AGE, Embeddings, Generation, folder_of
from loupe.contract.runtime.errors import InputRefused, ModelRefused

PROJECT = str(uuid4())
MANIFEST = {"embeddings": {"entities": ["customer"], "nobody": {"customer": [9.0, 9.0]}}}
HOUR = 3_600_000


def generation(made_at: int, **told: float) -> Generation:
    names = np.array(list(told))
    values = np.array([[one, -one] for one in told.values()], np.float32)
    return Generation.of(made_at, {"customer": (names, values)})


def declared(artefact: Path) -> Embeddings:
    found = Embeddings.declared(artefact, MANIFEST)
    assert found is not None
    return found


def looked_up(found: Embeddings, *rows: tuple[str, int, int]) -> list[list[float]]:
    """By row of customer, event time and when it was known: two numbers and the age."""
    columns = found.columns(
        {
            "entity.customer": np.array([one[0] for one in rows]),
            "event_time": np.array([one[1] for one in rows]),
            "known_at": np.array([one[2] for one in rows]),
        },
        PROJECT,
    )
    assert list(columns) == [f"feature.{name}" for name in found.names]
    return np.stack(list(columns.values()), axis=1).tolist()


def test_each_transaction_gets_the_newest_before_it_and_their_age(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, PROJECT)
    generation(10 * HOUR, anna=1.0, ben=2.0).write(folder, 10)
    generation(20 * HOUR, anna=3.0).write(folder, 10)
    found = declared(tmp_path)
    rows = looked_up(
        found,
        ("anna", 21 * HOUR, 21 * HOUR),
        ("anna", 15 * HOUR, 15 * HOUR),
        ("ben", 21 * HOUR, 21 * HOUR),
        # Happened before the second making and was heard of later: that one knows too much.
        ("anna", 19 * HOUR, 22 * HOUR),
        ("", 21 * HOUR, 21 * HOUR),
    )
    assert rows == [[3, -3, 3600], [1, -1, 18000], [9, 9, 3600], [1, -1, 32400], [9, 9, 3600]]


def test_before_the_first_making_nothing_is_known_and_the_age_is_missing(tmp_path: Path) -> None:
    generation(10 * HOUR, anna=1.0).write(folder_of(tmp_path, PROJECT), 10)
    found = declared(tmp_path)
    (row,) = looked_up(found, ("anna", 9 * HOUR, 9 * HOUR))
    assert row[:2] == [9, 9]
    assert np.isnan(row[2])
    arrays = {"entity.customer": np.array(["anna"]), "event_time": np.array([11 * HOUR])}
    told = found.columns({**arrays, "known_at": np.array([11 * HOUR])}, "")
    assert np.isnan(told[f"feature.{AGE}"]).all()


def test_a_new_making_is_found_without_a_restart_and_a_damaged_one_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(embeddings, "LOOK_S", 0.0)
    folder = folder_of(tmp_path, PROJECT)
    generation(10 * HOUR, anna=1.0).write(folder, 10)
    found, row = declared(tmp_path), ("anna", 30 * HOUR, 30 * HOUR)
    assert looked_up(found, row)[0][0] == 1
    generation(20 * HOUR, anna=5.0).write(folder, 10)
    (folder / f"{25 * HOUR}.safetensors").write_bytes(b"torn")
    until = time.monotonic() + 90
    while looked_up(found, row)[0][0] != 5 and time.monotonic() < until:
        time.sleep(0.01)
    assert looked_up(found, row) == [[5, -5, 36000]]
    assert f"{25 * HOUR}.safetensors are passed over" in caplog.text


def test_the_last_ones_stay_and_older_ones_are_read_when_asked_for(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, PROJECT)
    for made in range(13):
        generation((made + 1) * HOUR, anna=float(made)).write(folder, 10)
    assert len(list(folder.iterdir())) == 10
    found = declared(tmp_path)
    assert looked_up(found, ("anna", 5 * HOUR, 5 * HOUR))[0][0] == 4
    assert np.isnan(looked_up(found, ("anna", 2 * HOUR, 2 * HOUR))[0][2])


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="give a project's id"):
        folder_of(tmp_path, "../../etc")
    unfit: list[dict[str, object]] = [
        {},
        {"entities": [], "nobody": {}},
        {"entities": ["a"], "nobody": {"a": ["x"]}},
    ]
    for said in unfit:
        with pytest.raises(ModelRefused, match="embeddings of the manifest"):
            Embeddings.declared(tmp_path, {"embeddings": said})
    assert Embeddings.declared(tmp_path, {}) is None
