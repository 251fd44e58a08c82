"""A service's state is a deterministic function of its requests and survives a snapshot."""

import json
from pathlib import Path

import numpy as np
import pytest

from loupe.contract.app import DomainApp
from loupe.contract.blocks import LIVE
from loupe.contract.reading import JSON
from loupe.contract.runtime.columns import from_rows
from loupe.contract.runtime.payload import JsonValue, Payload
from loupe.contract.runtime.steps import Service, load
from loupe.testing.conformance.subject import Subject

TOLD: dict[str, JsonValue] = {"project": "0192f0c1-7c3e-7b55-9a8e-2d1f64b7c001", "session": LIVE}
"""What the host says to every service; an app with a context finds an empty one here."""


def requests(app: type[DomainApp], count: int) -> list[Payload]:
    """`count` requests of 50 rows made from the app's examples, or from its row schema."""
    mode = app.sync
    if mode is None or mode.body != "rows":
        pytest.skip("the service takes no rows")
    told = TOLD if app.context is None else {**TOLD, "context": {}}
    if mode.read_rows is not None:
        rows = [dict(mode.row_examples[n % len(mode.row_examples)]) for n in range(50)]
        read = load(mode.read_rows)
        body = json.dumps(rows).encode()
        return [read(body, JSON, {}).told(**told) for _ in range(count)]
    schema = load(str(mode.row_schema))
    fields = {
        name: 0 if field.annotation is int else 0.0 if field.annotation is float else ""
        for name, field in schema.model_fields.items()
    }
    return [
        Payload(arrays=from_rows([schema(**fields) for _ in range(50)], schema), meta=told)
        for _ in range(count)
    ]


def answers(service: Service, work: list[Payload]) -> list[dict[str, list[object]]]:
    """What the service says, as plain lists; what is no number says so."""
    return [_plain(service.apply(request)) for request in work]


def _plain(payload: Payload) -> dict[str, list[object]]:
    return {name: [str(np.asarray(array).tolist())] for name, array in payload.arrays.items()}


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

    def test_c36_a_question_changes_nothing(self, app: type[DomainApp]) -> None:
        if app.service is None or not hasattr(load(app.service), "ask"):
            pytest.skip("the app's service answers no questions")
        assert app.questions
        work = requests(app, 4)
        asked, left_alone = load(app.service)(), load(app.service)()
        answers(asked, work[:2])
        answers(left_alone, work[:2])
        before = [_plain(asked.ask(question.told(**TOLD))) for question in app.questions]
        again = [_plain(asked.ask(question.told(**TOLD))) for question in app.questions]
        assert again == before
        assert answers(asked, work[2:]) == answers(left_alone, work[2:])
