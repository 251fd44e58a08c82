"""`evaluate` on transactions: the whole ladder on a file, learned and measured in one run."""

from collections.abc import Callable
from typing import Any

from apps.fraud.features.catalogue import GRAPH
from apps.fraud.scheme import Scheme
from apps.fraud.training import handbook
from apps.fraud.training import table as tables
from apps.fraud.training.canaries import guard
from apps.fraud.training.keeping import Keeping
from apps.fraud.training.ladder import Climbed, climb
from apps.fraud.training.plan import Plan
from apps.fraud.training.report import report
from apps.fraud.training.splitting import Periods, default_periods, split
from apps.fraud.training.table import Table
from apps.fraud.training.timing import Timing
from loupe.contract.runtime.columns import Columns

Beat = Callable[[str], None]


def measure(
    scheme: Scheme,
    events: Columns,
    plan: Plan,
    *,
    periods: Callable[[Table], Periods] = default_periods,
    beat: Beat = lambda note: None,
    keeping: Keeping | None = None,
) -> tuple[dict[str, Any], Table, Climbed]:
    """The ladder on any transactions, with the guard before it.

    Args:
        keeping: where models are kept, to go on with after a stop.

    Raises:
        InputRefused: there is too little data, or a feature leaks.
    """
    timing = Timing()
    beat("features")
    with timing.part("features"):
        table = tables.build(scheme, events, GRAPH)
    beat("guard")
    with timing.part("guard"):
        quiet = guard(table)
    parts = split(table, periods(table))
    climbed = climb(table, parts, plan, beat, keeping=keeping)
    beat("measuring")
    with timing.part("measuring"):
        said = {"canaries": quiet.told(), **report(table, climbed, plan.seed)}
    said["seconds"] = timing.with_rungs(climbed.seconds)
    return said, table, climbed


def measure_handbook(
    events: Columns,
    plan: Plan,
    beat: Beat = lambda note: None,
    keeping: Keeping | None = None,
) -> tuple[dict[str, Any], Table, Climbed]:
    """The Handbook's week: its published rows learned anew, and the ladder on the same test.

    Raises:
        InputRefused: these are other transactions, or a feature leaks.
    """
    timing = Timing()
    beat("published")
    with timing.part("published"):
        published = handbook.published_table(events)
        made = handbook.reproduce(
            published, handbook.published_split(published), ("xgboost", "logistic")
        )
    beat("features")
    with timing.part("features"):
        table = tables.build(handbook.SCHEME, events, GRAPH)
    beat("guard")
    with timing.part("guard"):
        quiet = guard(table)
    climbed = climb(table, split(table, handbook.LONG), plan, beat, keeping=keeping)
    beat("measuring")
    with timing.part("measuring"):
        said = {
            "canaries": quiet.told(),
            **report(
                table,
                climbed,
                plan.seed,
                references={f"handbook_{one.key}": one.scores for one in made},
                published={f"handbook_{one.key}": one.published for one in made},
            ),
        }
    said["seconds"] = timing.with_rungs(climbed.seconds)
    return said, table, climbed
