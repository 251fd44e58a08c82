"""Memory of state that grows while nobody waits: arrays that grow in place, tables made ready."""

from core_kernels.structures.backing import ready
from core_kernels.structures.growing import longer
from core_kernels.structures.readying import Readying

__all__ = ["Readying", "longer", "ready"]
