"""From the runner's payload to the stored result."""

from typing import Any

import numpy as np

from apps.report_gen.masks import packed
from apps.report_gen.schema import StudyResult
from loupe.contract.runtime.payload import Payload

MASK_ARRAYS = ("labels", "regions")


def assemble(payload: Payload) -> StudyResult:
    """The result; what was refused has neither findings nor masks."""
    told: dict[str, Any] = dict(payload.meta)
    masks = None
    if told["status"] == "drafted":
        labels, regions = (np.asarray(payload.arrays[name]) for name in MASK_ARRAYS)
        masks = {**told["masks"], "labels": packed(labels), "regions": packed(regions)}
    return StudyResult.model_validate(
        {
            "status": told["status"],
            "study_uid": told.get("study_uid", ""),
            "series_uid": told.get("series_uid", ""),
            "language": told.get("language", "en"),
            "series": told.get("series", ()),
            "reasons": told.get("reasons", ()),
            "volume": told.get("volume"),
            "resampled": told.get("resampled", False),
            "findings": told.get("findings", ()),
            "drafts": told.get("drafts", ()),
            "masks": masks,
            "model": told.get("model"),
            "stages_ms": told.get("stages_ms", {}),
        }
    )
