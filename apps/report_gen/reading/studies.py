"""A study from its files: the verdict on every series, and the volume of the one that is read.

    verdicts = gate([Path("study.zip")])
    study = read_study([Path("study.zip")])
    study.volume.hu  # int16 [slice, row, column], RAS

Bounded memory: one volume at a time, one file's bytes a process.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from apps.report_gen.reading.choosing import (
    in_preference,
    may_cover_more,
    why_chosen,
    why_not,
)
from apps.report_gen.reading.geometry.assessing import assess
from apps.report_gen.reading.geometry.kind import reformatted
from apps.report_gen.reading.geometry.stack import Stack
from apps.report_gen.reading.grouping import Group, grouped, opened
from apps.report_gen.reading.limits import DEFAULT, Limits
from apps.report_gen.reading.loading import Loaded, load_nifti, load_stack
from apps.report_gen.reading.quiet import quiet
from apps.report_gen.reading.reasons import Reason, Severity, reason, refusal
from apps.report_gen.reading.scope.judging import judge
from apps.report_gen.reading.sources import Sources
from apps.report_gen.reading.verdicts import SeriesVerdict, Status
from apps.report_gen.volume import AIR, Volume


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Study:
    """What came of reading. No volume means that every series was refused."""

    verdicts: tuple[SeriesVerdict, ...]
    volume: Volume | None = None

    @property
    def chosen(self) -> SeriesVerdict | None:
        """The verdict of the series that is read."""
        return next((each for each in self.verdicts if each.chosen), None)


@dataclass(slots=True, eq=False)
class _Candidate:
    group: Group
    verdict: SeriesVerdict
    stack: Stack | None = None


def gate(
    paths: Sequence[Path], limits: Limits = DEFAULT, called: Mapping[str, str] | None = None
) -> list[SeriesVerdict]:
    """Judge every series of what lies at `paths`, values included; volumes are let go.

    Files that belong to no series come last, as a refused verdict without a series. With `called`,
    only the files in it are judged, under the names it gives them.
    """
    with quiet(), opened(paths, limits, called) as sources:
        candidates = _candidates(sources, limits)
        for each in candidates:
            if each.verdict.status is not Status.REFUSED:
                _loaded(each, limits)
        verdicts = _with_choice([each.verdict for each in candidates])
        return [*verdicts, *_left_over(sources)]


def read_study(paths: Sequence[Path], limits: Limits = DEFAULT) -> Study:
    """Read the best series of what lies at `paths`; the next best where its values are refused.

    Series that are not read are judged by their headers alone.
    """
    with quiet(), opened(paths, limits) as sources:
        candidates = _candidates(sources, limits)
        volume = _best(candidates, limits)
        verdicts = _explained([each.verdict for each in candidates])
        return Study(verdicts=(*verdicts, *_left_over(sources)), volume=volume)


def _best(candidates: Sequence[_Candidate], limits: Limits) -> Volume | None:
    """The volume of the series to read, which is marked as chosen.

    The next is tried where the values of one are refused, and where its lungs are cut off and
    another may show more of them. Two volumes are in memory at most.
    """
    best: _Candidate | None = None
    volume: Volume | None = None
    for at in in_preference([each.verdict for each in candidates]):
        candidate = candidates[at]
        if best is not None and not may_cover_more(candidate.verdict, best.verdict):
            continue
        found = _loaded(candidate, limits)
        if found is not None and (best is None or _is_better(candidate, best)):
            best, volume = candidate, found
            if not any(each.code == "coverage" for each in best.verdict.reasons):
                break
    if best is not None:
        best.verdict = replace(best.verdict, chosen=True)
    return volume


def _is_better(one: _Candidate, other: _Candidate) -> bool:
    return in_preference([other.verdict, one.verdict])[0] == 1


def _candidates(sources: Sources, limits: Limits) -> list[_Candidate]:
    candidates = [_judged(group, limits) for group in grouped(sources, limits)]
    _one_patient_a_study(candidates)
    return candidates


def _one_patient_a_study(candidates: Sequence[_Candidate]) -> None:
    """Refuse every series of a study whose series are about different people."""
    patients: dict[str, set[str]] = defaultdict(set)
    for each in candidates:
        if each.stack is not None:
            found = {image.file.patient for image in each.stack.images} - {""}
            patients[each.verdict.series.study_uid] |= found
    for each in candidates:
        count = len(patients[each.verdict.series.study_uid])
        if each.stack is not None and count > 1:
            each.verdict = each.verdict.adding([refusal("mixed_patients", count=count)])


def _judged(group: Group, limits: Limits) -> _Candidate:
    if group.nifti is not None:
        return _Candidate(group, SeriesVerdict(files=1))
    found = assess(group.images, group.faults, limits)
    stack = found.stack
    series = group.series()
    verdict = SeriesVerdict(
        series=series,
        reasons=found.reasons,
        faults=found.faults,
        files=len(group.headers),
        spacing=(stack.spacing, *_in_plane(stack)) if stack else None,
        shape=(len(stack.images), stack.rows, stack.columns) if stack else None,
    )
    if stack is not None:
        kernel = stack.images[0].file.kernel  # of those that are kept
        verdict = replace(
            verdict,
            series=replace(series, facts=replace(series.facts, kernel=kernel)),
            extent=stack.extent(),
            depth=max(stack.spacing, series.facts.thickness or 0.0),
            reformatted=reformatted(stack.images),
        )
    return _Candidate(group, verdict, stack)


def _in_plane(stack: Stack) -> tuple[float, float]:
    rows, columns = stack.images[0].pixel_spacing or (1.0, 1.0)
    return rows, columns


def _loaded(candidate: _Candidate, limits: Limits) -> Volume | None:
    """Decode and judge the values; the verdict takes up what was found."""
    volume, reasons, faults = _decoded(candidate, limits)
    if volume is not None:
        reasons = [*reasons, *judge(volume)]
    verdict = candidate.verdict.adding(reasons)
    verdict = replace(verdict, faults=(*verdict.faults, *faults))
    if volume is not None:
        verdict = replace(verdict, spacing=volume.spacing, shape=volume.shape, seen=True)
    candidate.verdict = verdict
    if volume is None or verdict.status is Status.REFUSED:
        return None
    np.maximum(volume.hu, AIR, out=volume.hu)
    return volume


def _decoded(candidate: _Candidate, limits: Limits) -> Loaded:
    if candidate.stack is not None:
        return load_stack(candidate.stack, candidate.verdict.series, limits)
    if candidate.group.nifti is not None:
        return load_nifti(candidate.group.nifti, limits)
    return None, [], []


def _with_choice(verdicts: list[SeriesVerdict]) -> list[SeriesVerdict]:
    order = in_preference(verdicts)
    if order:
        verdicts[order[0]] = replace(verdicts[order[0]], chosen=True)
    return _explained(verdicts)


def _explained(verdicts: list[SeriesVerdict]) -> list[SeriesVerdict]:
    """Say why one was chosen and why the other usable ones were not."""
    best = next((each for each in verdicts if each.chosen), None)
    if best is None:
        return verdicts
    others = [each for each in verdicts if each is not best and each.status is not Status.REFUSED]
    return [
        each.adding([why_chosen(best, others)])
        if each is best
        else (each.adding([why_not(each, best)]) if each in others else each)
        for each in verdicts
    ]


def _left_over(sources: Sources) -> list[SeriesVerdict]:
    """Files that are no images, or too damaged to say what series they belong to."""
    if not sources.faults:
        return []
    reasons: list[Reason] = []
    for fault in sources.faults[:1]:
        text = fault.text()
        reasons.append(
            reason(
                fault.code,
                Severity.REFUSAL,
                "file",
                words=text.en,
                words_zh=text.zh,
            )
        )
    return [
        SeriesVerdict(
            reasons=tuple(reasons), faults=tuple(sources.faults), files=len(sources.faults)
        )
    ]
