"""`PackedForest`: decision trees as one table of nodes, laid out for walking."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from torch import Tensor

from core_kernels.structures.xgboost_model import Tree, XgboostModel, read


@dataclass(frozen=True, kw_only=True)
class PackedForest:
    """Trees for `forest`; they lie one output after the other, in their order.

    A node is 16 bytes, four int32: feature · 2 + 1 if a missing value goes right; the bits of
    the fp32 threshold; the left child, whose neighbour is the right one; the bits of a leaf's fp32
    value. A leaf has a NaN as threshold and itself as left child: walking on from it stays there.

    Attributes:
        nodes: [N, 4] int32.
        ids: [N] int32 the node's number in its own tree.
        roots: [T] int32.
        depths: [T] int32 splits on the longest way.
        columns: [T] int32 the tree's place in the model.
        starts: [outputs + 1] int32 where the trees of each output begin.
        base: [outputs] fp32 margins before the first tree.
        features: how many a row has.
        feature_names: as the model tells them; empty if it does not.
    """

    nodes: Tensor
    ids: Tensor
    roots: Tensor
    depths: Tensor
    columns: Tensor
    starts: Tensor
    base: Tensor
    features: int
    feature_names: tuple[str, ...] = ()

    @classmethod
    def from_xgboost(cls, data: bytes) -> Self:
        """From the bytes of a model file of XGBoost, JSON or UBJSON.

        Raises:
            ArgumentRefused: see `xgboost_model.read`.
        """
        return cls.from_model(read(data))

    @classmethod
    def from_model(cls, model: XgboostModel) -> Self:
        """From a model that was read."""
        columns = np.argsort(np.array(model.groups, np.int64), kind="stable")
        parts, ids, roots, first = [], [], [], 0
        for column in columns:
            part, order = _packed(model.trees[column], first)
            parts.append(part)
            ids.append(order)
            roots.append(first)
            first += len(part)
        counts = np.bincount(np.array(model.groups, np.int64), minlength=len(model.base))
        return cls(
            nodes=_int32(np.concatenate(parts) if parts else np.zeros((0, 4))),
            ids=_int32(np.concatenate(ids) if ids else np.zeros(0)),
            roots=_int32(np.array(roots)),
            depths=_int32(np.array([model.trees[column].depth for column in columns])),
            columns=_int32(columns),
            starts=_int32(np.concatenate([[0], np.cumsum(counts)])),
            base=torch.from_numpy(model.base.copy()),
            features=model.features,
            feature_names=model.feature_names,
        )

    def to(self, device: torch.device | str) -> Self:
        """The same on another device."""
        tensors = {
            name: getattr(self, name).to(device)
            for name in ("nodes", "ids", "roots", "depths", "columns", "starts", "base")
        }
        return replace(self, **tensors)


def _int32(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, np.int32))


def _packed(tree: Tree, first: int) -> tuple[np.ndarray, np.ndarray]:
    """The nodes of a tree from the root down, which begin at `first`; and their old numbers."""
    order = tree.order
    place = np.zeros(len(tree.left), np.int64)
    place[order] = np.arange(len(order)) + first
    inner = tree.left[order] >= 0
    bits = tree.value[order].view(np.int32)
    nodes = np.zeros((len(order), 4), np.int32)
    nodes[:, 0] = np.where(inner, tree.feature[order] * 2 + ~tree.default_left[order], 0)
    nodes[:, 1] = np.where(inner, bits, np.float32(np.nan).view(np.int32))
    nodes[:, 2] = np.where(inner, place[tree.left[order]], place[order])
    nodes[:, 3] = np.where(inner, 0, bits)
    return nodes, order.astype(np.int32)
