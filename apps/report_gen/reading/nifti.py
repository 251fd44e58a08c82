"""A NIfTI file as a volume: one volume, an orientation that is said, the scale applied once.

Offers `read_nifti`. Headers are read by nibabel; data is unpacked and counted here.
"""

import math
import zlib
from io import BytesIO
from typing import Any, Final

import numpy as np
from nibabel.nifti1 import Nifti1PairHeader
from nibabel.nifti2 import Nifti2PairHeader
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from apps.report_gen.reading.faults import CONTENT, FILE, UNPACKED, faulty, more_than, unreadable
from apps.report_gen.reading.faults import DAMAGE as BYTES
from apps.report_gen.reading.geometry.assessing import THICK
from apps.report_gen.reading.geometry.canonical import spacing_of, turn
from apps.report_gen.reading.geometry.straighten import straightened
from apps.report_gen.reading.limits import Limits
from apps.report_gen.reading.nifti_place import affine_of, slanted
from apps.report_gen.reading.reasons import Reason, Severity, note, refusal, warning
from apps.report_gen.reading.sniffing import HEAD_BYTES, Kind, kind_of
from apps.report_gen.reading.sources import Source
from apps.report_gen.volume import AIR, HIGHEST, LOWEST, Series, SeriesFacts, Volume
from loupe.contract.text import Text

DAMAGE: Final = (*BYTES, HeaderDataError)
NUMBERS: Final = {"i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8"}
_LEAST_OFFSET: Final = 348
_APART: Final = {b"ni1", b"ni2"}
_TOGETHER: Final = Text(
    en="one file with header and values is read", zh="可读取文件头与数值合一的文件"
)
_CONVERT: Final = Text(
    en="Save the pair of .hdr and .img as one .nii.", zh="请将 .hdr 与 .img 存为一个 .nii。"
)
_AS_LARGE: Final = Text(en="sizes as large as the data are needed", zh="尺寸应与数据大小一致")
_MOST_STRANGE: Final = 0.5
"""The share of values that are no numbers from which on a file is refused."""


def opened(source: Source, content: bytes, limits: Limits) -> tuple[Any, NDArray[np.generic]]:
    """Header and stored values, as many axes as there are, in the file's order (last one fastest).

    Raises:
        Faulty: the file is damaged, cut short, too large or no NIfTI.
    """
    content = _unpacked(source, content, limits)
    header = _header(source, content)
    sizes = [int(each) for each in header.get_data_shape()]
    _check_sizes(source, sizes)
    return header, _stored(source, header, content, tuple(sizes))


def read_nifti(
    source: Source, content: bytes, limits: Limits
) -> tuple[Volume | None, list[Reason]]:
    """The volume of a file, or None and the refusal; values are not clipped.

    Raises:
        Faulty: the file is damaged, cut short, too large or no NIfTI.
    """
    content = _unpacked(source, content, limits)
    header = _header(source, content)
    sizes = [int(each) for each in header.get_data_shape()]
    _check_sizes(source, sizes)
    reasons = [note("unverified_origin")]
    refused = _refused_sizes(sizes, limits)
    if refused is not None:
        return None, [*reasons, refused]
    affine = affine_of(source, header)
    if isinstance(affine, Reason):
        return None, [*reasons, affine]
    columns, rows, slices = sizes[:3]
    stored = _stored(source, header, content, (columns, rows, slices))
    values, strange = _hounsfield(stored, *_scale(source, header))
    if strange > _MOST_STRANGE:
        share = round(strange, 4)
        return None, [*reasons, refusal("not_finite", "not_finite_refused", share=share)]
    if strange > 0:
        reasons.append(warning("not_finite", share=round(strange, 4)))
    slant = slanted(affine)
    if slant is not None:
        reasons.append(slant)
    if slant is not None and slant.severity is Severity.REFUSAL:
        return None, reasons
    volume = _straight(values, affine, limits) if slant is not None else _turned(values, affine)
    if isinstance(volume, Reason):
        return None, [*reasons, volume]
    if volume.spacing[0] > THICK:
        reasons.append(warning("thick_slices", spacing=round(volume.spacing[0], 3)))
    return volume, reasons


def _turned(values: NDArray[np.int16], affine: NDArray[np.float64]) -> Volume:
    slices, rows, columns = values.shape
    turned = turn(affine, (columns, rows, slices))
    hu = np.empty(turned.canonical_shape, dtype=np.int16)
    turned.as_acquired(hu)[...] = values
    return _volume(hu, turned.affine(affine), values)


def _straight(
    values: NDArray[np.int16], affine: NDArray[np.float64], limits: Limits
) -> Volume | Reason:
    np.maximum(values, AIR, out=values)  # padding must not bleed into what is interpolated
    found = straightened(values, affine, limits)
    if isinstance(found, Reason):
        return found
    return _volume(*found, values, resampled=True)


def _volume(
    hu: NDArray[np.int16],
    affine: NDArray[np.float64],
    values: NDArray[np.int16],
    *,
    resampled: bool = False,
) -> Volume:
    facts = SeriesFacts(images=1, rows=values.shape[1], columns=values.shape[2])
    return Volume(
        hu=hu,
        spacing=spacing_of(affine),
        affine=affine,
        resampled=resampled,
        series=Series(facts=facts),
    )


def _unpacked(source: Source, content: bytes, limits: Limits) -> bytes:
    if source.kind is not Kind.GZIP:
        return content
    most = min(limits.file_bytes, len(content) * limits.ratio + 2**20)
    machine = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        unpacked = machine.decompress(content, most)
    except zlib.error as error:
        raise _damaged(source, f"{error}") from error
    if machine.unconsumed_tail:
        raise faulty(
            source.name,
            "decompression_bomb",
            UNPACKED,
            more_than(most),
            Text(
                en=f"at most {limits.ratio} times the packed size",
                zh=f"最多为压缩大小的 {limits.ratio} 倍",
            ),
        )
    if kind_of(unpacked[:HEAD_BYTES]) is not Kind.NIFTI:
        raise faulty(
            source.name,
            "not_an_image",
            CONTENT,
            Text(en="a gzip of something else", zh="其他内容的 gzip"),
            Text(en="a NIfTI volume is read from gzip", zh="gzip 中应为 NIfTI 体数据"),
            Text(en="Send images of other kinds in a zip.", zh="其他图像请以 zip 发送。"),
        )
    return unpacked


def _header(source: Source, content: bytes) -> Any:
    second = content[4:8] in (b"n+2\0", b"ni2\0")
    kind: Any = Nifti2PairHeader if second else Nifti1PairHeader
    size = 540 if second else 348
    try:
        # Extensions are free text of others: they are left unread.
        plain = BytesIO(content[:size].ljust(size, b"\0") + bytes(4))
        header: Any = kind.from_fileobj(plain, check=False)
        code = header.get_data_dtype().str[1:]
    except DAMAGE as error:
        raise _damaged(source, f"{type(error).__name__}: {error}") from error
    if code not in NUMBERS:
        raise faulty(
            source.name,
            "bad_value",
            "datatype",
            code,
            Text(en="integers and floats are read", zh="可读取整数和浮点数"),
        )
    return header


def _check_sizes(source: Source, sizes: list[int]) -> None:
    if any(each < 1 for each in sizes):
        allowed = Text(en="each size is 1 or more", zh="各尺寸至少为 1")
        raise faulty(source.name, "bad_value", "dim", sizes, allowed)


def _refused_sizes(sizes: list[int], limits: Limits) -> Reason | None:
    if any(each > 1 for each in sizes[3:]):
        return refusal("four_dimensional", count=math.prod(sizes[3:]))
    if len(sizes) < 3:
        return refusal("too_few_slices", count=sizes[2] if len(sizes) > 2 else 1, least=10)
    voxels = sizes[0] * sizes[1] * sizes[2]
    if voxels > limits.voxels or max(sizes[:3]) > limits.side:
        return refusal("too_large", count=voxels, most=limits.voxels)
    if min(sizes[:3]) < 10:
        return refusal("too_few_slices", count=min(sizes[:3]), least=10)
    return None


def _stored(
    source: Source, header: Any, content: bytes, shape: tuple[int, ...]
) -> NDArray[np.generic]:
    """The stored values, axes turned round ([slice, row, column] of the file's grid); no copy."""
    dtype = header.get_data_dtype()
    claimed = float(header["vox_offset"])
    start = int(claimed) if math.isfinite(claimed) else 0
    needed = math.prod(shape) * dtype.itemsize
    if header["magic"].item() in _APART:
        told = Text(en="a header whose values lie in another file", zh="数值位于另一文件的文件头")
        raise faulty(source.name, "bad_value", "magic", told, _TOGETHER, _CONVERT)
    if start < _LEAST_OFFSET:
        allowed = Text(en=f"at least {_LEAST_OFFSET} is needed", zh=f"至少应为 {_LEAST_OFFSET}")
        raise faulty(source.name, "bad_value", "vox_offset", claimed, allowed)
    if start + needed > len(content):
        raise faulty(
            source.name,
            "truncated_pixels",
            Text(en="data", zh="数据"),
            _bytes_from(max(0, len(content) - max(start, 0)), start),
            Text(en=f"{needed} bytes are needed", zh=f"需要 {needed} 字节"),
        )
    surplus = len(content) - start - needed
    if surplus >= math.prod(shape[:2]) * dtype.itemsize:
        told = Text(
            en=f"{list(shape)}, and {surplus} bytes are left over",
            zh=f"{list(shape)}，另多出 {surplus} 字节",
        )
        raise faulty(source.name, "bad_value", "dim", told, _AS_LARGE)
    stored = np.frombuffer(content, dtype=dtype, count=math.prod(shape), offset=start)
    return stored.reshape(shape[::-1])


def _scale(source: Source, header: Any) -> tuple[float, float]:
    """Slope and intercept; a file without a slope (0, or no number) says that there is no scale."""
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0 or math.isnan(slope):
        return 1.0, 0.0
    if not (math.isfinite(slope) and math.isfinite(intercept)):
        allowed = Text(en="finite numbers are needed", zh="需要有限的数")
        raise faulty(source.name, "bad_value", "scl_slope, scl_inter", [slope, intercept], allowed)
    return slope, intercept


def _hounsfield(
    stored: NDArray[np.generic], slope: float, intercept: float
) -> tuple[NDArray[np.int16], float]:
    """Values with the header's scale, once; and the share of those that were not finite."""
    result = np.empty(stored.shape, dtype=np.int16)
    strange = 0
    for at, layer in enumerate(stored):  # slice by slice: a float volume is never doubled
        values = layer.astype(np.float64) * slope + intercept
        bad = ~np.isfinite(values)
        if bad.any():
            strange += int(bad.sum())
            values[bad] = AIR
        values[values > HIGHEST] = AIR  # padding below zero, stored as unsigned
        result[at] = np.clip(np.rint(values), LOWEST, HIGHEST)
    return result, strange / stored.size


def _bytes_from(count: int, start: int) -> Text:
    return Text(en=f"{count} bytes from {start}", zh=f"自 {start} 起 {count} 字节")


def _damaged(source: Source, why: str) -> Exception:
    return faulty(
        source.name,
        "damaged",
        FILE,
        unreadable(why),
        Text(en="a whole NIfTI file is needed", zh="需要完整的 NIfTI 文件"),
    )
