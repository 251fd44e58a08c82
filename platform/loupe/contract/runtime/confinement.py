"""Takes from the calling process, for good, what reading a hostile file does not need.

A sandboxed child (`loupe.sandbox`) has a memory cap and, where the kernel allows it, no network. A
function that reads something worse than a picture calls `confine` first: from then on its process
may open only what it was given, may start no program, and has no privileges even as root.

Linux only does this in part on old kernels: `Confined` says what holds.
"""

import ctypes
import os
import socket
import struct
import sysconfig
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION, _PATH_BENEATH = 1, 1
_READ_FILE, _READ_FOLDER = 1 << 2, 1 << 3
_WRITE_FILE, _REMOVE_FILE, _MAKE_FILE, _TRUNCATE = 1 << 1, 1 << 5, 1 << 8, 1 << 14
_OF_A_FILE = (1 << 0) | _WRITE_FILE | _READ_FILE | _TRUNCATE | (1 << 15)
# How many kinds of access to files, to the network and to other processes each version knows.
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_NETWORK_SINCE, _SCOPES_SINCE = 4, 6
_NO_NEW_PRIVILEGES, _DROP_FROM_BOUNDS = 38, 24
_CAPABILITIES_V3, _MOST_CAPABILITIES = 0x20080522, 64

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, kw_only=True)
class Confined:
    """What a process has given up.

    Attributes:
        files: it opens only what it was given, and runs no program.
        network: it sees no network interface but, at most, its own loopback.
        privileges: it has no capabilities and cannot get any.
    """

    files: bool
    network: bool
    privileges: bool


def confine(read: Sequence[Path], write: Sequence[Path]) -> Confined:
    """Give up everything but reading `read`, writing below `write`, and Python's own library.

    There is no way back. Concerns the calling thread and what it starts; call it before there are
    others. Import what is needed first: the program's own code cannot be read any more.
    """
    library = {Path(sysconfig.get_paths()[name]) for name in ("stdlib", "platstdlib", "purelib")}
    _libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    files = _only_files([*read, *library], write)
    return Confined(files=files, network=_no_network(), privileges=_no_privileges())


def _only_files(read: Iterable[Path], write: Iterable[Path]) -> bool:
    """Landlock: deny every kind of access to files that is not granted here."""
    version = _libc.syscall(_CREATE_RULESET, None, 0, _ASK_VERSION)
    if version < 1:
        return False
    rights = (1 << _FILE_RIGHTS.get(version, 16)) - 1
    network = 0b11 if version >= _NETWORK_SINCE else 0
    scopes = 0b11 if version >= _SCOPES_SINCE else 0
    # The kernel takes fields it does not know as long as they are 0.
    wanted = struct.pack("=QQQ", rights, network, scopes)
    ruleset = _libc.syscall(_CREATE_RULESET, wanted, len(wanted), 0)
    if ruleset < 0:
        return False
    try:
        reading = _READ_FILE | _READ_FOLDER
        writing = reading | _WRITE_FILE | _MAKE_FILE | _REMOVE_FILE | (_TRUNCATE & rights)
        granted = all(_grant(ruleset, path, reading) for path in read)
        granted &= all(_grant(ruleset, path, writing) for path in write)
        return granted and _libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0
    finally:
        os.close(ruleset)


def _grant(ruleset: int, path: Path, rights: int) -> bool:
    if not path.exists():
        return True
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        allowed = rights if path.is_dir() else rights & _OF_A_FILE
        rule = struct.pack("=Qi", allowed, place)
        return bool(_libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0) == 0)
    finally:
        os.close(place)


def _no_privileges() -> bool:
    """Drop every capability, also from what an executed program could be given."""
    for capability in range(_MOST_CAPABILITIES):
        _libc.prctl(_DROP_FROM_BOUNDS, capability, 0, 0, 0)
    head = struct.pack("=Ii", _CAPABILITIES_V3, 0)
    return bool(_libc.capset(head, bytes(24)) == 0)


def _no_network() -> bool:
    """Whether there is none: the sandbox took it, or it could not."""
    return {name for _, name in socket.if_nameindex()} <= {"lo"}
