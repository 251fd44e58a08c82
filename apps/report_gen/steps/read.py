"""From a study's file to Hounsfield units, or to the reasons why there are none.

Reads bundles, and besides them a zip, a DICOM file or a NIfTI file as it came (samples).
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from apps.report_gen.bundles.manifest import Manifest
from apps.report_gen.bundles.opening import is_bundle, manifest_of
from apps.report_gen.bundles.views import leading, series_view
from apps.report_gen.reading.sniffing import HEAD_BYTES, Kind, kind_of
from apps.report_gen.reading.studies import Study, read_study
from apps.report_gen.schema import MOST_SERIES, GateReason, Grid, SeriesView
from apps.report_gen.volume import Volume
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue, Payload

_NOTHING: Final = GateReason(
    code="no_images",
    severity="refusal",
    en="The study holds no image that can be read. Send a chest CT as DICOM or NIfTI.",
    zh="该检查中没有可读取的图像。请发送 DICOM 或 NIfTI 格式的胸部 CT。",
)
_READ: Final = (Kind.DICOM, Kind.NIFTI, Kind.GZIP, Kind.ZIP)


def read(path: Path, options: Mapping[str, JsonValue]) -> Payload:
    """``hu`` int16 [slice, row, column] in RAS; the verdicts in `meta`.

    Where every series is refused, `meta` says so by ``status`` and ``hu`` is one voxel of air: a
    refusal of the gate is a result, with its reasons.

    Raises:
        InputRefused: the file is neither a bundle nor a zip, DICOM or NIfTI.
    """
    _require_readable(path)
    told = manifest_of(path) if is_bundle(path) else Manifest(study_uid="")
    study = read_study([path])
    within = f"{path.name}/images/"
    views = [*(series_view(each, within) for each in study.verdicts), *told.refused][:MOST_SERIES]
    if study.volume is None:
        return _refused(told, study, views)
    return _read(told, study, study.volume, views)


def _require_readable(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if kind_of(head) not in _READ:
        raise InputRefused(
            "The file is neither DICOM nor NIfTI nor a zip of them; send a CT of the chest in one "
            "of these forms.",
            code="not_an_image",
        )


def _refused(told: Manifest, study: Study, views: list[SeriesView]) -> Payload:
    reasons = leading(views) or (_NOTHING,)
    if not any(each.severity == "refusal" for each in reasons):
        reasons = (*reasons, _NOTHING)
    return Payload(
        arrays={"hu": np.full((1, 1, 1), -1024, np.int16)},
        meta={
            **_about(told, study, views),
            "status": "refused",
            "reasons": [each.model_dump(mode="json") for each in reasons],
        },
    )


def _read(told: Manifest, study: Study, volume: Volume, views: list[SeriesView]) -> Payload:
    grid = Grid.model_validate(
        {
            "shape": volume.shape,
            "spacing": volume.spacing,
            "affine": volume.affine.tolist(),
        }
    )
    return Payload(
        arrays={"hu": np.ascontiguousarray(volume.hu)},
        meta={
            **_about(told, study, views),
            "status": "drafted",
            "series_uid": volume.series.series_uid,
            "reasons": [each.model_dump(mode="json") for each in leading(views)],
            "volume": grid.model_dump(mode="json"),
            "resampled": bool(volume.resampled),
            "text": told.clinical.together(),
            "question": told.clinical.indication,
        },
    )


def _about(told: Manifest, study: Study, views: list[SeriesView]) -> dict[str, JsonValue]:
    uids = [each.series.study_uid for each in study.verdicts if each.series.study_uid]
    return {
        "study_uid": told.study_uid or (uids[0] if uids else ""),
        "language": told.language,
        "series": json.loads(json.dumps([each.model_dump(mode="json") for each in views])),
    }
