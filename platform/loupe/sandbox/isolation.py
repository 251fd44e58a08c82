"""What a sandboxed child gives up before it sees a byte of input.

* memory: `cap_memory` limits what it may allocate beyond what its imports took;
* files: a small table of open files, no core dumps, no new privileges;
* network: a network namespace of its own without any interface, where the kernel lets an
  ordinary user make one (`no_network` says whether it did);
* its parent: it dies when the parent does, even while C code holds the interpreter.
"""

import ctypes
import fcntl
import os
import resource
import select
import signal
import sys
from pathlib import Path

_CLONE_NEWNET = 0x40000000
_CLONE_NEWUSER = 0x10000000
_PR_SET_NO_NEW_PRIVS = 38
_F_SETSIG = 10
_OPEN_FILES = 64

_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(pipe: int, *, group: bool = False) -> None:
    """Have the kernel kill this process when the write end of `pipe` is closed; with `group`, its
    whole process group.

    The parent holds that end, so this fires on its exit, kill -9 included. PR_SET_PDEATHSIG
    would fire when the *thread* that started the child ends, which a pool of threads cannot use.
    """
    fcntl.fcntl(pipe, fcntl.F_SETOWN, -os.getpgrp() if group else os.getpid())
    fcntl.fcntl(pipe, _F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)
    # The parent may have gone before the signal was armed.
    if select.select([pipe], [], [], 0)[0]:
        sys.exit(1)


def no_network() -> bool:
    """Leave every network behind; False where the kernel does not allow it.

    Must run while the process has one thread.
    """
    flags = _CLONE_NEWNET if os.geteuid() == 0 else _CLONE_NEWNET | _CLONE_NEWUSER
    return bool(_libc.unshare(flags) == 0)


def harden(*, open_files: int = _OPEN_FILES) -> None:
    """No core dumps, few open files, no new privileges."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = open_files if hard == resource.RLIM_INFINITY else min(open_files, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def cap_memory(nbytes: int) -> None:
    """Allow `nbytes` of memory beyond what is in use now (libraries, their threads).

    RLIMIT_DATA counts private writable memory, which is what decoding takes; RLIMIT_AS, at twice
    the allowance, also counts shared mappings and stops tricks with those. The soft limits bind;
    the hard ones leave room for the imports of a second function.
    """
    data, total = _in_use()
    slack = 2**31
    for kind, soft in (
        (resource.RLIMIT_DATA, data + nbytes),
        (resource.RLIMIT_AS, total + 2 * nbytes),
    ):
        _, hard = resource.getrlimit(kind)
        if hard == resource.RLIM_INFINITY:
            hard = soft + slack
        resource.setrlimit(kind, (min(soft, hard), hard))


def lift_memory_cap() -> None:
    """Let trusted imports take what they need; `cap_memory` closes the door again."""
    for kind in (resource.RLIMIT_DATA, resource.RLIMIT_AS):
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (hard, hard))


def trim() -> None:
    """Hand freed memory back to the system."""
    _libc.malloc_trim(0)


def _in_use() -> tuple[int, int]:
    fields = dict(
        line.split(":", 1)
        for line in Path("/proc/self/status").read_text().splitlines()
        if ":" in line
    )
    return int(fields["VmData"].split()[0]) * 1024, int(fields["VmSize"].split()[0]) * 1024
