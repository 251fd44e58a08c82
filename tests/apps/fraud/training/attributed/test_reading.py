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


def _tables(folder: Path, *, nodes: pl.DataFrame | None = None, sources: Any = None) -> Path:
    arrays = drawn(60, signal=True, seed=3)
    masks = {f"{split}_mask": arrays[f"{split}_masks"][0] for split in ("train", "val", "test")}
    told = pl.DataFrame({"f": arrays["node_features"][:, 0], "label": arrays["node_labels"]})
    told = told.with_columns(**{key: pl.Series(each) for key, each in masks.items()})
    (told if nodes is None else told.with_columns(nodes)).write_parquet(folder / "nodes.parquet")
    edges = pl.DataFrame({"source": arrays["edges"][:, 0], "target": arrays["edges"][:, 1]})
    if sources is not None:
        edges = edges.with_columns(source=pl.Series(sources(edges["source"].to_list())))
    edges.write_parquet(folder / "edges.parquet")
    return folder


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("name", ["x"] * 60, "nodes.parquet: the column 'name' has the type String"),
        ("f", [None] + [1.0] * 59, "nodes.parquet: the column 'f' is empty in row 0"),
        ("train_mask", [True, None] * 30, "the column 'train_mask' is empty in row 1"),
        ("label", ["0"] * 60, "the column 'label' has the type String"),
    ],
)
def test_columns_of_nodes_that_are_no_numbers_are_refused_by_name(
    tmp_path: Path, name: str, values: list[Any], message: str
) -> None:
    with pytest.raises(InputRefused, match=message):
        read_graph(_tables(tmp_path, nodes=pl.DataFrame({name: values})))


def test_an_edge_without_an_end_is_refused_by_row(tmp_path: Path) -> None:
    folder = _tables(tmp_path, sources=lambda rows: [*rows[:4], None, *rows[5:]])
    with pytest.raises(InputRefused, match="the column 'source' is empty in row 4"):
        read_graph(folder)


def test_a_missing_label_in_a_table_is_not_known(tmp_path: Path) -> None:
    whole = read_graph(_tables(tmp_path))
    labels = [None, *whole.labels.tolist()[1:]]
    graph = read_graph(_tables(tmp_path, nodes=pl.DataFrame({"label": labels})))
    assert graph.labels[0] == -1
    assert graph.left_out == 1


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
    with pytest.raises(InputRefused, match=r"cannot be read.*Write it again"):
        read_graph(tmp_path / "cut.npz")
