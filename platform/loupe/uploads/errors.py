"""Why a part of a resumable upload was not taken. Each code is stable; docs/api.md lists them."""

from loupe.contract.runtime.errors import LoupeError


class OffsetConflict(LoupeError):
    """The part starts elsewhere than the file ends; ask for the offset and go on from there."""

    code = "offset_conflict"


class ChecksumMismatch(LoupeError):
    """The part arrived damaged; nothing of it was kept."""

    code = "checksum_mismatch"


class ChecksumUnknown(LoupeError):
    """The part's checksum is malformed, or by a method that is not offered."""

    code = "checksum_unknown"


class UploadBusy(LoupeError):
    """Another request writes or reads this upload at the moment."""

    code = "upload_busy"


class UploadGone(LoupeError):
    """The upload was submitted, deleted or has expired; its bytes are no longer here."""

    code = "upload_gone"


class UploadUnfinished(LoupeError):
    """The upload is not complete yet, so nothing can be made of it."""

    code = "upload_unfinished"


class UploadTooLong(LoupeError):
    """More bytes than are allowed, or than were announced."""

    code = "upload_too_large"


class TooManyUploads(LoupeError):
    """The project has as many unfinished uploads as it may."""

    code = "too_many_uploads"
