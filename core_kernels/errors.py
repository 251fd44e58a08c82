"""Errors of this package."""


class KernelError(Exception):
    """Base of every error raised here on purpose; `code` is stable, the message a full sentence."""

    code = "kernel_error"


class ArgumentRefused(KernelError, ValueError):
    """An argument has a shape, dtype, device or value that the operation does not take."""

    code = "kernel_argument"


class NoImplementation(KernelError, LookupError):
    """Nothing that is registered can do what was asked on this device."""

    code = "kernel_missing"


class ArtefactRefused(KernelError, ValueError):
    """A prepared artefact is damaged, incomplete or of another form."""

    code = "artefact_refused"


class RuntimeMissing(KernelError, LookupError):
    """No runtime that is installed can run this artefact on that device in that precision."""

    code = "runtime_missing"


class RuntimeClosed(KernelError, RuntimeError):
    """The runtime was called after it was closed."""

    code = "runtime_closed"


class DeviceLost(KernelError, RuntimeError):
    """A device stopped answering; what ran on it can be run again on another."""

    code = "device_lost"


class InUse(KernelError, RuntimeError):
    """A state that takes one caller at a time is at work, or was left half way by an error."""

    code = "kernel_in_use"


class NothingFits(KernelError, RuntimeError):
    """A kernel has no configuration that the device's memory and registers can hold."""

    code = "kernel_too_large"


class PoolExhausted(KernelError, MemoryError):
    """All memory that a pool may hold is in use."""

    code = "pool_exhausted"
