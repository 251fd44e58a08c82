"""``evaluate fraud`` and ``train fraud`` at a terminal: JSON, sentences, exit statuses."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from apps.fraud.commands import evaluate, train
from apps.fraud.training.attributed.drawing import drawn, saved


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
