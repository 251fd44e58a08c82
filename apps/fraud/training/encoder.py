"""The part of the graph network that a model keeps: from an entity's past to its embedding.

It is written beside the forest that reads the embeddings, and makes them anew for as long as that
model serves. Nothing in the file is code: tensors, and their sizes as JSON.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from apps.fraud.inference.embeddings import feature_names
from apps.fraud.training.blocks import Blocks, blocks
from apps.fraud.training.messages import HOP1, HOP2, Messages, Scale
from apps.fraud.training.network import Batch, EntityEncoder, Shape
from apps.fraud.training.table import Table
from loupe.contract.runtime.errors import ModelRefused

BATCH = 4_096
_ABOUT, _MEAN, _SPREAD, _WEIGHTS = "about", "mean", "spread", "weights."


@dataclass(frozen=True)
class Encoder:
    """Makes embeddings.

    Attributes:
        refresh: milliseconds between two makings in the training.
    """

    encoder: EntityEncoder
    scale: Scale
    refresh: int

    @property
    def entities(self) -> tuple[str, ...]:
        """Keys, in order; the payer first."""
        return self.encoder.shape.entities

    @property
    def names(self) -> tuple[str, ...]:
        """Of the features that trees read."""
        return feature_names(self.entities, self.encoder.shape.embedding)

    def background(
        self, messages: Messages, rows: NDArray[np.int64]
    ) -> tuple[tuple[str, ...], NDArray[np.float32]]:
        """What the background had ready for each row's entities, and how old it was in seconds.

        Embeddings are made at every full `refresh`; a row finds those of the last one before it.
        """
        moment = messages.time[rows] // self.refresh * self.refresh
        out = np.empty((len(rows), len(self.names)), np.float32)
        opened = messages.openings(self.refresh)
        self.encoder.eval()
        with torch.no_grad():
            for start in range(0, len(rows), BATCH // 2):
                part = slice(start, start + BATCH // 2)
                batch = messages.batch(rows[part], moment[part], opened)
                told = self.encoder(batch, self.entities)
                out[part, :-1] = torch.cat([told[key] for key in self.entities], dim=1).numpy()
        out[:, -1] = (messages.time[rows] - moment) / 1000.0
        return self.names, out

    def of_rows(self, table: Table, rows: NDArray[np.int64], count: int) -> NDArray[np.float32]:
        """[rows, names] as `background`, of a table with the features that are said.

        Args:
            count: earlier rows of each entity that are known of.
        """
        messages = Messages.without_own(table, blocks(table, count), self.scale)
        return self.background(messages, rows)[1]

    def latest(
        self, table: Table, moment: int
    ) -> dict[str, tuple[NDArray[np.str_], NDArray[np.float32]]]:
        """By entity: identifiers, and [n, width] embeddings of all who are in the table.

        Args:
            table: of what happened before `moment`, in order of time.
            moment: milliseconds; labels that are known later do not count.
        """
        around = blocks(table, HOP2)
        messages = Messages.without_own(table, around, self.scale)
        found = {}
        self.encoder.eval()
        with torch.no_grad():
            for key in self.entities:
                present, place = newest(around, key)
                parts = []
                for start in range(0, len(present), BATCH):
                    some = place[start : start + BATCH]
                    now = np.full(len(some), moment, np.int64)
                    parts.append(self.encoder(messages.around_entity(key, some, now), [key])[key])
                width = self.encoder.shape.embedding
                told = torch.cat(parts).numpy() if parts else np.empty((0, width), np.float32)
                found[key] = around.names[key][present], told
        return found

    def nobody(self) -> dict[str, list[float]]:
        """By entity, what is said of somebody without a past."""
        shape, found = self.encoder.shape, {}
        self.encoder.eval()
        with torch.no_grad():
            for key in self.entities:
                hop1, there1 = {key: torch.zeros(1, HOP1, shape.message)}, {}
                there1[key] = torch.zeros(1, HOP1, dtype=torch.bool)
                pairs = [pair for pair in shape.pairs() if pair[0] == key]
                hop2 = {pair: torch.zeros(1, HOP1, HOP2, shape.message) for pair in pairs}
                there2 = {pair: torch.zeros(1, HOP1, HOP2, dtype=torch.bool) for pair in pairs}
                batch = Batch(torch.empty(1, 0), hop1, there1, hop2, there2)
                found[key] = [float(one) for one in self.encoder(batch, [key])[key][0]]
        return found

    def declared(self) -> dict[str, Any]:
        """What the manifest says of it."""
        return {
            "entities": list(self.entities),
            "nobody": self.nobody(),
            "said": list(self.scale.names),
            "refresh_ms": self.refresh,
        }

    def write(self, file: Path) -> None:
        """Write it."""
        shape = self.encoder.shape
        about = {
            "entities": list(shape.entities), "message": shape.message, "hidden": shape.hidden,
            "embedding": shape.embedding, "said": list(self.scale.names), "refresh": self.refresh,
        }  # fmt: skip
        tensors = {_WEIGHTS + name: each for name, each in self.encoder.state_dict().items()}
        tensors[_MEAN] = torch.from_numpy(self.scale.mean.astype(np.float32))
        tensors[_SPREAD] = torch.from_numpy(self.scale.spread.astype(np.float32))
        contiguous = {name: each.detach().contiguous() for name, each in tensors.items()}
        save_file(contiguous, file, metadata={_ABOUT: json.dumps(about)})

    @classmethod
    def read(cls, file: Path) -> Self:
        """What `write` wrote.

        Raises:
            ModelRefused: the file is missing or is none.
        """
        try:
            with safe_open(file, framework="pt") as held:
                about = json.loads((held.metadata() or {})[_ABOUT])
                tensors = {name: held.get_tensor(name) for name in held.keys()}  # noqa: SIM118
            shape = Shape(
                entities=tuple(about["entities"]), seed=0, message=int(about["message"]),
                hidden=int(about["hidden"]), embedding=int(about["embedding"]),
            )  # fmt: skip
            encoder = EntityEncoder(shape)
            encoder.load_state_dict(
                {
                    name.removeprefix(_WEIGHTS): each
                    for name, each in tensors.items()
                    if name.startswith(_WEIGHTS)
                }
            )
            scale = Scale(tuple(about["said"]), tensors[_MEAN].numpy(), tensors[_SPREAD].numpy())
            return cls(encoder, scale, int(about["refresh"]))
        except (OSError, SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
            raise ModelRefused(
                f"{file.name} is no encoder of embeddings that can be read: {error}. Train the "
                "model again.",
                code="encoder_invalid",
            ) from error


def newest(around: Blocks, key: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The numbers of all entities of a kind that have a row, and [n, HOP1] their last rows, newest
    first; −1: no more."""
    node = around.nodes[key]
    rows = np.flatnonzero(node >= 0)
    rows = rows[np.argsort(node[rows], kind="stable")]
    present, starts, counts = np.unique(node[rows], return_index=True, return_counts=True)
    back = np.arange(HOP1)
    place = (starts + counts)[:, None] - 1 - back
    held = back < counts[:, None]
    return present, np.where(held, rows[np.where(held, place, 0)], -1)
