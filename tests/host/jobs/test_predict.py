"""Promises of ``manage.py predict``: it works from nothing, in order, and says what it refuses."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.host.jobs.stack import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.json").write_text(json.dumps({"value": number}))
    return folder


def predict(
    tmp_path: Path, *arguments: object, app: str = "dummy_app"
) -> "subprocess.CompletedProcess[str]":
    """Run the command in an installation that does not exist yet."""
    environment = {**os.environ, "LOUPE_VAR": str(tmp_path / "var")}
    environment["DJANGO_SETTINGS_MODULE"] = "loupe.settings.dev"
    return subprocess.run(
        [sys.executable, ROOT / "manage.py", "predict", app, *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_from_nothing_one_json_line_per_input_in_order(tmp_path: Path, inputs: Path) -> None:
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        archive.write(inputs / "2.json", "two.json")
    done = predict(tmp_path, inputs, tmp_path / "more.zip", "--model", "double", "--json")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["name"] for line in lines] == ["0.json", "1.json", "2.json", "two.json"]
    assert [line["data"]["scaled"] for line in lines] == [0.0, 2.0, 4.0, 4.0]
    assert {line["model"]["name"] for line in lines} == {"double"}
    assert all(line["outcome"] == "low" and line["sha256"] for line in lines)


def test_a_bad_file_is_a_line_with_its_error_and_the_rest_is_done(
    tmp_path: Path, inputs: Path
) -> None:
    (inputs / "bad.json").write_text('{"value": "x"}')
    (inputs / "empty.json").write_text("")
    done = predict(tmp_path, inputs, tmp_path / "nowhere.json", "--json")
    lines = {line["name"]: line for line in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 1
    assert sum("outcome" in line for line in lines.values()) == 3
    assert lines["bad.json"]["error"]["code"] == "not_a_number"
    assert lines["empty.json"]["error"]["code"] == "empty_file"
    assert lines["nowhere.json"]["error"]["code"] == "unreadable_file"
    assert {line["status"] for line in lines.values() if "error" in line} == {"refused"}


def test_a_model_that_is_not_registered_is_refused_with_those_that_are(
    tmp_path: Path, inputs: Path
) -> None:
    done = predict(tmp_path, inputs, "--model", "triple")
    assert done.returncode == 2
    assert "No model is called 'triple'; registered are: double." in done.stderr
    assert done.stdout == ""


def test_without_json_people_get_a_table(tmp_path: Path, inputs: Path) -> None:
    done = predict(tmp_path, inputs / "1.json")
    (line,) = done.stdout.splitlines()
    assert line.split()[0] == "low"
    assert line.endswith("1.json")


def test_live_state_and_its_model_are_run_in_the_process_one_line_a_row(tmp_path: Path) -> None:
    for name, rows in (("1.csv", ["a,1,x", "b,4,x"]), ("2.csv", ["a,3,"]), ("3.csv", ["a,?,"])):
        table = [f"{name}-{n},{row}" for n, row in enumerate(rows)]
        (tmp_path / name).write_text("\n".join(["id,account,cents,shop", *table]) + "\n")
    files = [tmp_path / f"{n}.csv" for n in (1, 2, 3)]
    done = predict(tmp_path, *files, "--json", app="chained_probe")
    assert done.returncode == 1, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["name"], line.get("row")) for line in lines] == [
        ("1.csv", 0),
        ("1.csv", 1),
        ("2.csv", 0),
        ("3.csv", None),
    ]
    # The third purchase is three of the four cents its account has spent: state was kept.
    assert [line["data"]["score"] for line in lines[:3]] == [0.5, 0.5, 0.75]
    assert lines[0]["data"]["places"] == {"shop": "x"}
    assert lines[2]["data"]["features"] == {"share": 0.75, "before": 1.0}
    assert {line["model"]["name"] for line in lines[:3]} == {"shares"}
    assert "Line 2 is no purchase" in lines[3]["error"]["message"]


def test_what_a_count_of_time_starts_at_is_said_as_a_fact_or_the_file_is_refused(
    tmp_path: Path,
) -> None:
    head = "step,type,amount,nameOrig,nameDest,isFraud"
    rows = [f"{1 + n // 4},PAYMENT,{n}.50,C{n % 9},M{n % 3},0" for n in range(40)]
    path = tmp_path / "paysim.csv"
    path.write_text("\n".join([head, *rows]) + "\n")
    done = predict(tmp_path, path, app="fraud")
    assert done.returncode == 1
    assert "'step' holds counts (from 1 to 10" in done.stdout
    assert "predict --fact start=2026-01-01" in done.stdout
    facts = ("--fact", "start=hours since 2026-01-01T00:00:00Z")
    done = predict(tmp_path, path, *facts, "--json", app="fraud")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["row"] for line in lines] == list(range(40))
    assert [line["data"]["event_time"] for line in lines] == [
        1_767_225_600_000 + (1 + n // 4) * 3_600_000 for n in range(40)
    ]
    done = predict(tmp_path, path, "--fact", "start=soon", app="fraud")
    assert "'soon' is no start of a count" in done.stdout


def test_rows_that_are_left_out_are_told_and_the_others_scored(tmp_path: Path) -> None:
    head = "transaction_id,timestamp,amount,currency,customer_id,terminal_id"
    good = [f"t{n},2024-03-01T10:{n}:00Z,{n}.50,EUR,customer{n % 9},m1" for n in range(10, 50)]
    bad = "t9,2024-03-01T10:09:00Z,NaN,EUR,customer1,m1"
    alike = "t8,2024-03-01T10:08:00Z,8.50,EUR,с\u0443stomer1,m1"
    (tmp_path / "rows.csv").write_text("\n".join([head, *good[:2], bad, *good[2:], alike]) + "\n")
    done = predict(tmp_path, tmp_path / "rows.csv", "--json", app="fraud")
    assert done.returncode == 1, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    (refused,) = [line for line in lines if "error" in line]
    assert refused["status"] == "refused"
    assert (refused["line"], refused["error"]["code"]) == (4, "amount_nan")
    assert [line["row"] for line in lines if "outcome" in line] == list(range(41))
    assert "looks like" in done.stderr
