"""Embeddings of entities, kept ready beside a model and looked up while it scores.

A schedule makes them anew (`apps.fraud.services.embeddings`): one *generation* a time, a file of
``<artefact>/embeddings/<project>/<made at, milliseconds>.safetensors`` with, for each kind of
entity, the keys of identifiers in rising order and a row of numbers for each.

A transaction gets those of the newest generation that was made before it, and their age in seconds
as ``embedding_age``. Whoever is not in it gets what the network says of somebody without a past;
where there was no generation yet, the age is missing (NaN).
"""

import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from apps.fraud.events import ENTITY, FEATURE
from apps.fraud.features.hashing import keys_of
from loupe.contract.runtime.errors import InputRefused, ModelRefused

log = logging.getLogger(__name__)
FOLDER, SUFFIX = "embeddings", ".safetensors"
ENCODER = f"encoder{SUFFIX}"
"""The file of an artefact that makes them."""
AGE = "embedding_age"
PROJECT = "embeddings"
"""What a request says in its `meta`: whose embeddings."""
LOADED = 2
"""Generations that stay in memory: older ones are read when asked for."""
LOOK_S = 1.0
"""Seconds between two looks for a new one."""
_KEYS, _VALUES = ".keys", ".values"


def feature_names(entities: Sequence[str], width: int) -> tuple[str, ...]:
    """Of the features, in order; the age is the last."""
    return (*(f"embedding_{key}_{at}" for key in entities for at in range(width)), AGE)


@dataclass(frozen=True)
class Generation:
    """What was made at one time.

    Attributes:
        made_at: milliseconds; nothing later is in it.
        keys: by entity, [n] int64 of identifiers (`keys_of`), rising.
        values: by entity, [n, width] float32.
    """

    made_at: int
    keys: Mapping[str, NDArray[np.int64]]
    values: Mapping[str, NDArray[np.float32]]

    @classmethod
    def of(
        cls, made_at: int, told: Mapping[str, tuple[NDArray[np.str_], NDArray[np.float32]]]
    ) -> Self:
        """Of identifiers and their rows, by entity."""
        keys, values = {}, {}
        for entity, (names, rows) in told.items():
            found = keys_of(names)
            order = np.argsort(found)
            keys[entity], values[entity] = found[order], rows[order]
        return cls(made_at, keys, values)

    @classmethod
    def read(cls, file: Path) -> Self:
        """What `write` wrote."""
        arrays = load_file(file)
        keys = {one.removesuffix(_KEYS): arrays[one] for one in arrays if one.endswith(_KEYS)}
        return cls(int(file.stem), keys, {key: arrays[key + _VALUES] for key in keys})

    def write(self, folder: Path, keep: int) -> Path:
        """Put it beside the others, whole or not at all; of all of them the newest `keep` stay."""
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {key + _KEYS: each for key, each in self.keys.items()}
        arrays |= {key + _VALUES: np.ascontiguousarray(each) for key, each in self.values.items()}
        file, fresh = folder / f"{self.made_at}{SUFFIX}", folder / f"{self.made_at}.part"
        save_file(arrays, fresh)
        fresh.replace(file)
        for old in files(folder)[keep:]:
            old.unlink(missing_ok=True)
        return file

    def find(
        self, entity: str, keys: NDArray[np.int64], nobody: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """[n, width] of identifiers' keys; `nobody` for those it does not know."""
        known = self.keys.get(entity)
        if known is None or not len(known):
            return np.broadcast_to(nobody, (len(keys), len(nobody)))
        place = np.minimum(np.searchsorted(known, keys), len(known) - 1)
        there = known[place] == keys
        return np.where(there[:, None], self.values[entity][place], nobody)


def files(folder: Path) -> list[Path]:
    """The generations in a folder, the newest first."""
    there = [one for one in folder.glob(f"*{SUFFIX}") if one.stem.isdigit()]
    return sorted(there, key=lambda one: int(one.stem), reverse=True)


def folder_of(artefact: Path, project: str) -> Path:
    """Where a project's embeddings of a model lie.

    Raises:
        InputRefused: `project` is no id.
    """
    try:
        return artefact / FOLDER / str(UUID(project))
    except ValueError as error:
        raise InputRefused(
            f"embeddings is {project!r}; give a project's id.", code="embeddings_project"
        ) from error


class Ready:
    """The generations of one folder in memory; a new one is read by a thread beside."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: tuple[Generation, ...] = ()
        self._older: tuple[Path, ...] = ()
        self._looked = -LOOK_S
        self._lock = threading.Lock()
        self._look()

    def generations(self) -> Iterator[Generation]:
        """Those that are there, the newest first."""
        if time.monotonic() - self._looked >= LOOK_S and self._lock.acquire(blocking=False):
            self._looked = time.monotonic()
            self._lock.release()
            threading.Thread(target=self._look, name="embeddings", daemon=True).start()
        yield from self._kept
        for file in self._older:
            found = _read(file)
            if found is not None:
                yield found

    def _look(self) -> None:
        with self._lock:
            self._looked = time.monotonic()
            known = {one.made_at: one for one in self._kept}
            there = files(self._folder)
            found = [known.get(int(file.stem)) or _read(file) for file in there[:LOADED]]
            self._kept = tuple(one for one in found if one is not None)
            self._older = tuple(there[LOADED:])


def _read(file: Path) -> Generation | None:
    """None where it was let go meanwhile or is damaged: then the one before it counts."""
    try:
        return Generation.read(file)
    except FileNotFoundError:
        return None
    except (OSError, SafetensorError, KeyError) as error:
        log.warning("embeddings of %s are passed over: %s", file, error)
        return None


@dataclass(frozen=True)
class Embeddings:
    """What a model reads of embeddings.

    Attributes:
        entities: keys, in the order of the features.
        nobody: by entity, [width] of somebody without a past.
    """

    artefact: Path
    entities: tuple[str, ...]
    nobody: Mapping[str, NDArray[np.float32]]
    ready: dict[str, Ready]

    @classmethod
    def declared(cls, artefact: Path, manifest: Mapping[str, Any]) -> Self | None:
        """By the manifest; None: the model reads none.

        Raises:
            ModelRefused: what it says cannot be.
        """
        said = manifest.get("embeddings")
        if said is None:
            return None
        try:
            entities = tuple(str(one) for one in said["entities"])
            nobody = {key: np.array(said["nobody"][key], np.float32) for key in entities}
            shapes = {each.shape for each in nobody.values()}
            fits = len(shapes) == 1 and all(
                each.ndim == 1 and len(each) and np.isfinite(each).all() for each in nobody.values()
            )
        except (KeyError, TypeError, ValueError):
            fits = False
        if not fits:
            raise ModelRefused(
                "embeddings of the manifest must name entities, and for each of them numbers of "
                "nobody, equally many. Train the model again.",
                code="embeddings_invalid",
            )
        return cls(artefact, entities, nobody, {})

    @property
    def names(self) -> tuple[str, ...]:
        """Of the features."""
        return feature_names(self.entities, len(self.nobody[self.entities[0]]))

    def columns(self, arrays: Mapping[str, np.ndarray], project: str) -> dict[str, np.ndarray]:
        """``feature.embedding_…`` of transactions, [n] float32 each.

        Args:
            arrays: ``entity.<key>``, ``event_time`` and ``known_at``.
            project: whose embeddings; empty: none are ready.

        Raises:
            InputRefused: `project` is no id.
        """
        moment = np.minimum(arrays["event_time"], arrays["known_at"])
        table = np.empty((len(moment), len(self.names)), np.float32)
        width = len(self.nobody[self.entities[0]])
        table[:, :-1] = np.concatenate([self.nobody[key] for key in self.entities])
        table[:, -1] = np.nan
        keys = {key: self._keys(arrays, key) for key in self.entities}
        left = np.ones(len(moment), np.bool_)
        for made in self._generations(project):
            if not left.any():
                break
            rows = left & (moment >= made.made_at)
            if not rows.any():
                continue
            left &= ~rows
            table[rows, -1] = (moment[rows] - made.made_at) / 1000.0
            for at, key in enumerate(self.entities):
                part = slice(at * width, (at + 1) * width)
                table[rows, part] = made.find(key, keys[key][rows], self.nobody[key])
        return {
            FEATURE + name: np.ascontiguousarray(table[:, at]) for at, name in enumerate(self.names)
        }

    def _keys(self, arrays: Mapping[str, np.ndarray], key: str) -> NDArray[np.int64]:
        column = arrays.get(ENTITY + key)
        rows = len(arrays["event_time"])
        return np.zeros(rows, np.int64) if column is None else keys_of(column)

    def _generations(self, project: str) -> Iterator[Generation]:
        if not project:
            return iter(())
        found = self.ready.get(project)
        if found is None:
            found = self.ready[project] = Ready(folder_of(self.artefact, project))
        return found.generations()
