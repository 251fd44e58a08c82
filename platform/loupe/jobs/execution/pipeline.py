"""The pure middle of the pipeline: payload in, validated and decided result out."""

import numpy as np
from pydantic import BaseModel

from loupe.blobs import services as blobs
from loupe.contract.app import DomainApp
from loupe.contract.outcomes import DecisionColumns
from loupe.contract.runtime.clock import StageClock
from loupe.contract.runtime.columns import Columns, conformed
from loupe.contract.runtime.payload import Payload
from loupe.contract.runtime.steps import load
from loupe.jobs import following
from loupe.jobs.execution.outcomes import Block, Row
from loupe.registry.models import OperatingPoint

PARQUET = "application/vnd.apache.parquet"


def concluded(
    app: type[DomainApp], payload: Payload, point: OperatingPoint | None, clock: StageClock
) -> Row | Block:
    """Assemble and decide; a block's Parquet file is in storage when this returns."""
    settings = app.operating_point_schema.model_validate(point.data if point else {})
    with clock.stage("decide"):
        result = app.assemble(payload)
        if app.result_form == "rows":
            if not isinstance(result, app.result_schema):
                raise TypeError(f"{app.__name__}.assemble gave no {app.result_schema.__name__}.")
            decision = app.decide(result, settings)
            return Row(result=result, settings=settings, decision=decision)
        if isinstance(result, BaseModel):
            raise TypeError(f"{app.__name__}.assemble gave one result, not columns.")
        columns = conformed(result, app.result_schema)
        decisions = app.decide_columns(columns, settings)
    with clock.stage("store"):
        # pyarrow is loaded by the first worker that has columns to write, and by no other.
        encoded = load("loupe.jobs.parquet:encode")(app.result_schema, columns, decisions)
        written = blobs.write_bytes(encoded.data)
        blobs.place([written])
    return Block(
        written=written,
        rows=encoded.rows,
        outcomes=encoded.outcomes,
        settings=settings,
        read=_reader(columns, decisions) if following.wants_blocks(app.slug) else None,
    )


def _reader(columns: Columns, decisions: DecisionColumns) -> following.Read:
    """Gives the columns from memory of its own: theirs may go before the block is stored."""
    kept = {name: np.array(column) for name, column in columns.items()}
    return lambda: (kept, decisions)
