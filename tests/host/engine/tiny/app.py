"""A small app with a model, a parser and a live service, for tests of the engine alone."""

from typing import Any, ClassVar

from pydantic import BaseModel

from loupe.contract.app import DomainApp
from loupe.contract.outcomes import DecisionDraft
from loupe.contract.runtime.payload import Payload
from loupe.contract.runtime.steps import Alternative, Place, Step


class App(DomainApp):
    """Multiplies what it reads, and adds up rows by account."""

    slug = "tiny"
    steps: ClassVar[Any] = (
        Step(
            name="read",
            place=Place.SANDBOX,
            run="tests.host.engine.tiny.code:read",
            also=(Alternative(device="npu", run="tests.host.engine.tiny.npu:admit"),),
        ),
        Step(
            name="scale",
            place=Place.ENGINE,
            run="tests.host.engine.tiny.code:Scaler",
            also=(Alternative(device="npu", run="tests.host.engine.tiny.npu:NpuScaler"),),
        ),
    )
    service = "tests.host.engine.tiny.code:Totals"

    @classmethod
    def assemble(cls, payload: Payload) -> BaseModel:
        raise NotImplementedError

    @classmethod
    def examples(cls) -> tuple[BaseModel, ...]:
        return ()

    @classmethod
    def decide(cls, result: BaseModel, operating_point: BaseModel) -> DecisionDraft:
        raise NotImplementedError
