"""Which column means what; the names are CT-RATE's (Hamamci et al., 2024) unless others are given.

A mapping is a JSON object of those that differ::

    {"volume": "file", "findings": "report", "labels": {"lung_nodule": "nodule_present"}}
"""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from apps.report_gen.findings import FINDINGS, KEYS
from loupe.contract.runtime.errors import InputRefused

MAPPING_FILE: Final = "mapping.json"
OWN_LABELS: Final[Mapping[str, str]] = MappingProxyType(
    {kind.key: kind.ct_rate or kind.name.en for kind in FINDINGS}
)


class Columns(BaseModel):
    """The names of columns."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    volume: str = "VolumeName"
    patient: str = "PatientID"
    clinical: str = "ClinicalInformation_EN"
    findings: str = "Findings_EN"
    impression: str = "Impressions_EN"
    labels: dict[str, str] = Field(default_factory=dict)

    @field_validator("labels")
    @classmethod
    def _known(cls, labels: dict[str, str]) -> dict[str, str]:
        strange = sorted(set(labels) - set(KEYS))
        if strange:
            raise ValueError(f"{', '.join(strange)}: no finding; there are {', '.join(KEYS)}")
        return labels

    def label(self, key: str) -> str:
        """The column of a finding."""
        return self.labels.get(key, OWN_LABELS[key])


def read_mapping(path: Path | None, changed: tuple[str, ...] = ()) -> Columns:
    """The mapping of a file, with changes ``name=column`` on top.

    Raises:
        InputRefused: no JSON, an unknown name, or a change without ``=``.
    """
    given: dict[str, Any] = {}
    if path is not None:
        try:
            given = dict(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise InputRefused(
                f"The mapping {path} is no JSON object: {error}.", code="mapping"
            ) from error
    for each in changed:
        name, found, column = each.partition("=")
        if not found or not column:
            raise InputRefused(
                f"--column {each!r} is not name=column, as in findings=report.", code="mapping"
            )
        if name in KEYS:
            given["labels"] = {**given.get("labels", {}), name: column}
        else:
            given[name] = column
    try:
        return Columns.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputRefused(
            f"The mapping's {'.'.join(map(str, first['loc']))}: {first['msg']}. Its fields are "
            f"{', '.join(Columns.model_fields)}.",
            code="mapping",
        ) from error
