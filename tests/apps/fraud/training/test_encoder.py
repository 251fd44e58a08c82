"""What the background makes: the past before its moment alone, the same as in training."""

from pathlib import Path

import numpy as np
import pytest
import torch

from apps.fraud.features.catalogue import GRAPH
from apps.fraud.inference.embeddings import AGE
from apps.fraud.training import table as tables
from apps.fraud.training.blocks import blocks
from apps.fraud.training.encoder import Encoder
from apps.fraud.training.messages import HOP1, Messages, Scale
from apps.fraud.training.network import EntityEncoder, Shape
from apps.fraud.training.plan import KEPT
from apps.fraud.training.table import DAY_MS, Table
from loupe.contract.runtime.errors import ModelRefused
from tests.apps.fraud.training import days


@pytest.fixture(scope="module")
def rows() -> Table:
    return tables.build(days.SCHEME, days.history(days=20, a_day=200, customers=8), GRAPH)


@pytest.fixture(scope="module")
def encoder(rows: Table) -> Encoder:
    torch.manual_seed(0)
    scale = Scale.of(rows, np.arange(len(rows)))
    shape = Shape(
        entities=("customer", "terminal"), seed=0, message=len(scale.names) + 5, embedding=4
    )
    return Encoder(EntityEncoder(shape), scale, DAY_MS)


def messages(rows: Table, encoder: Encoder) -> Messages:
    return Messages.without_own(rows, blocks(rows, KEPT), encoder.scale)


def until(rows: Table, moment: int) -> Table:
    keep = rows.time < moment
    events = {name: column[keep] for name, column in rows.events.items()}
    return Table(rows.scheme, events, rows.names, rows.values[keep], rows.history[keep])


def test_what_a_schedule_makes_is_what_the_training_saw_to_the_number(
    rows: Table, encoder: Encoder
) -> None:
    moment = days.START + 12 * DAY_MS
    asked = np.flatnonzero((rows.time >= moment) & (rows.time < moment + DAY_MS))
    # Customers pay some 25 times a day: more than a hop holds.
    assert len(asked) / 8 > HOP1
    names, told = encoder.background(messages(rows, encoder), asked)
    assert names == encoder.names
    made = encoder.latest(until(rows, moment), moment)
    for at, key in enumerate(encoder.entities):
        known, values = made[key]
        place = {name: row for row, name in enumerate(known.tolist())}
        expected = [values[place[one]] for one in rows.events[f"entity.{key}"][asked].tolist()]
        np.testing.assert_allclose(told[:, 4 * at : 4 * at + 4], np.stack(expected), atol=1e-6)
    assert names[-1] == AGE
    np.testing.assert_allclose(told[:, -1], (rows.time[asked] - moment) / 1000, rtol=1e-6)


def test_what_comes_after_the_moment_changes_nothing(rows: Table, encoder: Encoder) -> None:
    moment = days.START + 12 * DAY_MS
    asked = np.flatnonzero((rows.time >= moment) & (rows.time < moment + DAY_MS))
    before = encoder.background(messages(rows, encoder), asked)[1]
    values, events = rows.values.copy(), dict(rows.events)
    later = rows.time >= moment
    values[later] = values[later][::-1]
    events["label"] = np.where(rows.label_known_at > moment, 1 - rows.label, rows.label)
    other = Table(rows.scheme, events, rows.names, values, rows.history)
    np.testing.assert_array_equal(encoder.background(messages(other, encoder), asked)[1], before)
    # And what was known by then does change it.
    events["label"] = 1 - rows.label
    known = Table(rows.scheme, events, rows.names, rows.values, rows.history)
    assert not np.array_equal(encoder.background(messages(known, encoder), asked)[1], before)


def test_nobody_is_whoever_has_no_past(rows: Table, encoder: Encoder) -> None:
    first = np.flatnonzero(rows.time < days.START + DAY_MS)
    told = encoder.background(messages(rows, encoder), first)[1]
    nobody = encoder.nobody()
    expected = np.concatenate([nobody[key] for key in encoder.entities])
    np.testing.assert_allclose(told[:, :-1], np.tile(expected, (len(first), 1)), atol=1e-6)


def test_an_encoder_that_is_read_again_says_the_same(
    rows: Table, encoder: Encoder, tmp_path: Path
) -> None:
    encoder.write(tmp_path / "encoder.safetensors")
    again = Encoder.read(tmp_path / "encoder.safetensors")
    assert (again.names, again.refresh) == (encoder.names, encoder.refresh)
    asked = np.arange(3_000, 3_100)
    np.testing.assert_array_equal(
        again.of_rows(rows, asked, KEPT), encoder.of_rows(rows, asked, KEPT)
    )
    (tmp_path / "encoder.safetensors").write_bytes(b"no tensors")
    with pytest.raises(ModelRefused, match="no encoder"):
        Encoder.read(tmp_path / "encoder.safetensors")
