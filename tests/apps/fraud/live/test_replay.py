"""The past again: features of any stretch, from the log, are the bits that were told."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from apps.fraud.live import looking_back
from apps.fraud.live.__main__ import main
from apps.fraud.live.service import FraudService
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import Payload
from tests.apps.fraud.live.conftest import cut, idle, wait_for_bases
from tests.apps.fraud.live.transactions import batch, labels, listed, plain, rows

DAY = 86_400_000
Past = tuple[Path, list[dict[str, np.ndarray]]]


def year(
    folder: Path, *, base_rows: int = 1_000, session: str = "live"
) -> list[dict[str, np.ndarray]]:
    """Answers of a year of batches, five days apart; a snapshot at every tenth."""
    live, told = FraudService(), []
    context = {"policy": {"base_rows": base_rows, "features_ms": 2 * DAY}}
    for number in range(80):
        if number % 5 == 3:
            live.apply(labels(number, session=session, context=context))
            live.apply(listed(number, session=session, context=context))
        sent = rows(batch(number, apart=20_000_000), session=session, context=context)
        told.append(dict(live.apply(sent).arrays))
        if number % 10 == 9:
            there = folder / f"snapshot-{number:020d}"
            there.mkdir()
            live.snapshot(there)
            idle(live)
    last = folder / f"snapshot-{80:020d}"
    last.mkdir()
    live.snapshot(last)
    return told


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Past:
    """One year for all tests that only read it."""
    folder = tmp_path_factory.mktemp("year")
    with pytest.MonkeyPatch.context() as patch:
        cut(patch)
        wait_for_bases(patch)
        return folder, year(folder)


def same(got: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert {name for name in expected if name.startswith("feature.")} <= set(got)
    names = [name for name in expected if name in got]
    one, other = (plain(Payload(arrays={n: each[n] for n in names})) for each in (got, expected))
    assert one == other


@pytest.mark.parametrize(
    ("session", "base_rows"), [("live", 1_000), ("live", 10**9), ("job-1", 1_000)]
)
def test_every_stretch_is_replayed_to_the_bits_that_were_told(
    small: None, tmp_path: Path, base_rows: int, session: str
) -> None:
    told = year(tmp_path, base_rows=base_rows, session=session)
    kept = looking_back.session(looking_back.newest_snapshot(tmp_path), "shop", session)
    for first in (0, 37, 61, 79):
        stop = min(first + 9, 80)
        pieces = [piece for _, piece in looking_back.features(kept, first * 20, stop * 20)]
        got = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
        parts = told[first:stop]
        same(got, {name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def test_a_decision_of_a_year_ago_is_replayed_though_its_features_left_the_log(past: Past) -> None:
    folder, told = past
    kept = looking_back.session(looking_back.newest_snapshot(folder), "shop")
    in_log = kept.log.rows(np.arange(20), ["feature.amount", "feature.customer_count_30d"])
    assert np.isnan(in_log["feature.amount"]).all()
    ((at, first),) = looking_back.features(kept, 0, 20)
    assert at == 0
    same(first, told[0])
    assert told[-1]["event_time"][0] - told[0]["event_time"][0] > 330 * DAY


def test_the_command_prints_bytes_per_transaction(
    past: Past, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = past
    assert main(["status", str(folder)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["project"], told["session"], told["transactions"]) == ("shop", "live", 1_600)
    newest = folder / f"snapshot-{80:020d}" / "0"
    files = [*newest.glob("*.rows"), *newest.glob("*.filters")]
    size = sum(path.stat().st_size for path in files)
    assert told["bytes_per_transaction"] == round(size / told["in_segments"], 1)
    assert told["compacted"] > 0


def test_the_command_compares_what_it_replays_with_what_was_told(
    past: Past, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, told = past
    output = tmp_path / "again.parquet"
    given = ["replay", str(folder), "--project", "shop", "--first", "1500", "--stop", "1600"]
    assert main([*given, "--compare", "--output", str(output)]) == 0
    line = json.loads(capsys.readouterr().out)
    assert line["rows"] == 100
    assert line["compared"] > 0
    assert line["different"] == 0
    table = pq.read_table(output)
    assert table["sequence"].to_pylist() == list(range(1_500, 1_600))
    assert table["feature.amount"].to_pylist()[-20:] == told[-1]["amount"].tolist()


def test_what_is_not_kept_is_refused(past: Past) -> None:
    folder, _ = past
    kept = looking_back.session(looking_back.newest_snapshot(folder), "shop")
    with pytest.raises(InputRefused, match="are kept"):
        list(looking_back.features(kept, 5_000, 6_000))
    with pytest.raises(InputRefused, match="no session"):
        looking_back.session(looking_back.newest_snapshot(folder), "shop", "none")
    assert main(["status", str(folder / "nowhere")]) == 2
