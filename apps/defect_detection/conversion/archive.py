"""The zip that ``torch.save`` writes: one pickle, and a file for each storage of its tensors."""

import math
import zipfile
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np

from apps.defect_detection.conversion.inert import Checkpoint
from loupe.contract.runtime.errors import ModelRefused

MAX_BYTES = 2 * 2**30
MAX_PICKLE = 64 * 2**20
MAX_MEMBERS = 20_000
MAX_DIMENSIONS, MAX_NUMBER = 8, 2**40


def damaged(name: str, what: str) -> ModelRefused:
    """The refusal of a file that is no checkpoint, or a broken one."""
    return ModelRefused(
        f"{name!r} is no Ultralytics checkpoint that can be read: {what}. Send the best.pt or "
        "last.pt of a training, or the model exported to ONNX.",
        code="checkpoint_damaged",
    )


class Archive:
    """An open checkpoint. A context manager.

    Raises:
        ModelRefused: it is no such zip, or larger than `MAX_BYTES`.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        size = path.stat().st_size
        if not size:
            raise ModelRefused(f"{name!r} is empty (0 bytes).", code="empty_file")
        if size > MAX_BYTES:
            raise ModelRefused(
                f"{name!r} has {size / 2**20:.0f} MiB; a checkpoint may have {MAX_BYTES // 2**20}.",
                code="model_too_large",
            )
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise damaged(name, "it is not the zip that torch.save writes") from error
        members = self._zip.infolist()
        if len(members) > MAX_MEMBERS:
            raise damaged(name, f"it holds {len(members)} files")
        self._members = {member.filename: member for member in members}
        pickles = [each for each in self._members if each.partition("/")[2] == "data.pkl"]
        if any(each.endswith("/constants.pkl") for each in self._members):
            raise damaged(name, "it is a TorchScript archive, which holds code")
        if len(pickles) != 1:
            raise damaged(name, f"it holds {len(pickles)} pickles named data.pkl")
        self._root = pickles[0].removesuffix("data.pkl")
        order = f"{self._root}byteorder"
        if order in self._members and self._bytes(order, 16) != b"little":
            raise damaged(name, "its numbers are big-endian")

    def __enter__(self) -> "Archive":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._zip.close()

    def load(self) -> Any:
        """What the pickle describes, with inert objects in place of classes.

        Raises:
            ModelRefused: it names what no detector does, or is damaged.
        """
        data = self._bytes(f"{self._root}data.pkl", MAX_PICKLE)
        try:
            return Checkpoint(data, Storage, tensor_of).load()
        except (ModelRefused, MemoryError):
            raise
        except Exception as error:
            # A hostile pickle can make the reader fail in any way it likes; none does harm.
            raise damaged(self.name, f"its pickle fails ({type(error).__name__})") from error

    def read(self, tensor: "Tensor") -> np.ndarray:
        """The values of a tensor, as fp16 or fp32 where they are floats.

        Raises:
            ModelRefused: it reaches outside its storage, or that is missing.
        """
        storage = tensor.storage
        half = storage.element == "bf16"
        kind = np.dtype("<u2" if half else storage.element)
        values = np.frombuffer(
            self._bytes(f"{self._root}data/{storage.key}", storage.elements * kind.itemsize), kind
        )
        last = tensor.offset + sum(
            (size - 1) * step for size, step in zip(tensor.size, tensor.stride, strict=True)
        )
        if 0 in tensor.size:
            raise damaged(self.name, f"a tensor of its storage {storage.key!r} is empty")
        if len(values) != storage.elements or not 0 <= tensor.offset <= last < len(values):
            raise damaged(self.name, f"a tensor reaches outside its storage {storage.key!r}")
        strides = tuple(step * kind.itemsize for step in tensor.stride)
        view = np.lib.stride_tricks.as_strided(
            values[tensor.offset :], tensor.size, strides, writeable=False
        )
        if half:
            return (view.astype(np.uint32) << 16).view(np.float32)
        return np.array(view, dtype=np.float32 if kind.str == "<f8" else kind, order="C")

    def _bytes(self, member: str, most: int) -> bytes:
        """A member that was stored as it is: nothing is unpacked, so nothing can swell."""
        found = self._members.get(member)
        if found is None:
            raise damaged(self.name, f"{member[-60:]!r} is missing")
        if found.compress_type != zipfile.ZIP_STORED or found.file_size > most:
            raise damaged(self.name, f"{member[-60:]!r} is compressed or too large")
        try:
            return self._zip.read(found)
        except (zipfile.BadZipFile, RuntimeError, EOFError, OSError) as error:
            raise damaged(self.name, f"{member[-60:]!r} cannot be read") from error


class Storage(NamedTuple):
    """Where tensors find their values: a member of the archive."""

    element: str
    key: str
    elements: int


class Tensor(NamedTuple):
    """A view into a storage, in elements. A tuple: the pickle cannot change it once it is made."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def values(self) -> int:
        """How many values it has."""
        return math.prod(self.size)


def tensor_of(
    storage: object, offset: int, size: tuple[int, ...], stride: tuple[int, ...]
) -> Tensor:
    """A tensor as the pickle describes it.

    Raises:
        ValueError: the description is of no valid form.
    """
    if (
        not isinstance(storage, Storage)
        or len(size) != len(stride)
        or len(size) > MAX_DIMENSIONS
        or any(type(number) is not int for number in (offset, *size, *stride))
        or any(not 0 <= number < MAX_NUMBER for number in (offset, *size, *stride))
    ):
        raise ValueError("a tensor of no valid form")
    return Tensor(storage, offset, size, stride)
