"""``train fraud`` and ``evaluate fraud`` on files that count time from a start they do not name."""

import json
import math
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from apps.fraud.commands import evaluate, train

PAYSIM = (
    "step,type,amount,nameOrig,oldbalanceOrg,newbalanceOrig,nameDest,oldbalanceDest,"
    "newbalanceDest,isFraud,isFlaggedFraud"
)
TOO_LONG = ("--test-days", "300", "--without-network")
"""No test of so many days fits: what is said while reading is said, and nothing is learned."""
SHORT = ("--seeds", "1", "--without-network")


@pytest.fixture(scope="module")
def paysim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 days of payments in PaySim's columns; frauds are large transfers."""
    draw = random.Random(5)
    lines = [PAYSIM]
    for n in range(9_000):
        fraud = draw.random() < 0.05
        amount = draw.uniform(1, 400) * (9 if fraud else 1)
        kind = draw.choice(("TRANSFER", "CASH_OUT") if fraud else ("PAYMENT", "CASH_IN", "DEBIT"))
        old = draw.uniform(0, 9_000)
        lines.append(
            f"{1 + n * 720 // 9_000},{kind},{amount:.2f},C{draw.randrange(900)},{old:.2f},"
            f"{max(0.0, old - amount):.2f},M{draw.randrange(90)},0.0,{amount:.2f},{int(fraud)},0"
        )
    path = tmp_path_factory.mktemp("paysim") / "paysim.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def dated(paysim: Path, folder: Path) -> Path:
    """The same file with its hours written out as times, from 2026 on."""
    head, *rows = paysim.read_text().splitlines()
    lines = [head.replace("step", "time")]
    for row in rows:
        step, _, rest = row.partition(",")
        moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=int(step))
        lines.append(f"{moment.isoformat()},{rest}")
    path = folder / "dated.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def creditcard(tmp_path: Path) -> Path:
    """Columns as ULB's creditcard.csv has them: nobody is named who pays."""
    names = ["Time", *(f"V{n}" for n in range(1, 29)), "Amount", "Class"]
    values = ",".join(["0.123456789"] * 28)
    rows = [f"{n // 2},{values},{n % 90}.50,{int(n % 50 == 0)}" for n in range(400)]
    path = tmp_path / "creditcard.csv"
    path.write_text("\n".join([",".join(names), *rows]) + "\n")
    return path


def test_without_a_start_the_refusal_names_column_values_and_option(
    paysim: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for main in (train.main, evaluate.main):
        assert main(["--data", str(paysim)]) == 2
        said = capsys.readouterr().err
        assert "'step' holds counts (from 1 to 160 in the first rows), no dates." in said
        assert "hours since a start that the file does not name" in said
        assert "--start 2026-01-01" in said
        assert "(mapping_missing)" in said


def test_a_model_is_trained_and_the_file_measured_from_the_start_that_is_said(
    paysim: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = ["--start", "hours since 2026-01-01T00:00:00Z"]
    out = tmp_path / "out"
    assert train.main(["--data", str(paysim), "--out", str(out), *start, *SHORT, "--json"]) == 0
    captured = capsys.readouterr()
    assert "paysim.csv: 'step' counts hours since 2026-01-01 00:00:00 UTC." in captured.err
    assert (out / "model.json").is_file()
    options = ["--data", str(paysim), "--model", str(out), "--only-models", "--json"]
    assert evaluate.main([*options, *start]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["data"]["rows"] == 9_000
    assert said["data"]["starts"] == [
        "paysim.csv: 'step' counts hours since 2026-01-01 00:00:00 UTC"
    ]
    # The last row is of hour 720, the first midnight of the 31st.
    assert said["periods"]["test_to"] == "2026-02-01"
    assert said["ladder"][0]["average_precision"] > 0.5
    assert evaluate.main(["--data", str(dated(paysim, tmp_path)), *options[2:]]) == 0
    by_date = json.loads(capsys.readouterr().out)
    assert by_date["data"]["starts"] == []
    for name in ("average_precision", "auc"):
        assert by_date["ladder"][0][name] == said["ladder"][0][name]
    assert by_date["periods"] == said["periods"]


def test_any_start_is_one_that_is_told(paysim: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate.main(["--data", str(paysim), "--start", "any", *TOO_LONG]) == 2
    assert "'step' counts hours since 2001-01-01 00:00:00 UTC." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ("2098-01-01", "'step' counts from 2098-01-01 00:00 UTC, which is still to come"),
        ("soon", "'soon' is no start of a count"),
        ("weeks since 2026-01-01", "'weeks' is no unit"),
    ],
)
def test_a_start_that_cannot_be_is_refused(
    paysim: Path, capsys: pytest.CaptureFixture[str], start: str, words: str
) -> None:
    assert evaluate.main(["--data", str(paysim), "--start", start]) == 2
    assert words in capsys.readouterr().err


def test_rows_that_a_start_moves_ahead_of_now_are_told_with_line_field_and_value(
    paysim: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    # The clock of a file may be a day ahead: 100 hours and a day from its start are left.
    start = (now - timedelta(hours=100, minutes=30)).isoformat()
    assert evaluate.main(["--data", str(paysim), "--start", start, *TOO_LONG]) == 2
    said = capsys.readouterr().err
    first = 2 + math.ceil(124 * 9_000 / 720)
    assert f"left out: paysim.csv: line {first}, step = '125': Counted from its start" in said
    assert f"{9_000 - first + 2:,} rows in all were left out." in said


def test_a_start_beside_a_mapping_or_beside_written_times_is_refused(
    paysim: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mapping = tmp_path / "mapping.json"
    told = {
        "time": {"column": "step", "format": "since_h", "start": "2026-01-01"},
        **{"amount": "amount", "entities": {"customer": "nameOrig"}, "label": "isFraud"},
    }
    mapping.write_text(json.dumps(told))
    options = ["--data", str(paysim), "--mapping", str(mapping)]
    assert evaluate.main([*options, "--start", "2026-01-01"]) == 2
    assert "a mapping too" in capsys.readouterr().err
    del told["time"]["start"]  # type: ignore[attr-defined]
    mapping.write_text(json.dumps(told))
    assert evaluate.main(options) == 2
    assert "time: step counts from a start: say when the count was 0" in capsys.readouterr().err
    written = tmp_path / "written.csv"
    written.write_text("time,amount,customer\n" + "2026-01-01,1.50,a\n" * 9)
    assert evaluate.main(["--data", str(written), "--start", "2026-01-01"]) == 2
    assert "the times of 'time' are written out" in capsys.readouterr().err


def test_a_unit_that_is_a_thousand_years_too_long_is_refused_with_the_first_row(
    creditcard: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mapping = tmp_path / "mapping.json"
    time = {"column": "Time", "format": "since_d", "start": "2099-12-31"}
    told = {"time": time, "amount": "Amount", "entities": {"customer": "V1"}, "label": "Class"}
    mapping.write_text(json.dumps({**told, "ahead": 10 * 366 * 86_400}))
    assert evaluate.main(["--data", str(creditcard), "--mapping", str(mapping)]) == 2
    assert "which is still to come" in capsys.readouterr().err
    time["start"] = "2001-01-01"
    mapping.write_text(json.dumps(told))
    lines = creditcard.read_text().splitlines()
    far = [lines[0], *("9" + line.replace(",", "00000,", 1) for line in lines[1:])]
    creditcard.write_text("\n".join(far) + "\n")
    assert evaluate.main(["--data", str(creditcard), "--mapping", str(mapping)]) == 2
    said = capsys.readouterr().err
    assert "Not one of 400 rows can be used." in said
    assert "line 2, Time = '9000000'" in said
    assert "past the year 2099; 0 to 36,158 are taken. Is the unit right?" in said


def test_cards_without_customers_are_told_that_somebody_must_pay(
    creditcard: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train.main(["--data", str(creditcard), "--start", "2013-09-01"]) == 2
    said = capsys.readouterr().err
    assert "Which column is the payer? Every transaction names who pays" in said
    assert "Give a mapping as JSON (--mapping FILE)." in said
