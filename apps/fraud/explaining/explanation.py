"""Everything that explains one score, as plain data: what an alert's page shows and keeps."""

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from apps.fraud.explaining.background import Background
from apps.fraud.explaining.lime import Lime, lime, seed_of
from apps.fraud.explaining.reasons import Explainer
from apps.fraud.explaining.words import GROUP_WORDS, sentence
from apps.fraud.scheme import Scheme

FEATURES = 12
"""Of a group, that are told one by one."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FeatureTold(_Frozen):
    """One feature with its value; None: missing."""

    name: str
    value: float | None
    weight: float
    en: str
    zh: str


class GroupTold(_Frozen):
    """One group; its first feature is the one that pulled its way the most."""

    group: str
    en: str
    zh: str
    weight: float = Field(description="log-odds added to, or taken from, the score")
    features: tuple[FeatureTold, ...]


class Explanation(_Frozen):
    """Groups that raised the score first. `usual` and all weights add up to `margin`."""

    schema_version: Literal[1] = 1
    transaction: str
    model_sha256: str
    usual: float = Field(description="log-odds of a transaction of which nothing is known")
    margin: float
    groups: tuple[GroupTold, ...]
    lime: Lime


def explain(
    row: NDArray[np.float32],
    explainer: Explainer,
    margins: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    background: Background,
    scheme: Scheme,
    transaction: str,
    model_sha256: str,
) -> Explanation:
    """Explain one row [features], in the order of the model's features."""
    groups = explainer.one(row)
    exact = {name: weight for group in groups for name, weight in group.features}
    values = dict(zip(explainer.names, row.astype(float).tolist(), strict=True))
    return Explanation(
        transaction=transaction,
        model_sha256=model_sha256,
        usual=explainer.ways.usual,
        margin=float(margins(row[None])[0]),
        groups=tuple(
            GroupTold(
                group=group.group,
                en=GROUP_WORDS[group.group].en,
                zh=GROUP_WORDS[group.group].zh,
                weight=group.weight,
                features=tuple(
                    _feature(name, weight, values, scheme)
                    for name, weight in group.features[:FEATURES]
                ),
            )
            for group in groups
        ),
        lime=lime(
            row,
            margins,
            background,
            [exact.get(name, 0.0) for name in explainer.names],
            seed_of(transaction, model_sha256),
        ),
    )


def _feature(name: str, weight: float, values: Mapping[str, float], scheme: Scheme) -> FeatureTold:
    words, value = sentence(name, values, scheme), values[name]
    return FeatureTold(
        name=name,
        value=value if np.isfinite(value) else None,
        weight=weight,
        en=words.en,
        zh=words.zh,
    )
