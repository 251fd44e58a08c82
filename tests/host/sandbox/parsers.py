"""Functions that behave and misbehave in a sandbox."""

import ctypes
import os
import resource
import signal
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from loupe.contract.runtime.errors import InputRefused, ModelRefused
from loupe.contract.runtime.payload import Payload


def ramp(path: Path, options: Mapping[str, Any]) -> Payload:
    """`count` float32 from 0 up, scaled by the first byte of the file, and two bytes."""
    factor = path.read_bytes()[0]
    values = np.arange(int(options["count"]), dtype=np.float32) * factor
    return Payload(
        arrays={"values": values, "pair": np.array([[1], [2]], np.uint8)},
        meta={"name": path.name, "pid": os.getpid()},
    )


def nothing(path: Path, options: Mapping[str, Any]) -> Payload:
    """No array at all."""
    return Payload(meta={"pid": os.getpid()})


def refuse(path: Path, options: Mapping[str, Any]) -> Payload:
    raise InputRefused("The file is upside down; turn it around.", code="upside_down")


def refuse_model(folder: Path, upload: Path, name: str) -> dict[str, Any]:
    raise ModelRefused(f"{name} has the wrong opset.", code="opset")


def check_model(folder: Path, upload: Path, name: str) -> dict[str, Any]:
    (folder / "weights").write_bytes(upload.read_bytes())
    return {"name": name, "classes": ["a", "b"]}


def bomb(path: Path, options: Mapping[str, Any]) -> Payload:
    """Asks for far more memory than allowed, and touches it."""
    return Payload(arrays={"all": np.ones(2**34, dtype=np.uint8)})


def creeping_bomb(path: Path, options: Mapping[str, Any]) -> Payload:
    """Takes memory in small steps until there is none."""
    kept = []
    while True:
        kept.append(np.ones(2**22, dtype=np.uint8))


def hang(path: Path, options: Mapping[str, Any]) -> Payload:
    time.sleep(3600)
    raise AssertionError


def hang_in_c(path: Path, options: Mapping[str, Any]) -> Payload:
    """Sleeps inside C with the interpreter locked, as a decoder stuck in a loop does."""
    marker = options.get("marker")
    if isinstance(marker, str):
        Path(marker).write_text(str(os.getpid()))
    ctypes.PyDLL(None).sleep(3600)
    raise AssertionError


def crash(path: Path, options: Mapping[str, Any]) -> Payload:
    os.kill(os.getpid(), signal.SIGSEGV)
    raise AssertionError


def raises(path: Path, options: Mapping[str, Any]) -> Payload:
    raise ZeroDivisionError("no")


def picture(path: Path, options: Mapping[str, Any]) -> bytes:
    times: int = options["times"]
    return path.read_bytes() * times


def surroundings(path: Path, options: Mapping[str, Any]) -> Payload:
    """What the child can see of the world."""
    try:
        socket.create_connection(("127.0.0.1", int(options["port"])), timeout=2).close()
        connected = True
    except OSError:
        connected = False
    return Payload(
        meta={
            "environment": [*sorted(os.environ)],
            "core": resource.getrlimit(resource.RLIMIT_CORE)[1],
            "files": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
            "connected": connected,
            # A fresh network namespace has one interface, and that one is down.
            "isolated": [name for _, name in socket.if_nameindex()] == ["lo"],
        }
    )


def meet(path: Path, options: Mapping[str, Any]) -> Payload:
    """Returns only once another child is at the same place."""
    Path(str(options["mine"])).touch()
    while not Path(str(options["theirs"])).exists():
        time.sleep(0.01)
    return Payload()


def words(path: Path, options: Mapping[str, Any]) -> Payload:
    """Text of every width, and none."""
    return Payload(
        arrays={
            "words": np.array([["ab", "中文字"], ["", "𝄞"]]),
            "none": np.array([], dtype=np.str_),
            "numbers": np.arange(2),
        }
    )


def no_words(path: Path, options: Mapping[str, Any]) -> Payload:
    """An array that says it is text and holds no characters."""
    return Payload(arrays={"words": np.full(4, 2**31, dtype=np.uint32).view("<U2")})


def objects(path: Path, options: Mapping[str, Any]) -> Payload:
    return Payload(arrays={"objects": np.array([object()])})
