"""Telling a device that is gone from a call that failed."""

_SIGNS = (
    "device-side assert",
    "unspecified launch failure",
    "illegal memory access",
    "illegal instruction",
    "misaligned address",
    "device lost",
    "GPU is lost",
    "no CUDA-capable device",
    "uncorrectable ECC error",
    "launch timed out",
)
"""What CUDA says when a device is gone, or this process's context on it is beyond use."""


def is_lost(error: RuntimeError) -> bool:
    """Whether nothing more can be computed on the device that raised this."""
    text = str(error)
    return any(sign in text for sign in _SIGNS)


def first_line(error: Exception) -> str:
    """The first line of what an error says, of at most 200 characters; its name if it is mute."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
