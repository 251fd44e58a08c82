"""`longer`: arrays that grow at their end without being copied."""

from core_kernels.structures.growing import longer

__all__ = ["longer"]
