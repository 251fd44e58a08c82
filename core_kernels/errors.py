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
