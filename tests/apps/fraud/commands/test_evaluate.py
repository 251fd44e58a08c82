"""``evaluate fraud`` and ``train fraud`` at a terminal: JSON, sentences, exit statuses."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from apps.fraud.commands import evaluate, train
from apps.fraud.simulator import SimulatorConfig, simulate
from apps.fraud.simulator.table import write
from apps.fraud.training.attributed.drawing import drawn, saved
from apps.fraud.training.shipped import FOLDER
from loupe.accounts import projects
from loupe.accounts.policy import SYSTEM
from loupe.host import models


def test_a_graph_is_measured_as_one_json_object(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = saved(tmp_path / "graph.npz", drawn(400, signal=True))
    options = ["--data", str(path), "--seeds", "1", "--without-network", "--json"]
    assert evaluate.main(options) == 0
    said = json.loads(capsys.readouterr().out)
    assert [row["model"] for row in said["ladder"]] == [
        "xgboost_flat", "xgboost_graph", "ensemble",
    ]  # fmt: skip
    for row in said["ladder"]:
        assert {"model", "auc", "average_precision", "recall_at_k"} <= set(row)


def test_a_graph_that_does_not_fit_is_refused_with_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arrays = drawn(100, signal=False)
    del arrays["node_labels"]
    assert evaluate.main(["--data", str(saved(tmp_path / "g.npz", arrays))]) == 2
    assert "has no array 'node_labels'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value", "least"),
    [("--seeds", "-3", 1), ("--seeds", "0", 1), ("--epochs", "0", 1), ("--seed", "-1", 0)],
)
def test_a_number_that_measures_nothing_is_refused_by_its_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, value: str, least: int
) -> None:
    file = saved(tmp_path / "graph.npz", drawn(300, signal=True))
    assert evaluate.main(["--data", str(file), option, value]) == 2
    assert f"{option} is {value}; give {least} or more." in capsys.readouterr().err


@pytest.mark.parametrize("main", [train.main, evaluate.main])
def test_a_file_that_is_not_there_is_refused_with_two(
    main: Callable[[Sequence[str]], int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data", str(tmp_path / "none.csv")]) == 2
    assert "is no file" in capsys.readouterr().err


def test_a_recipe_with_a_wrong_value_names_the_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train.main(["--data", str(tmp_path / "none.csv"), "--seeds", "0"]) == 2
    assert "seeds" in capsys.readouterr().err


@pytest.fixture(scope="module")
def payments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("payments") / "payments.parquet"
    write(simulate(SimulatorConfig(customers=500, days=40, fraud_share=0.04), 7), path)
    return path


def test_a_model_that_exists_gets_a_row_without_a_ladder(
    payments: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--data", str(payments), "--model", str(FOLDER), "--only-models", "--json"]
    assert evaluate.main(options) == 0
    said = json.loads(capsys.readouterr().out)
    (row,) = said["ladder"]
    assert row["model"] == str(FOLDER)
    low, high = row["average_precision_interval"]
    assert said["rows"]["test"]["frauds"] / said["rows"]["test"]["rows"] < low
    assert low <= row["average_precision"] <= high
    # The shipped model learned from the same days of the simulator's year.
    assert row["seen"] is True
    assert evaluate.main(options[:-1]) == 0
    assert "is not new to it" in capsys.readouterr().out


@pytest.mark.django_db
def test_a_registered_model_is_found_by_its_name(
    payments: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = projects.create(SYSTEM, "shop", "Shop")
    wanted = ["--data", str(payments), "--only-models", "--json", "--project", "shop"]
    assert evaluate.main([*wanted, "--model", "payments"]) == 0
    by_name = json.loads(capsys.readouterr().out)["ladder"][0]
    assert evaluate.main([*wanted, "--model", str(FOLDER)]) == 0
    by_folder = json.loads(capsys.readouterr().out)["ladder"][0]
    assert by_name["average_precision"] == by_folder["average_precision"]
    number = models.visible_versions(SYSTEM, project, "fraud").get(model__name="payments").number
    assert evaluate.main([*wanted, "--model", f"payments@{number + 1}"]) == 2
    assert evaluate.main([*wanted, "--model", "payments@new"]) == 2
    assert "write NAME for the one that serves" in capsys.readouterr().err
    assert evaluate.main([*wanted, "--model", "nobody"]) == 2
    assert "nobody" in capsys.readouterr().err


def test_no_model_and_no_ladder_is_refused(
    payments: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate.main(["--data", str(payments), "--only-models"]) == 2
    assert "--model" in capsys.readouterr().err
