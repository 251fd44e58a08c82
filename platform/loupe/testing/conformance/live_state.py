"""A service's state is a deterministic function of its requests and survives a snapshot."""

from pathlib import Path

import numpy as np
import pytest

from loupe.contract.app import DomainApp
from loupe.contract.runtime.columns import from_rows
from loupe.contract.runtime.payload import Payload
from loupe.contract.runtime.steps import Service, load
from loupe.testing.conformance.subject import Subject


def requests(app: type[DomainApp], count: int) -> list[Payload]:
    """`count` requests of 50 rows made from the app's row schema."""
    if app.sync is None or app.sync.row_schema is None:
        pytest.skip("the service takes no rows")
    schema = load(app.sync.row_schema)
    fields = {
        name: 0 if field.annotation is int else 0.0 if field.annotation is float else ""
        for name, field in schema.model_fields.items()
    }
    return [
        Payload(arrays=from_rows([schema(**fields) for _ in range(50)], schema))
        for _ in range(count)
    ]


def answers(service: Service, work: list[Payload]) -> list[dict[str, list[object]]]:
    """What the service says, as plain lists."""
    return [
        {name: np.asarray(array).tolist() for name, array in service.apply(request).arrays.items()}
        for request in work
    ]


class LiveState(Subject):
    """The stateful half of the contract."""

    def test_c22_apply_is_deterministic(self, app: type[DomainApp]) -> None:
        if app.service is None:
            pytest.skip("the app keeps no live state")
        work = requests(app, 5)
        assert answers(load(app.service)(), work) == answers(load(app.service)(), work)

    def test_c23_a_snapshot_restores_the_whole_state(
        self, app: type[DomainApp], tmp_path: Path
    ) -> None:
        if app.service is None:
            pytest.skip("the app keeps no live state")
        work = requests(app, 6)
        first = load(app.service)()
        answers(first, work[:3])
        first.snapshot(tmp_path)
        second = load(app.service)()
        second.restore(tmp_path)
        assert answers(second, work[3:]) == answers(first, work[3:])
