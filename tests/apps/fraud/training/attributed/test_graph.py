"""Whether arrays make a graph: what is understood, and what is refused by name and value."""

from typing import Any

import numpy as np
import pytest

from apps.fraud.training.attributed.drawing import drawn
from apps.fraud.training.attributed.graph import checked
from loupe.contract.runtime.errors import InputRefused


def changed(name: str, at: Any, value: float, dtype: type | None = None) -> dict[str, np.ndarray]:
    """The arrays of a drawn graph of 50 nodes with one value changed."""
    arrays = drawn(50, signal=False, seed=3)
    arrays[name] = arrays[name].astype(dtype or arrays[name].dtype)
    arrays[name][at] = value
    return arrays


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (changed("edges", (2, 1), 500), "^g.npz: edges names node 500 in row 2; .* from 0 to 49"),
        (changed("edges", (2, 1), -1), "edges names node -1 in row 2"),
        (changed("edges", (2, 1), np.nan, float), "edges names node nan in row 2"),
        (changed("edges", (2, 1), 1.5, float), "edges has the fraction 1.5 in row 2"),
        (changed("node_labels", 7, 2), "node_labels of node 7, which is in .*_masks, is 2"),
        (changed("node_features", (4, 1), np.nan), "node 4 is nan in column 1"),
        (changed("node_features", (4, 1), 1e300, float), r"node 4 is 1e\+300 in column 1"),
        (changed("train_masks", (1, 9), np.nan, float), "node 9 in split 1 is nan"),
        (changed("train_masks", (1, 9), 3, int), "train_masks of node 9 in split 1 is 3"),
        (changed("train_masks", ..., 1), "share nodes, such as"),
        (changed("val_masks", ..., 0), "split 0 of val_masks has labels of one kind only"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_by_its_place(
    arrays: dict[str, np.ndarray], message: str
) -> None:
    with pytest.raises(InputRefused, match=message):
        checked("g.npz", arrays)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"node_labels": np.zeros(49)}, "node_labels has the shape"),
        ({"node_features": np.zeros(50)}, "node_features has the shape"),
        ({"node_features": np.array([["a"] * 2] * 50)}, "give numbers"),
        ({"test_masks": np.zeros((2, 50), bool)}, "as many of each kind"),
        ({"train_masks": np.zeros((3, 20), int)}, "of true and false"),
    ],
)
def test_arrays_of_another_shape_or_kind_are_refused(
    change: dict[str, np.ndarray], message: str
) -> None:
    with pytest.raises(InputRefused, match=message):
        checked("g.npz", {**drawn(50, signal=False, seed=3), **change})


@pytest.mark.parametrize("unknown", [-1, np.nan])
def test_nodes_without_a_label_are_neighbours_only(unknown: float) -> None:
    arrays = drawn(200, signal=True)
    without = np.arange(0, 200, 9)
    labels = arrays["node_labels"].astype(np.float64)
    labels[without] = unknown
    graph = checked("g", {**arrays, "node_labels": labels})
    assert graph.left_out == len(without)
    assert (graph.labels[without] == -1).all()
    masks = graph.train | graph.val | graph.test
    assert not masks[:, without].any()
    assert masks[:, np.setdiff1d(np.arange(200), without)].all()
    assert (graph.edges == checked("g", arrays).edges).all()
    assert not (arrays["train_masks"] != drawn(200, signal=True)["train_masks"]).any()


def test_labels_of_nodes_in_no_mask_are_not_looked_at() -> None:
    arrays = drawn(200, signal=True)
    for key in ("train_masks", "val_masks", "test_masks"):
        arrays[key][:, :20] = False
    arrays["node_labels"][:20] = 3
    graph = checked("g", arrays)
    assert (graph.labels[:20] == -1).all()
    assert graph.left_out == 0


def test_labels_as_a_column_are_understood() -> None:
    arrays = drawn(60, signal=False)
    column = {**arrays, "node_labels": arrays["node_labels"][:, None]}
    assert (checked("g", column).labels == arrays["node_labels"]).all()
