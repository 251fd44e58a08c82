"""For loops of others that numba compiles: memory asked for some steps before it is read."""

from core_kernels.compiling import prefetch

__all__ = ["prefetch"]
