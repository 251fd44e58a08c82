"""Attributed graphs from files: both forms, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from apps.fraud.training.attributed.drawing import drawn, saved
from apps.fraud.training.attributed.reading import is_graph, read_graph
from loupe.contract.runtime.errors import InputRefused


def test_edges_go_both_ways_once_and_never_to_oneself(tmp_path: Path) -> None:
    arrays = drawn(200, signal=False)
    arrays["edges"] = np.array([[0, 1], [1, 0], [0, 1], [2, 2], [3, 4]])
    graph = read_graph(saved(tmp_path / "g.npz", arrays))
    assert graph.edges.T.tolist() == [[0, 1], [1, 0], [3, 4], [4, 3]]


def test_a_single_mask_and_turned_masks_are_understood(tmp_path: Path) -> None:
    arrays = drawn(80, signal=False, splits=3)
    turned = {**arrays, "train_masks": arrays["train_masks"].T}
    assert (read_graph(saved(tmp_path / "t.npz", turned)).train == arrays["train_masks"]).all()
    single = {name: each[0] if name.endswith("masks") else each for name, each in arrays.items()}
    assert read_graph(saved(tmp_path / "s.npz", single)).train.shape == (1, 80)


def test_each_seed_takes_the_next_split(tmp_path: Path) -> None:
    arrays = drawn(80, signal=False, splits=3)
    graph = read_graph(saved(tmp_path / "g.npz", arrays))
    for seed in range(5):
        train, _, test = graph.split(seed)
        assert (np.flatnonzero(arrays["train_masks"][seed % 3]) == train).all()
        assert not set(train) & set(test)


def test_tables_say_the_same_as_an_archive(tmp_path: Path) -> None:
    arrays = drawn(90, signal=True, splits=2)
    masks = {
        f"{split}_mask_{at}": arrays[f"{split}_masks"][at]
        for split in ("train", "val", "test")
        for at in range(2)
    }
    columns = {f"f{at}": each for at, each in enumerate(arrays["node_features"].T)}
    pl.DataFrame({**columns, "label": arrays["node_labels"], **masks}).write_parquet(
        tmp_path / "nodes.parquet"
    )
    pl.DataFrame({"source": arrays["edges"][:, 0], "target": arrays["edges"][:, 1]}).write_parquet(
        tmp_path / "edges.parquet"
    )
    assert is_graph(tmp_path)
    one, other = read_graph(tmp_path), read_graph(saved(tmp_path / "g.npz", arrays))
    assert (one.features == other.features).all()
    assert (one.edges == other.edges).all()
    assert (one.test == other.test).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"edges": np.array([[0, 500]])}, "edges names node 500"),
        ({"node_labels": np.full(50, 2)}, "node_labels has \\[2\\]"),
        ({"node_labels": np.zeros(49)}, "node_labels has the shape"),
        ({"node_features": np.full((50, 2), np.nan)}, "node_features of node 0 is not finite"),
        ({"node_features": np.zeros(50)}, "node_features has the shape"),
        ({"train_masks": np.ones((3, 50), bool)}, "share nodes"),
        ({"val_masks": np.zeros((3, 50), bool)}, "labels of one kind only"),
        ({"test_masks": np.zeros((2, 50), bool)}, "as many of each kind"),
        ({"node_features": np.array([["a"] * 2] * 50)}, "give numbers"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    tmp_path: Path, change: dict[str, np.ndarray], message: str
) -> None:
    path = saved(tmp_path / "g.npz", {**drawn(50, signal=False, seed=3), **change})
    with pytest.raises(InputRefused, match=message):
        read_graph(path)


def test_pickled_objects_are_never_opened(tmp_path: Path) -> None:
    edges = np.array([{"a": 1}], dtype=object)
    arrays: dict[str, Any] = {**drawn(50, signal=False), "edges": edges}
    np.savez(tmp_path / "g.npz", **arrays)
    with pytest.raises(InputRefused, match="never does"):
        read_graph(tmp_path / "g.npz")


def test_a_missing_array_and_a_broken_archive_are_refused(tmp_path: Path) -> None:
    arrays = drawn(50, signal=False)
    del arrays["edges"]
    with pytest.raises(InputRefused, match="has no array 'edges'"):
        read_graph(saved(tmp_path / "g.npz", arrays))
    (tmp_path / "cut.npz").write_bytes((tmp_path / "g.npz").read_bytes()[:200])
    with pytest.raises(InputRefused, match="cannot be read"):
        read_graph(tmp_path / "cut.npz")
