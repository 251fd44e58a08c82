"""What the probe says of projects, and what it makes of blocks."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import numpy as np

from chained_probe.models import Alert
from loupe.contract.blocks import StoredBlock
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue
from loupe.host.people import Project


def context(project_id: UUID, facts: Mapping[str, str]) -> Mapping[str, JsonValue]:
    """Projects called thousands count in thousands; the note makes it worth interning."""
    name = Project.objects.values_list("name", flat=True).get(pk=project_id)
    if name == "broken":
        raise InputRefused("This project is broken.", code="broken_project")
    return {"unit": 1000 if name == "thousands" else 1, "note": "n" * 300}


def on_blocks(blocks: Sequence[StoredBlock]) -> None:
    """One alert for every stopped row."""
    alerts = []
    for block in blocks:
        columns, decisions = block.read()
        for row in np.flatnonzero(decisions.outcome == "stop").tolist():
            account = str(columns["account"][row])
            if account == "unheard":
                raise InputRefused("Nobody may hear of it.", code="unheard")
            alerts.append(
                Alert(
                    result_id=block.result_id(row),
                    project_id=block.project_id,
                    session=block.session,
                    account=account,
                )
            )
    Alert._default_manager.bulk_create(alerts, ignore_conflicts=True)
