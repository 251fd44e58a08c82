"""The child's side: ``python -m loupe.sandbox.child SOCKET LIFE MEMORY``.

Answers one message at a time. ``import`` loads a function; ``call`` runs one and keeps its answer
until the parent has sent a slab that is large enough to take the arrays.
"""

import contextlib
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from loupe.contract.runtime.errors import LoupeError
from loupe.contract.runtime.payload import Payload
from loupe.contract.runtime.steps import load
from loupe.sandbox import isolation, wire
from loupe.sandbox.slab import POPULATED_BYTES, Slab, layout, plain, room_for

_BIG = 8 * 2**20
_CV_OUT_OF_MEMORY = -4


class Child:
    """Runs functions by name and writes what they return into slabs."""

    def __init__(self, sock: socket.socket, memory_bytes: int) -> None:
        self.sock = sock
        self.memory_bytes = memory_bytes
        self.functions: dict[str, Callable[..., Any]] = {}
        self._kept: Slab | None = None

    def serve(self) -> None:
        """Answer until the parent closes the connection."""
        while True:
            try:
                message, fd = wire.receive(self.sock)
            except wire.Gone:
                return
            if message["do"] == "import":
                wire.send(self.sock, self._import(message["run"]))
            else:
                self._call(message, fd)

    def _import(self, run: str) -> dict[str, Any]:
        isolation.lift_memory_cap()
        try:
            self.functions[run] = load(run)
        except (ImportError, AttributeError, ValueError) as error:
            return {"failed": "import", "detail": f"{type(error).__name__}: {error}"}
        finally:
            isolation.cap_memory(self.memory_bytes)
        return {"ready": True}

    def _call(self, message: dict[str, Any], fd: int | None) -> None:
        slab = self._mapped(fd, message["nbytes"]) if fd is not None else None
        try:
            answer, arrays = self._answer(message)
            sizes = [array.nbytes for array in arrays]
            needed = room_for(sizes)
            if arrays and (slab is None or slab.nbytes < needed):
                wire.send(self.sock, {"need": needed})
                self._let_go(slab)
                more, fd = wire.receive(self.sock)
                if fd is None:
                    return  # the parent had no room and says so itself
                slab = self._mapped(fd, more["nbytes"])
            if slab is not None:
                for array, offset in zip(arrays, layout(sizes), strict=True):
                    np.copyto(slab.array(array.dtype, array.shape, offset), array)
            wire.send(self.sock, answer)
        finally:
            self._let_go(slab)
        big = sum(sizes) >= _BIG
        del arrays
        if big:
            isolation.trim()

    def _mapped(self, fd: int, nbytes: int) -> Slab:
        """The slab behind `fd`.

        The last small one stays mapped: the parent offers it again and again, and mapping it takes
        longer than writing a small picture.
        """
        if self._kept is not None:
            if os.path.sameopenfile(fd, self._kept.fd):
                os.close(fd)
                return self._kept
            self._kept.unmap()
            self._kept = None
        slab = Slab("given", fd, nbytes)
        if nbytes <= POPULATED_BYTES:
            self._kept = slab
        return slab

    def _let_go(self, slab: Slab | None) -> None:
        if slab is not None and slab is not self._kept:
            slab.unmap()

    def _answer(self, message: dict[str, Any]) -> tuple[dict[str, Any], list[np.ndarray]]:
        arguments = [
            Path(value["path"]) if isinstance(value, dict) and set(value) == {"path"} else value
            for value in message["arguments"]
        ]
        try:
            return _described(self.functions[message["run"]](*arguments))
        except MemoryError:
            return {"failed": "memory"}, []
        except LoupeError as error:
            return {
                "failed": "refused",
                "kind": type(error).__name__,
                "code": error.code,
                "message": error.message,
            }, []
        except Exception as error:
            # OpenCV reports a failed allocation as an error of its own with this code.
            if getattr(error, "code", None) == _CV_OUT_OF_MEMORY:
                return {"failed": "memory"}, []
            return {"failed": "raised", "detail": f"{type(error).__name__}: {error}"[:2000]}, []


def _described(value: object) -> tuple[dict[str, Any], list[np.ndarray]]:
    """What goes into the JSON answer, and the arrays that go into the slab."""
    if isinstance(value, bytes | bytearray | memoryview):
        return {"bytes": len(value)}, [np.frombuffer(value, dtype=np.uint8)]
    if not isinstance(value, Payload):
        return {"value": value}, []
    arrays = {name: np.asarray(array, order="C") for name, array in value.arrays.items()}
    for name, array in arrays.items():
        if plain(array.dtype) is None:
            raise TypeError(f"array {name!r} is of {array.dtype}, which cannot leave the sandbox")
    offsets = layout([array.nbytes for array in arrays.values()])
    tensors = [
        {"name": name, "dtype": array.dtype.str, "shape": list(array.shape), "offset": offset}
        for (name, array), offset in zip(arrays.items(), offsets, strict=True)
    ]
    return {"tensors": tensors, "meta": dict(value.meta)}, list(arrays.values())


def main(argv: list[str]) -> int:
    """Give up what is not needed, then serve."""
    connection, life, memory_bytes = (int(value) for value in argv)
    os.umask(0o077)
    with contextlib.closing(socket.socket(fileno=connection)) as sock:
        isolation.die_with_parent(life)
        isolation.harden()
        isolated = isolation.no_network()
        isolation.cap_memory(memory_bytes)
        wire.send(sock, {"hello": True, "network": not isolated})
        Child(sock, memory_bytes).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
