"""How much one study may be. Counted while reading; what headers claim is never believed."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Sizes in bytes unless said otherwise."""

    files: int = 20_000
    """Files of one study, those inside archives counted."""
    file_bytes: int = 2**31
    """Of one file, unpacked."""
    total_bytes: int = 8 * 2**30
    """Of all files together, unpacked."""
    ratio: int = 200
    """Unpacked to packed, beyond a first MiB; real images stay under 20."""
    directory_bytes: int = 16 * 2**20
    """Of a zip's table of contents."""
    kept_bytes: int = 512 * 2**20
    """Unpacked files kept in memory between reading headers and pixels; the rest is unpacked
    twice."""
    side: int = 4096
    """Rows or columns of an image."""
    slices: int = 3000
    """Slices of a series: 1.5 m of body at half a millimetre."""
    voxels: int = 800_000_000
    """Of a volume; 1.6 GB as int16."""
    workers: int = 2
    """Processes that decode compressed images."""
    faults: int = 20
    """Files named one by one in a verdict; the others are counted."""


DEFAULT = Limits()
