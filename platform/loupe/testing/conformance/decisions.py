"""Decisions are pure, closed and the same one by one as by the block; exports stream."""

import io
import sys
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from pydantic import BaseModel

from loupe.contract.app import DomainApp
from loupe.contract.outcomes import DecisionDraft
from loupe.contract.results import Provenance
from loupe.contract.runtime.columns import from_rows
from loupe.testing.conformance.subject import Subject

OUTSIDE = ("open", "socket.connect", "subprocess.Popen", "os.system", "sqlite3.connect")


@contextmanager
def nothing_outside() -> Iterator[list[str]]:
    """Collects every file, socket, process or database touched inside the block."""
    touched: list[str] = []
    watching = [True]

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if watching[0] and event in OUTSIDE:
            touched.append(f"{event}{arguments!r}"[:200])

    sys.addaudithook(hook)  # cannot be removed, so it is switched off
    try:
        yield touched
    finally:
        watching[0] = False


@dataclass(eq=False)
class ExampleView:
    """A result as exports see it, made from an example."""

    data: BaseModel
    decision: DecisionDraft
    path: Path
    id: int = 1
    name: str = '=cmd|" /C calc"!A0, "图,1".jpg'
    sha256: str = "0" * 64
    provenance: Provenance = field(
        default=Provenance(
            model_name="m", model_version=1, artefact_sha256="0" * 64, operating_point_version=1
        )
    )
    times_ms: Mapping[str, float] = field(default_factory=lambda: {"queue": 1.0})

    @contextmanager
    def open_input(self) -> Iterator[Path]:
        yield self.path


class Decisions(Subject):
    """The pure half of the contract."""

    def test_c14_examples_reach_every_outcome_and_no_other(self, app: type[DomainApp]) -> None:
        point = app.operating_point_schema()
        reached = {app.decide(example, point).outcome for example in app.examples()}
        assert reached == {outcome.key for outcome in app.outcomes}

    def test_c15_decide_is_pure(self, app: type[DomainApp]) -> None:
        point = app.operating_point_schema()
        for example in app.examples():
            before = (example.model_dump_json(), point.model_dump_json())
            first = app.decide(example, point)
            with nothing_outside() as touched:
                second = app.decide(example.model_copy(deep=True), point.model_copy(deep=True))
            assert first == second
            assert touched == []
            assert (example.model_dump_json(), point.model_dump_json()) == before

    def test_c16_every_decision_says_why_in_both_languages(self, app: type[DomainApp]) -> None:
        point = app.operating_point_schema()
        for example in app.examples():
            reasons = app.decide(example, point).reasons
            assert reasons
            assert all(reason.code and reason.en and reason.zh for reason in reasons)
            weights = [reason.weight for reason in reasons]
            assert weights == sorted(weights, reverse=True)

    def test_c17_a_block_is_decided_as_its_rows_are(self, app: type[DomainApp]) -> None:
        if app.result_form != "columns":
            pytest.skip("the app keeps results as rows")
        point = app.operating_point_schema()
        examples = app.examples()
        block = app.decide_columns(from_rows(examples, app.result_schema), point)
        rows = [app.decide(example, point) for example in examples]
        assert block.outcome.tolist() == [row.outcome for row in rows]
        np.testing.assert_array_equal(block.score, [row.score for row in rows])
        assert block.label.tolist() == [row.label for row in rows]

    def test_c18_results_survive_json(self, app: type[DomainApp]) -> None:
        for example in app.examples():
            assert app.result_schema.model_validate_json(example.model_dump_json()) == example

    def test_c19_list_exports_stream(self, app: type[DomainApp], tmp_path: Path) -> None:
        point = app.operating_point_schema()
        example = app.examples()[0]
        alive: weakref.WeakSet[ExampleView] = weakref.WeakSet()
        most = 0

        def views() -> Iterator[ExampleView]:
            nonlocal most
            for number in range(200):
                view = ExampleView(
                    example, app.decide(example, point), tmp_path / "input", id=number
                )
                alive.add(view)
                yield view
                del view
                most = max(most, len(alive))

        for export in app.exports:
            if export.single or export.write is None:
                continue
            file = io.BytesIO()
            export.write(views(), file)
            assert file.tell() > 0, export.key
        assert most <= 5
        assert len({export.key for export in app.exports}) == len(app.exports)
