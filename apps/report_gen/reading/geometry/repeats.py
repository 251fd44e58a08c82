"""Several scans or reconstructions of the same positions in one series: one of them is kept.

Arterial and venous, inspiration and expiration, the phases of a heart, two kernels. They are told
apart by what the images say; where they say nothing, the series is refused.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from apps.report_gen.reading.geometry.planes import axes
from apps.report_gen.reading.geometry.stacking import MOST_OF_A_SERIES
from apps.report_gen.reading.headers import Image
from apps.report_gen.reading.kernels import sharpness
from apps.report_gen.reading.reasons import Reason, refusal, warning
from loupe.contract.text import Text

SAME_PLACE: Final = 0.01
"""Images closer along the normal, in mm, lie at the same place."""
_NEAR: Final = 0.1
"""Images closer than this share of the usual distance do too."""
_LEAST_OF_A_SCAN: Final = 10
_SAME_RANGE: Final = 0.5
"""Share of the shorter of two scans that lies within the other, from which on they show the same.
"""


@dataclass(frozen=True, slots=True)
class _Set:
    """Images that belong together, by their place in the series, and what a reader calls them."""

    members: list[int]
    called: str
    called_zh: str


def one_scan(images: list[Image]) -> tuple[list[Image], list[Reason]]:
    """The longest of several acquisitions of the same part of the patient, the first where they are
    as long; acquisitions one after another stay together."""
    groups: dict[int, list[int]] = defaultdict(list)
    for at, each in enumerate(images):
        if each.file.acquisition is None:
            return images, []
        groups[each.file.acquisition].append(at)
    scans = sorted(
        (number for number in groups if len(groups[number]) >= _LEAST_OF_A_SCAN),
        key=lambda number: (-len(groups[number]), number),
    )
    along = _along(images)
    repeated = [each for each in scans[1:] if _same_range(along, groups[scans[0]], groups[each])]
    if not repeated:
        return images, []
    gone = {at for number in repeated for at in groups[number]}
    told = _told(_ACQUISITION, len(repeated) + 1, str(scans[0]), str(scans[0]))
    return [each for at, each in enumerate(images) if at not in gone], [told]


def without_doubles(
    images: list[Image], distances: NDArray[np.float64]
) -> tuple[list[Image], NDArray[np.float64], list[Reason]]:
    """One image a position, of images in order at their distances from the first, mm."""
    steps = np.diff(distances)
    apart = steps[steps > SAME_PLACE]
    nearest = max(SAME_PLACE, _NEAR * float(np.median(apart))) if len(apart) else SAME_PLACE
    place = np.concatenate([[0], np.cumsum(steps > nearest)])
    held = Counter(place.tolist())
    doubled = sum(count > 1 for count in held.values())
    if not doubled:
        return images, distances, []
    for what, sets in _ways(images, place):
        longest = sorted(sets, key=lambda each: -len(each.members))
        kept = next((each for each in longest if _is_whole(each, place, len(held))), None)
        if len(sets) > 1 and kept is not None:
            at = kept.members
            reasons = [_told(what, len(sets), kept.called, kept.called_zh)]
            return [images[one] for one in at], distances[at], reasons
    if doubled > len(held) // 4:
        reason = refusal("doubled_slices", "doubled_slices_refused", count=doubled, total=len(held))
        return [], distances, [reason]
    first = sorted({int(number): at for at, number in reversed(list(enumerate(place)))}.values())
    return (
        [images[at] for at in first],
        distances[first],
        [warning("doubled_slices", count=doubled)],
    )


def _told(what: Text, times: int, called: str, called_zh: str) -> Reason:
    return warning(
        "doubled_slices",
        "doubled_slices_split",
        times=times,
        what=what.en,
        what_zh=what.zh,
        kept=called,
        kept_zh=called_zh,
    )


_ACQUISITION: Final = Text(en="their acquisition number", zh="采集编号")
_KERNEL: Final = Text(en="their kernel", zh="重建核")
_PHASE: Final = Text(en="their phase", zh="时相")
_ORDER: Final = Text(en="their instance numbers", zh="实例编号")


def _ways(images: Sequence[Image], place: NDArray[np.int64]) -> Iterator[tuple[Text, list[_Set]]]:
    """Every way to tell images of one place apart, and its sets, the preferred one first."""
    yield _ACQUISITION, _by(images, lambda each: each.file.acquisition, str)
    soft = _by(images, lambda each: each.file.kernel or None, str)
    yield _KERNEL, sorted(soft, key=lambda each: sharpness(each.called))
    for number in range(max(len(each.phase) for each in images)):
        yield _PHASE, _by(images, partial(_phase, number), "{:g}".format)
    yield _ORDER, _by_order(images, place)


def _phase(number: int, image: Image) -> float | None:
    return image.phase[number] if number < len(image.phase) else None


def _by(
    images: Sequence[Image], key: Callable[[Image], Any], called: Callable[[Any], str]
) -> list[_Set]:
    """Sets by a value that every image has; none where one has it not."""
    groups: dict[Any, list[int]] = defaultdict(list)
    for at, each in enumerate(images):
        groups[key(each)].append(at)
    if None in groups:
        return []
    return [_Set(groups[value], called(value), called(value)) for value in sorted(groups)]


def _by_order(images: Sequence[Image], place: NDArray[np.int64]) -> list[_Set]:
    """Sets by the order the images are numbered in: scan after scan, or position after position.

    None where numbers are missing, doubled, or follow neither order.
    """
    numbers = [(each.file.instance_number, each.frame) for each in images]
    if any(number is None for number, _ in numbers) or len(set(numbers)) < len(numbers):
        return []
    order = sorted(range(len(images)), key=lambda at: numbers[at])
    turns: Counter[int] = Counter()
    rounds: list[int] = []
    for at in order:
        rounds.append(turns[int(place[at])])
        turns[int(place[at])] += 1
    times = set(turns.values())
    if len(times) != 1:
        return []
    (count,) = times
    scan_by_scan = rounds == sorted(rounds)
    if not scan_by_scan and rounds != list(range(count)) * (len(rounds) // count):
        return []
    sets = []
    for number in range(count):
        members = [at for at, turn in zip(order, rounds, strict=True) if turn == number]
        sets.append(_Set(sorted(members), *_numbered(members, images, number, scan_by_scan)))
    return sets


def _numbered(
    members: Sequence[int], images: Sequence[Image], number: int, scan_by_scan: bool
) -> tuple[str, str]:
    if not scan_by_scan:
        return f"the images numbered {number + 1} at their position", f"各位置第 {number + 1} 幅"
    first, last = images[members[0]], images[members[-1]]
    ends = [
        each.frame if first.file is last.file else each.file.instance_number or 0
        for each in (first, last)
    ]
    least, most = min(ends), max(ends)
    return f"{least} to {most}", f"{least} 至 {most}"


def _is_whole(one: _Set, place: NDArray[np.int64], total: int) -> bool:
    """Whether it holds most positions, each once."""
    places = {int(place[at]) for at in one.members}
    return len(places) == len(one.members) and len(places) >= MOST_OF_A_SERIES * total


def _along(images: Sequence[Image]) -> NDArray[np.float64]:
    found = axes(images[0].orientation or ())
    if found is None:
        raise ValueError("images are placed before they are ordered")
    return np.array([float(found[2] @ np.array(each.position)) for each in images])


def _same_range(along: NDArray[np.float64], one: Sequence[int], other: Sequence[int]) -> bool:
    ends = [(along[list(each)].min(), along[list(each)].max()) for each in (one, other)]
    common = min(high for _, high in ends) - max(low for low, _ in ends)
    return bool(common > _SAME_RANGE * min(high - low for low, high in ends))
