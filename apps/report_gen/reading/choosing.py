"""Which of several usable series is read: by coverage, then geometry, then the softer kernel."""

from collections.abc import Sequence
from typing import Any

from apps.report_gen.reading.kernels import sharpness
from apps.report_gen.reading.reasons import Reason, Severity, note
from apps.report_gen.reading.verdicts import SeriesVerdict

_SAME_DEPTH = 0.25
"""mm; smaller differences between slices decide nothing."""
_CLEARLY_MORE = 1.05
"""Times as long or wide, for a series that is worth reading because another is cut off."""


def in_preference(verdicts: Sequence[SeriesVerdict]) -> list[int]:
    """Places of the series that are not refused, the best first."""
    usable = [at for at, each in enumerate(verdicts) if each.status != "refused"]
    return sorted(usable, key=lambda at: (*_merits(verdicts[at]), at))


def may_cover_more(other: SeriesVerdict, cut_off: SeriesVerdict) -> bool:
    """Whether `other`, by its headers, is longer or wider than one whose lungs are cut off."""
    pairs = zip(other.extent or (), cut_off.extent or (), strict=False)
    return any(one > _CLEARLY_MORE * two for one, two in pairs)


def _merits(verdict: SeriesVerdict) -> tuple[Any, ...]:
    """Smaller is better: whole lungs, no resampling, as the scanner reconstructed it, few warnings,
    thin slices, soft kernel, many images."""
    warnings = [each.code for each in verdict.reasons if each.severity is Severity.WARNING]
    cuts = warnings.count("coverage")
    return (
        cuts,
        verdict.resampled,
        verdict.reformatted,
        len(warnings) - cuts,
        round((verdict.depth or 0.0) / _SAME_DEPTH),
        sharpness(verdict.series.facts.kernel),
        -verdict.series.facts.images,
        verdict.series.number or 0,
    )


_CHOSEN = (
    ("it shows more of the lungs", "其肺部覆盖更完整"),
    ("its slices need no resampling", "其切层无需重采样"),
    ("its slices are those of the scanner, not reformatted ones", "其为扫描仪原始切层，非重组图像"),
    ("its geometry gives fewer warnings", "其几何警告更少"),
    ("its slices are thinner", "其切层更薄"),
    ("its kernel is the softer one ({kernel})", "其重建核更柔和（{kernel}）"),
    ("it has more images", "其图像更多"),
    ("it comes first", "其序号在前"),
)
"""By merit, in the order of `_merits`."""

_LEFT = (
    ("it shows less of the lungs", "其肺部覆盖较少"),
    ("its slices need resampling", "其切层需重采样"),
    ("its slices are reformatted ones", "其切层为重组图像"),
    ("its geometry gives more warnings", "其几何警告更多"),
    ("its slices are thicker", "其切层更厚"),
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
    """The first merit in which they differ.

    How much of the lungs a series shows is known only where its values were judged.
    """
    ours, theirs = _merits(best), _merits(other)
    for at, (one, two) in enumerate(zip(ours, theirs, strict=True)):
        if one != two and not (at == 0 and not other.seen):
            return at
    return len(_CHOSEN) - 1
