"""C32: what is said of projects, what hears of blocks, what reads whole batches."""

from collections.abc import Iterator

from loupe.contract.app import DomainApp
from loupe.plugins.checks.code import why_not_code
from loupe.plugins.checks.problem import Problem


def live(app: type[DomainApp]) -> Iterator[Problem]:
    """C32."""
    mode = app.sync
    read_rows = mode.read_rows if mode is not None else None
    for target in (app.context, app.on_blocks, read_rows):
        why = why_not_code(target) if target is not None else None
        if why is not None:
            yield Problem(f"names code by {target!r}, which {why}.", "Correct the path.")
    if app.on_blocks is not None and app.result_form != "columns":
        yield Problem(
            "follows its blocks and keeps its results as rows.",
            "Use on_results, or set result_form = 'columns'.",
        )
    if mode is None:
        return
    if mode.body == "rows" and app.service is None:
        yield Problem(
            "takes rows and has no service that answers them.",
            "Declare a service; files are taken with body='file'.",
        )
    if read_rows is not None and (mode.body != "rows" or not mode.row_examples):
        yield Problem(
            f"reads its batches by {read_rows!r} without example rows.",
            "Set body='rows' and give some row_examples: they document and test the call.",
        )
    if unknown := sorted(set(mode.reasons_for) - {outcome.key for outcome in app.outcomes}):
        yield Problem(
            f"explains the outcomes {unknown}, which are none of its own.",
            f"Use some of {sorted(outcome.key for outcome in app.outcomes)} for reasons_for.",
        )
