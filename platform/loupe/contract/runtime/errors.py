"""Errors an app raises and the host turns into messages, items' failures and HTTP problems."""


class LoupeError(Exception):
    """Base of every error Loupe raises on purpose.

    `code` is stable and machine-readable; the message is one full sentence that names the
    argument, the value, what is allowed and what to do next.
    """

    code = "error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class InputRefused(LoupeError):
    """The input cannot be used: damaged, hostile, too large or of the wrong kind.

    Trying again cannot help, so the host fails the item at once.
    """

    code = "input_refused"


class ModelRefused(LoupeError):
    """A model artefact is not one Loupe can run safely: wrong format, operators, opset or hash."""

    code = "model_refused"


class Conflict(LoupeError):
    """What is asked does not fit how things stand: done already, changed since, held by another.

    Looking again and asking anew can help; REST answers 409.
    """

    code = "conflict"


class TemporarilyUnavailable(LoupeError):
    """A resource (engine, disk, memory) is missing for the moment; the host tries again."""

    code = "temporarily_unavailable"


class DeviceLost(TemporarilyUnavailable):
    """A device stopped answering, beyond what this process can mend.

    A `Runner` raises it; the engine gives the device up, loads the model on the next one and
    repeats the call there.
    """

    code = "device_lost"


class DecodeElsewhere(LoupeError):
    """A runner cannot decode a file that was let in undecoded; it goes through the sandbox."""

    code = "decode_elsewhere"


class Cancelled(LoupeError):
    """The person or the system asked for the work to stop."""

    code = "cancelled"
