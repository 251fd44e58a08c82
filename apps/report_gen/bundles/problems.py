"""Why files were left out, told without their names or what stands in them."""

from collections.abc import Iterable

from apps.report_gen.bundles.manifest import MOST_PROBLEMS, Problem
from apps.report_gen.reading.faults import Fault


def problems_of(faults: Iterable[Fault]) -> tuple[Problem, ...]:
    """One for each code and field, with how many files it concerns, the most frequent first."""
    found: dict[tuple[str, str], Problem] = {}
    for each in faults:
        before = found.get((each.code, each.field))
        found[(each.code, each.field)] = Problem(
            code=each.code[:60],
            files=1 if before is None else before.files + 1,
            en=f"{each.field}: {each.allowed.en}. {each.advice.en}"[:1000],
            zh=f"{each.field_zh}：{each.allowed.zh}。{each.advice.zh}"[:1000],
        )
    return tuple(sorted(found.values(), key=lambda one: -one.files)[:MOST_PROBLEMS])
