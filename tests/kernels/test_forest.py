"""`forest` against XGBoost: the same leaf in every tree, the same bits of every margin."""

import json
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from core_kernels.dispatch.choice import using
from core_kernels.dispatch.forest import PackedForest, forest, forest_leaves
from core_kernels.errors import ArgumentRefused, NoImplementation
from core_kernels.structures.ubjson import parse

xgboost = pytest.importorskip("xgboost", reason="xgboost is not here: nothing to compare with")

WAYS = ["reference", "triton"] if torch.cuda.is_available() else ["reference", "numba", "triton"]


def table(rows: int, features: int = 7, seed: int = 0) -> np.ndarray:
    """Columns of which some values are missing, some zero of either sign, some tiny, some huge."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(rows, features)).astype(np.float32)
    x[draw.random(x.shape) < 0.2] = np.nan
    odd = np.array([0.0, -0.0, 1e-42, 3e38, -3e38], np.float32)
    chosen = draw.random(x.shape) < 0.1
    x[chosen] = draw.choice(odd, int(chosen.sum()))
    return x


def booster(objective: str = "binary:logistic", trees: int = 9, **more: Any) -> Any:
    """A few trees of depth 4 over seven columns."""
    x = table(400)
    y = np.nan_to_num(np.clip(x, -3, 3))[:, :3].sum(1)
    if objective.startswith("multi"):
        y = np.digitize(y, [-1, 1]).astype(float)
        more["num_class"] = 3
    elif objective in ("binary:logistic", "binary:logitraw"):
        y = (y > 0).astype(float)
    elif objective == "count:poisson":
        y = np.round(np.abs(y))
    how = {"objective": objective, "max_depth": 4, "seed": 1, "nthread": 1, **more}
    return xgboost.train(how, xgboost.DMatrix(x, y), trees)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("rows", [0, 1, 5, 70])
def test_margins_and_leaves_are_xgboosts_to_the_bit(
    way: str, rows: int, device: torch.device
) -> None:
    model, x = booster(), table(rows, seed=3)
    trees = PackedForest.from_xgboost(bytes(model.save_raw("ubj"))).to(device)
    with using(forest=way, forest_leaves=way):
        margins = forest(torch.from_numpy(x).to(device), trees).cpu().numpy()
        leaves = forest_leaves(torch.from_numpy(x).to(device), trees).cpu().numpy()
    assert margins.shape == (rows, 1)
    if rows:
        data = xgboost.DMatrix(x)
        assert np.array_equal(margins[:, 0], model.predict(data, output_margin=True))
        assert np.array_equal(leaves, model.predict(data, pred_leaf=True).reshape(rows, -1))


@pytest.mark.parametrize("way", WAYS)
def test_every_class_has_its_margin(way: str, device: torch.device) -> None:
    model, x = booster("multi:softprob", trees=4), table(40, seed=4)
    trees = PackedForest.from_xgboost(bytes(model.save_raw("json"))).to(device)
    with using(forest=way, forest_leaves=way):
        margins = forest(torch.from_numpy(x).to(device), trees).cpu().numpy()
        leaves = forest_leaves(torch.from_numpy(x).to(device), trees).cpu().numpy()
    data = xgboost.DMatrix(x)
    assert np.array_equal(margins, model.predict(data, output_margin=True))
    assert np.array_equal(leaves, model.predict(data, pred_leaf=True))


@pytest.mark.parametrize(
    ("objective", "more"),
    [
        ("binary:logistic", {"base_score": 0.013}),
        ("binary:logitraw", {}),
        ("reg:squarederror", {}),
        ("count:poisson", {}),
        ("binary:logistic", {"max_depth": 0, "max_leaves": 9, "grow_policy": "lossguide"}),
        ("binary:logistic", {"num_parallel_tree": 3, "subsample": 0.5}),
    ],
)
def test_other_objectives_start_where_xgboost_starts(objective: str, more: dict[str, Any]) -> None:
    model, x = booster(objective, trees=3, **more), table(60, seed=5)
    trees = PackedForest.from_xgboost(bytes(model.save_raw("ubj")))
    expected = model.inplace_predict(x, predict_type="margin")
    assert np.array_equal(forest(torch.from_numpy(x), trees)[:, 0].numpy(), expected)


@settings(max_examples=40, deadline=None)
@given(score=st.floats(2**-15, 1 - 2**-15, width=32))
def test_the_base_margin_has_xgboosts_last_bit(score: float) -> None:
    model = booster(trees=1, max_depth=1, base_score=score)
    trees = PackedForest.from_xgboost(bytes(model.save_raw("ubj")))
    x = table(3, seed=6)
    expected = model.inplace_predict(x, predict_type="margin")
    assert np.array_equal(forest(torch.from_numpy(x), trees)[:, 0].numpy(), expected)


def test_infinite_values_are_refused_as_xgboost_does() -> None:
    trees = PackedForest.from_xgboost(bytes(booster().save_raw("ubj")))
    x = torch.from_numpy(table(5))
    x[3, 2] = float("inf")
    with pytest.raises(ArgumentRefused, match="infinite value in row 3"):
        forest(x, trees)
    with pytest.raises(xgboost.core.XGBoostError):
        xgboost.DMatrix(x.numpy())


def test_tables_of_another_form_are_refused() -> None:
    trees = PackedForest.from_xgboost(bytes(booster().save_raw("ubj")))
    with pytest.raises(ArgumentRefused, match=r"give \[rows, 7\] of torch.float32"):
        forest(torch.zeros(3, 6), trees)
    with pytest.raises(ArgumentRefused, match="float64"):
        forest(torch.zeros(3, 7, dtype=torch.float64), trees)
    with using(forest="absent"), pytest.raises(NoImplementation, match="reference"):
        forest(torch.zeros(3, 7), trees)


def test_it_compiles_whole_and_passes_opcheck(device: torch.device) -> None:
    trees = PackedForest.from_xgboost(bytes(booster().save_raw("ubj"))).to(device)
    x = torch.from_numpy(table(20)).to(device)
    given_ = (x, trees.nodes, trees.roots, trees.depths, trees.starts, trees.base, False)
    torch.library.opcheck(torch.ops.core_kernels.forest, given_)
    compiled = torch.compile(lambda x: forest(x, trees) * 2, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(x), forest(x, trees) * 2)


def test_whoever_follows_the_calls_of_pytorch_sees_one_operation(device: torch.device) -> None:
    """Without anybody there the trees are walked without asking PyTorch, to the same bits."""
    trees = PackedForest.from_xgboost(bytes(booster().save_raw("ubj"))).to(device)
    x = torch.from_numpy(table(20)).to(device)
    seen: list[str] = []

    class Follower(TorchDispatchMode):
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            seen.append(str(func))
            return func(*args, **(kwargs or {}))

    with Follower():  # type: ignore[no-untyped-call]
        followed = forest(x, trees)
    assert "core_kernels.forest.default" in seen
    assert torch.equal(followed, forest(x, trees))


@cache
def small() -> bytes:
    """A model of two trees."""
    return bytes(booster(trees=2).save_raw("ubj"))


def model_dict() -> dict[str, Any]:
    """A small model as plain Python."""
    told: dict[str, Any] = json.loads(bytes(booster(trees=2).save_raw("json")))
    return told


def damaged(change: str) -> dict[str, Any]:
    """A model with one thing wrong."""
    told = model_dict()
    learner = told["learner"]
    tree = learner["gradient_booster"]["model"]["trees"][1]
    if change == "a child outside":
        tree["left_children"][0] = 10**6
    elif change == "a cycle":
        tree["left_children"][1] = 0
    elif change == "a node with two parents":
        tree["left_children"][0] = tree["right_children"][0]
    elif change == "a feature outside":
        tree["split_indices"][0] = 7
    elif change == "a short list":
        tree["split_conditions"].pop()
    elif change == "a category":
        tree["split_type"][0] = 1
    elif change == "a threshold that is none":
        tree["split_conditions"][0] = float("nan")
    elif change == "a class outside":
        learner["gradient_booster"]["model"]["tree_info"][0] = 4
    elif change == "dart":
        learner["gradient_booster"]["name"] = "dart"
    elif change == "an objective":
        learner["objective"]["name"] = "survival:cox"
    elif change == "a score":
        learner["learner_model_param"]["base_score"] = "1.5E0"
    elif change == "no trees":
        del learner["gradient_booster"]["model"]["trees"]
    elif change == "text for a number":
        tree["left_children"][0] = "__import__('os')"
    return told


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ("a child outside", "tree 1 has a child that is not there"),
        ("a cycle", "tree 1 reaches a node in two ways"),
        ("a node with two parents", "tree 1 reaches a node in two ways"),
        ("a feature outside", "outside of the 7"),
        ("a short list", "split_conditions"),
        ("a category", "tree 1 has a categorical split"),
        ("a threshold that is none", "no number"),
        ("a class outside", "tree_info"),
        ("dart", "'dart'; forest takes 'gbtree'"),
        ("an objective", "'survival:cox'; forest takes"),
        ("a score", "must lie between 0 and 1"),
        ("no trees", "no model of XGBoost"),
        ("text for a number", "where integers are needed"),
    ],
)
def test_a_model_with_one_thing_wrong_is_refused_by_name(change: str, match: str) -> None:
    with pytest.raises(ArgumentRefused, match=match):
        PackedForest.from_xgboost(json.dumps(damaged(change)).encode())


@settings(max_examples=150, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255), cut=st.booleans())
def test_no_change_of_a_byte_does_more_than_a_refusal(place: float, byte: int, cut: bool) -> None:
    data = bytearray(small())
    at = int(place * len(data))
    data[at] = byte
    try:
        trees = PackedForest.from_xgboost(bytes(data[:at] if cut else data))
    except ArgumentRefused:
        return
    if trees.features <= 7:
        forest(torch.zeros(2, trees.features), trees)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[" * 100_000,
        b'{"learner":' + b"[" * 100_000,
        b"{L\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"[$d#L\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"[#L\xff\xff\xff\xff\xff\xff\xff\xff",
        b"{U\x01\xff",
        b'{"learner": NaN}',
    ],
)
def test_lengths_and_depths_that_lie_are_refused(data: bytes) -> None:
    with pytest.raises(ArgumentRefused):
        PackedForest.from_xgboost(data)
    with pytest.raises(ArgumentRefused):
        parse(data)


def test_the_reader_knows_every_marker() -> None:
    data = b"{U\x01aZU\x01b[TFi\xffNCxSU\x02hiD\x3f\xf0" + bytes(6)
    data += b"]U\x01c[$I#U\x01\x01\x02}"
    told = parse(data)
    assert told["a"] is None
    assert told["b"] == [True, False, -1, "x", "hi", 1.0]
    assert told["c"].tolist() == [258]
