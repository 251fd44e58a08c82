"""Whether a series is what it must be before geometry matters: CT images with one value a pixel."""

import re
from collections.abc import Sequence
from typing import Final

import numpy as np
from pydicom.uid import UID

from apps.report_gen.reading.geometry.planes import axes
from apps.report_gen.reading.headers import Image
from apps.report_gen.reading.reasons import Reason, note, refusal, warning

CT: Final = {
    "1.2.840.10008.5.1.4.1.1.2",
    "1.2.840.10008.5.1.4.1.1.2.1",
    "1.2.840.10008.5.1.4.1.1.2.2",
}
READ: Final = {
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2.2",
    "1.2.840.10008.1.2.5",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.4.201",
    "1.2.840.10008.1.2.4.202",
    "1.2.840.10008.1.2.4.203",
}
LOSSY: Final = {
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.4.203",
}
MADE: Final = {
    "MIP": ("projections (MIP)", "投影图像（MIP）"),
    "MINIP": ("projections (MinIP)", "投影图像（MinIP）"),
    "PROJECTION": ("projections", "投影图像"),
    "PROJECTION IMAGE": ("projections", "投影图像"),
    "PERFUSION": ("perfusion maps", "灌注图"),
    "RCBF": ("perfusion maps", "灌注图"),
    "SCREEN SAVE": ("screen captures", "屏幕截图"),
    "DOSE_INFO": ("dose pages", "剂量页"),
    "3D": ("renderings", "三维渲染图"),
    "VOLUME_RENDER": ("renderings", "三维渲染图"),
    "MONOENERGETIC": ("virtual monoenergetic images", "虚拟单能图像"),
    "EFF_ATOMIC_NUM": ("material maps", "物质图"),
    "ELECTRON_DENSITY": ("material maps", "物质图"),
}
"""Image types (PS3.3 C.8.16.1 and vendors' habits) whose values are not Hounsfield units of a
reconstruction, with their names."""


_SYNTAXES: Final = {
    "1.2.840.10008.1.2.4.110": "JPEG XL Lossless",
    "1.2.840.10008.1.2.4.111": "JPEG XL JPEG Recompression",
    "1.2.840.10008.1.2.4.112": "JPEG XL",
    "1.2.840.10008.1.2.8.1": "Deflated Image Frame Compression",
    "1.2.840.113619.5.2": "GE Private Implicit VR Big Endian",
}
"""Those of PS3.6 and of vendors whose names pydicom does not know yet."""
_HEADWARDS: Final = 2
_PROJECTED: Final = {"MIP", "MINIP", "PROJECTION"}
"""Of these, vendors also make longer words, such as CT_SOM5 MIP."""
_REFORMATTED: Final = {"MPR", "REFORMATTED", "CURVED", "OBLIQUE"}


def reformatted(images: Sequence[Image]) -> bool:
    """Whether the images were made from others: they say so, or lie in another plane than the
    scanner reconstructs."""
    found = axes(images[0].orientation or ())
    across_the_body = found is None or int(np.abs(found[2]).argmax()) == _HEADWARDS
    return not across_the_body or all(_REFORMATTED & _words(each) for each in images)


def _values(image: Image) -> set[str]:
    return set(image.image_type)


def _words(image: Image) -> set[str]:
    """The values of an image's type, and the words in them."""
    return {part for each in image.image_type for part in (each, *re.split(r"[ _]", each))}


def _syntax(uid: str) -> str:
    """A transfer syntax by name and UID."""
    if not UID(uid).is_valid:
        return "?"
    name = _SYNTAXES.get(uid, UID(uid).name)
    return uid if name == uid else f"{name} ({uid})"


def foreign(images: Sequence[Image]) -> list[Reason]:
    """Reasons that come from what the images are; the first refusal is enough."""
    if not images:
        return []
    first = images[0].file
    modalities = {each.file.modality for each in images} - {""}
    if modalities - {"CT"}:
        return [refusal("modality", modality=", ".join(sorted(modalities))[:40])]
    reasons: list[Reason] = []
    classes = {each.file.sop_class_uid for each in images} - {""}
    if not modalities:
        if not classes or classes - CT:
            return [refusal("modality", modality="∅")]
        reasons.append(warning("missing_tag", "missing_modality"))
    if classes - CT:
        name = UID(sorted(classes - CT)[0]).name[:60]
        return [*reasons, refusal("out_of_scope", what=name, what_zh=name)]
    for word, (en, zh) in MADE.items():
        words = _words if word in _PROJECTED else _values
        if all(word in words(each) for each in images):
            return [*reasons, refusal("out_of_scope", what=en, what_zh=zh)]
    if first.samples != 1:
        return [*reasons, refusal("out_of_scope", what="in colour", what_zh="彩色图像")]
    syntaxes = {each.file.transfer_syntax for each in images}
    if syntaxes - READ:
        return [*reasons, refusal("transfer_syntax", syntax=_syntax(sorted(syntaxes - READ)[0]))]
    if syntaxes & LOSSY or any(each.file.lossy for each in images):
        reasons.append(warning("lossy"))
    bare = sum(each.slope is None or each.intercept is None for each in images)
    if bare:
        reasons.append(note("missing_rescale", count=bare))
    return reasons
