"""Which of several usable series is read: by geometry first, then by the softer kernel."""

from collections.abc import Sequence
from typing import Any

from apps.report_gen.reading.kernels import sharpness
from apps.report_gen.reading.reasons import Reason, Severity, note
from apps.report_gen.reading.verdicts import SeriesVerdict

_SAME_SPACING = 0.25
"""mm; smaller differences between slices decide nothing."""


def in_preference(verdicts: Sequence[SeriesVerdict]) -> list[int]:
    """Places of the series that are not refused, the best first."""
    usable = [at for at, each in enumerate(verdicts) if each.status != "refused"]
    return sorted(usable, key=lambda at: (*_merits(verdicts[at]), at))


def _merits(verdict: SeriesVerdict) -> tuple[Any, ...]:
    """Smaller is better: no resampling, few warnings, thin slices, soft kernel, many images."""
    warnings = sum(each.severity is Severity.WARNING for each in verdict.reasons)
    depth = verdict.spacing[0] if verdict.spacing else 0.0
    return (
        verdict.resampled,
        warnings,
        round(depth / _SAME_SPACING),
        sharpness(verdict.series.facts.kernel),
        -verdict.series.facts.images,
        verdict.series.number or 0,
    )


_CHOSEN = (
    ("its slices need no resampling", "其切层无需重采样"),
    ("its geometry gives fewer warnings", "其几何警告更少"),
    ("its slices lie closer together", "其层间距更小"),
    ("its kernel is the softer one ({kernel})", "其重建核更柔和（{kernel}）"),
    ("it has more images", "其图像更多"),
    ("it comes first", "其序号在前"),
)
"""By merit, in the order of `_merits`."""

_LEFT = (
    ("its slices need resampling", "其切层需重采样"),
    ("its geometry gives more warnings", "其几何警告更多"),
    ("its slices lie further apart", "其层间距更大"),
    ("its kernel is the sharper one ({kernel})", "其重建核更锐利（{kernel}）"),
    ("it has fewer images", "其图像更少"),
    ("it comes later", "其序号在后"),
)


def why_chosen(best: SeriesVerdict, others: Sequence[SeriesVerdict]) -> Reason:
    """The reason of the one that is read, against the closest of the others."""
    if not others:
        return note("chosen", why="the only usable series", why_zh="唯一可用的序列")
    closest = max(_deciding(best, other) for other in others)
    en, zh = _CHOSEN[closest]
    kernel = best.series.facts.kernel or "?"
    return note("chosen", why=en.format(kernel=kernel), why_zh=zh.format(kernel=kernel))


def why_not(other: SeriesVerdict, best: SeriesVerdict) -> Reason:
    """The reason of one that is usable and not read."""
    en, zh = _LEFT[_deciding(best, other)]
    kernel = other.series.facts.kernel or "?"
    return note("not_chosen", why=en.format(kernel=kernel), why_zh=zh.format(kernel=kernel))


def _deciding(best: SeriesVerdict, other: SeriesVerdict) -> int:
    """The first merit in which they differ."""
    pairs = zip(_merits(best), _merits(other), strict=True)
    return next((at for at, (one, two) in enumerate(pairs) if one != two), len(_CHOSEN) - 1)
