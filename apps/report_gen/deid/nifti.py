"""A NIfTI file without what names somebody: header texts emptied, extensions dropped.

Only what says where and how the values lie is carried over; everything else is written anew.
"""

import zlib
from typing import Final

import numpy as np
from nibabel.nifti1 import Nifti1Header

from apps.report_gen.reading.limits import Limits
from apps.report_gen.reading.nifti import opened
from apps.report_gen.reading.sources import Source

_CARRIED: Final = (
    "dim",
    "datatype",
    "bitpix",
    "pixdim",
    "scl_slope",
    "scl_inter",
    "xyzt_units",
    "qform_code",
    "sform_code",
    "quatern_b",
    "quatern_c",
    "quatern_d",
    "qoffset_x",
    "qoffset_y",
    "qoffset_z",
    "srow_x",
    "srow_y",
    "srow_z",
)
_START: Final = 352


def cleaned_nifti(source: Source, content: bytes, limits: Limits) -> bytes:
    """The file as NIfTI-1, gzipped at level 1 without a name or time in the gzip header.

    Raises:
        Faulty: the file cannot be read (`read_nifti`).
    """
    header, values = opened(source, content, limits)
    fresh = Nifti1Header(endianness="<")
    for name in _CARRIED:
        fresh[name] = header[name]
    fresh["vox_offset"] = _START
    fresh["magic"] = b"n+1"
    data = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
    machine = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return b"".join(
        [
            machine.compress(fresh.binaryblock),
            machine.compress(bytes(_START - 348)),
            machine.compress(data.data),
            machine.flush(),
        ]
    )
