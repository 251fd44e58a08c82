"""The benchmark of our network beside plain PyG tells every seed of both, and what is missed."""

import pytest

from apps.fraud.benchmarks.attributed import lines, run, within


@pytest.mark.slow
def test_every_seed_of_both_graphs_is_told_and_a_distance_fails() -> None:
    said = run(nodes=300, seeds=2, epochs=3)
    shown = lines(said)
    assert set(said["graphs"]) == {"with signal", "without signal"}
    for row in said["graphs"].values():
        assert len(row["ours"]) == len(row["pyg"]) == 2
        mean = sum(a - b for a, b in zip(row["ours"], row["pyg"], strict=True)) / 2
        assert row["difference"]["value"] == pytest.approx(mean)
        assert row["epochs"] == {"graphsage": [3, 3], "graphsage_pyg": [3, 3]}
        for ours in row["ours"]:
            assert any(f"{ours:.4f}" in line for line in shown)
    assert within(said)
    assert shown[-1] == "Within 0.01 AUC of plain PyG."
    said["graphs"]["without signal"]["difference"]["value"] = -0.02
    assert not within(said)
    assert lines(said)[-1] == "Not within 0.01 AUC of plain PyG."
