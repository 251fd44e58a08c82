"""Why bytes could not be stored or read back."""

from loupe.contract.runtime.errors import LoupeError, TemporarilyUnavailable


class DiskFull(TemporarilyUnavailable):
    """Storing would leave, or has left, less room on the disk than must stay free."""

    code = "disk_full"


class BlobMissing(LoupeError):
    """The database names a file that storage does not have."""

    code = "blob_missing"


class BlobDamaged(LoupeError):
    """The stored bytes no longer have the hash they are named by."""

    code = "blob_damaged"


class StorageUnavailable(TemporarilyUnavailable):
    """Remote storage did not answer, or refused."""

    code = "storage_unavailable"
