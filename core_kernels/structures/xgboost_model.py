"""XGBoost's model files, JSON or UBJSON, read without XGBoost and without trusting them.

Every index is checked before it is used, so a model from anyone can at worst be refused.
The format: https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html.
"""

import ctypes
import ctypes.util
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core_kernels.errors import ArgumentRefused
from core_kernels.structures.ubjson import parse

#: Larger files are refused.
LARGEST_BYTES: Final = 2**30

_IDENTITY: Final = frozenset(
    {
        "binary:hinge", "binary:logitraw", "multi:softmax", "multi:softprob", "rank:map",
        "rank:ndcg", "rank:pairwise", "reg:absoluteerror", "reg:pseudohubererror",
        "reg:quantileerror", "reg:squarederror", "reg:squaredlogerror",
    }
)  # fmt: skip
_LOGIT: Final = frozenset({"binary:logistic", "reg:logistic"})
_LOG: Final = frozenset({"count:poisson", "reg:gamma", "reg:tweedie"})


@dataclass(frozen=True, kw_only=True)
class Tree:
    """One tree, checked: node 0 is the root, both children of a node are there or neither is.

    Attributes:
        left, right: [nodes] int32 children, −1 at leaves.
        feature: [nodes] int32.
        default_left: [nodes] where a missing value goes.
        value: [nodes] fp32 threshold of a split (less goes left) or value of a leaf.
        depth: splits on the longest way.
        order: [reachable] nodes from the root down, level by level.
    """

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    feature: NDArray[np.int32]
    default_left: NDArray[np.bool_]
    value: NDArray[np.float32]
    depth: int
    order: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class XgboostModel:
    """Trees in their order, the output that each adds to, and where the outputs start.

    Attributes:
        trees: all of them.
        groups: the output of each tree: a class, or 0.
        base: [outputs] fp32 margins before the first tree.
        features: how many there are.
        feature_names: as stored; empty if none were.
        objective: by XGBoost's name, e.g. "binary:logistic".
    """

    trees: tuple[Tree, ...]
    groups: tuple[int, ...]
    base: NDArray[np.float32]
    features: int
    feature_names: tuple[str, ...]
    objective: str


def read(data: bytes) -> XgboostModel:
    """The model in `data`, which `Booster.save_model` or `save_raw` wrote.

    Raises:
        ArgumentRefused: it is damaged, or has what `forest` does not take: categorical splits,
            trees with several values per leaf, dart, linear boosters, unknown objectives.
    """
    if len(data) > LARGEST_BYTES:
        raise ArgumentRefused(f"The model has {len(data):,} bytes; {LARGEST_BYTES:,} are read.")
    told = _decoded(data)
    try:
        return _model(told)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        if isinstance(error, ArgumentRefused):
            raise
        raise ArgumentRefused(
            f"This is no model of XGBoost 2 or 3 ({type(error).__name__}: {error}); save it "
            "again with save_model."
        ) from None


def _decoded(data: bytes) -> Any:
    if data[:1] != b"{":
        raise ArgumentRefused(
            "The model does not begin as JSON or UBJSON; save it as .json or .ubj."
        )
    if data[1:2] not in (b'"', b" ", b"\n", b"\r", b"\t", b"}"):
        return parse(data)
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ArgumentRefused(f"The model is no JSON: {error}.") from None


def _model(told: Any) -> XgboostModel:
    learner = told["learner"]
    booster = learner["gradient_booster"]
    if booster["name"] != "gbtree":
        raise ArgumentRefused(f"The booster is {booster['name']!r}; forest takes 'gbtree'.")
    model, parameters = booster["model"], learner["learner_model_param"]
    features = _count("num_feature", parameters["num_feature"])
    outputs = max(
        _count("num_class", parameters["num_class"]),
        _count("num_target", parameters.get("num_target", 1)),
        1,
    )
    groups = _integers("tree_info", model["tree_info"], None)
    if len(groups) != len(model["trees"]):
        raise ArgumentRefused(f"tree_info has {len(groups)} of {len(model['trees'])} trees.")
    if len(groups) and not 0 <= groups.min() <= groups.max() < outputs:
        raise ArgumentRefused(f"tree_info names an output outside of the {outputs} there are.")
    objective = str(learner["objective"]["name"])
    return XgboostModel(
        trees=tuple(_tree(n, tree, features) for n, tree in enumerate(model["trees"])),
        groups=tuple(groups.tolist()),
        base=_base(str(parameters["base_score"]), outputs, objective),
        features=features,
        feature_names=tuple(str(name) for name in learner.get("feature_names", ())),
        objective=objective,
    )


def _count(name: str, value: Any) -> int:
    count = int(value)
    if not 0 <= count < 2**30:
        raise ArgumentRefused(f"{name} is {count}.")
    return count


def _integers(name: str, values: Any, size: int | None) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.ndim != 1 or (size is not None and len(array) != size):
        raise ArgumentRefused(f"{name} has shape {array.shape} where {size} numbers are needed.")
    if len(array) and array.dtype.kind not in "iub":
        raise ArgumentRefused(f"{name} holds {array.dtype} where integers are needed.")
    return array.astype(np.int64)


def _tree(number: int, told: Any, features: int) -> Tree:
    name = f"tree {number}"
    parameters = told["tree_param"]
    if int(parameters.get("size_leaf_vector", 1)) > 1:
        raise ArgumentRefused(f"{name} has several values per leaf; forest takes one.")
    size = _count(f"{name} num_nodes", parameters["num_nodes"])
    left = _integers(f"{name} left_children", told["left_children"], size)
    right = _integers(f"{name} right_children", told["right_children"], size)
    feature = _integers(f"{name} split_indices", told["split_indices"], size)
    default = _integers(f"{name} default_left", told["default_left"], size)
    kinds = _integers(f"{name} split_type", told.get("split_type", [0] * size), size)
    value = np.asarray(told["split_conditions"], np.float32)
    if size == 0 or value.shape != (size,):
        raise ArgumentRefused(f"{name} has {size} nodes and {value.shape} split_conditions.")
    inner = left >= 0
    if (kinds[inner] != 0).any():
        raise ArgumentRefused(
            f"{name} has a categorical split; forest takes numbers only: encode categories as "
            "numbers and train again."
        )
    if np.isnan(value).any():
        raise ArgumentRefused(f"{name} has a threshold or leaf that is no number.")
    children = np.stack([left, right])
    outside = (children < -1) | (children >= size)
    if outside.any() or (inner != (right >= 0)).any():
        raise ArgumentRefused(f"{name} has a child that is not there.")
    if inner.any() and not 0 <= feature[inner].min() <= feature[inner].max() < features:
        raise ArgumentRefused(f"{name} splits a feature outside of the {features} there are.")
    order, depth = _levels(name, left, right, size)
    return Tree(
        left=left.astype(np.int32),
        right=right.astype(np.int32),
        feature=feature.astype(np.int32),
        default_left=default != 0,
        value=value,
        depth=depth,
        order=order,
    )


def _levels(
    name: str, left: NDArray[np.int64], right: NDArray[np.int64], size: int
) -> tuple[NDArray[np.int64], int]:
    """The nodes from the root down; refuses one that is reached twice."""
    level, levels, seen = np.zeros(1, np.int64), [], 0
    while len(level):
        levels.append(level)
        seen += len(level)
        if seen > size:
            raise ArgumentRefused(f"{name} reaches a node in two ways.")
        inner = level[left[level] >= 0]
        level = np.stack([left[inner], right[inner]], 1).reshape(-1)
    order = np.concatenate(levels)
    if len(np.unique(order)) != len(order):
        raise ArgumentRefused(f"{name} reaches a node in two ways.")
    return order, len(levels) - 1


def _base(text: str, outputs: int, objective: str) -> NDArray[np.float32]:
    """Margins before the first tree: the link function of the objective at ``base_score``."""
    scores = np.array([float(one) for one in text.strip("[]").split(",")], np.float32)
    if len(scores) not in (1, outputs) or not np.isfinite(scores).all():
        raise ArgumentRefused(f"base_score {text!r} does not suit {outputs} outputs.")
    if len(scores) == 1:
        scores = np.repeat(scores, outputs)
    if objective in _IDENTITY:
        return scores
    one = np.float32(1)
    if objective in _LOGIT:
        if not ((scores > 0) & (scores < 1)).all():
            raise ArgumentRefused(f"base_score {text!r} of {objective} must lie between 0 and 1.")
        return np.array([-_log(one / score - one) for score in scores], np.float32)
    if objective in _LOG:
        if not (scores > 0).all():
            raise ArgumentRefused(f"base_score {text!r} of {objective} must be positive.")
        return np.array([_log(score) for score in scores], np.float32)
    known = ", ".join(sorted(_IDENTITY | _LOGIT | _LOG))
    raise ArgumentRefused(f"The objective is {objective!r}; forest takes {known}.")


def _log(value: np.float32) -> float:
    """The C library's ``logf``, which XGBoost calls: in fp32 its last bit is its own."""
    function = _logf()
    return float(function(float(value))) if function else math.log(float(value))


def _logf() -> Callable[[float], float] | None:
    name = ctypes.util.find_library("m")
    if name is None:
        return None
    function = ctypes.CDLL(name).logf
    function.restype, function.argtypes = ctypes.c_float, [ctypes.c_float]
    found: Callable[[float], float] = function
    return found
