"""The Handbook's features equal the Handbook's recipe in pandas."""

from pathlib import Path

import numpy as np
import pytest

from apps.fraud.benchmarks.features import compare, generated, main, ours, recipe


@pytest.mark.slow
def test_the_handbooks_features_equal_its_recipe(tmp_path: Path) -> None:
    path = generated(6000, tmp_path / "rows.parquet")
    mine, theirs = ours(path), recipe(path)
    compare(mine, theirs)
    assert len(theirs) == 15
    assert all(len(np.unique(column)) > 1 for column in theirs.values())


def test_the_benchmark_compares_before_it_measures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def wrong(path: Path) -> dict[str, np.ndarray]:
        return {name: column + 1 for name, column in recipe(path).items()}

    monkeypatch.setattr("apps.fraud.benchmarks.features.ours", wrong)
    assert main(["--generate", "500", "--history", "0"]) == 1
    assert "Values differ" in capsys.readouterr().err
