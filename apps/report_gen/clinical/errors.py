"""Why something could not be kept in, or read from, the clinical store."""

from loupe.contract.runtime.errors import InputRefused, LoupeError, TemporarilyUnavailable


class KeyMissing(LoupeError):
    """A key that is needed is not there: nothing is written unencrypted in its place."""

    code = "clinical_key_missing"


class KeyRefused(LoupeError):
    """What was given as keys cannot be used: form, length, or who may read the file."""

    code = "clinical_key_refused"


class Tampered(LoupeError):
    """A sealed file is not as it was written: cut, altered, reordered or another one."""

    code = "clinical_tampered"


class Missing(LoupeError):
    """The store has no file of that name."""

    code = "clinical_missing"


class TooLarge(InputRefused):
    """A file is larger than the store takes."""

    code = "too_large"


class ClinicalDiskFull(TemporarilyUnavailable):
    """Writing would leave, or has left, less room on the disk than must stay free."""

    code = "disk_full"
