"""The trainer's child: ``python -m loupe.training.child LIFE_FD MODULE ARGUMENTS…``.

Gives up what a training does not need, and its place on the cores before the engine's line, then
becomes the app's program. The kernel kills it, and every process it started, when the other end of
LIFE_FD closes: when the trainer dies.
"""

import os
import runpy
import sys

from loupe.contract.runtime.offline import stay_offline
from loupe.contract.runtime.urgency import NICE
from loupe.sandbox import isolation

OPEN_FILES = 4096
"""A loader with several workers shares many tensors, each by a file of its own."""


def main(argv: list[str]) -> None:
    """Run the module as a program; it exits by itself."""
    isolation.die_with_parent(int(argv[0]), group=True)
    isolation.no_network()
    isolation.harden(open_files=OPEN_FILES)
    stay_offline()
    os.nice(NICE)
    sys.argv = argv[1:]
    runpy.run_module(argv[1], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
