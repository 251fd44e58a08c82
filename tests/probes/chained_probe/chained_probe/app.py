"""The chained probe: live state, a model behind it, dictionaries, a context, alerts of blocks."""

import numpy as np
from pydantic import BaseModel

from chained_probe.schema import Bound, Judged
from loupe.contract.app import DomainApp
from loupe.contract.extras import Pages, SyncMode
from loupe.contract.facts import Fact
from loupe.contract.inputs import InputKind
from loupe.contract.outcomes import DecisionDraft, Outcome, Reason, ReviewVerb, Tone
from loupe.contract.runtime.columns import Columns, row_count
from loupe.contract.runtime.payload import Payload
from loupe.contract.runtime.steps import Place, Step
from loupe.contract.text import Text


class App(DomainApp):
    slug = "chained_probe"
    name = Text(en="Unusual spending", zh="异常消费")
    summary = Text(en="Says how unusual a purchase is.", zh="判断一笔消费有多异常。")
    icon = "chained_probe/icon.svg"
    inputs = (
        InputKind(
            key="purchases",
            label=Text(en="Purchases", zh="消费"),
            media_types=("text/csv",),
            max_bytes=10_000_000,
        ),
    )
    facts = (Fact(key="branch", label=Text(en="Branch", zh="分行")),)
    steps = (
        Step(name="read", place=Place.SANDBOX, run="chained_probe.reading:parse"),
        Step(name="state", place=Place.ENGINE, run="chained_probe.shares:Spending"),
        Step(name="score", place=Place.ENGINE, run="chained_probe.shares:Scorer"),
    )
    service = "chained_probe.shares:Spending"
    context = "chained_probe.hearing:context"
    on_blocks = "chained_probe.hearing:on_blocks"
    questions = (Payload(meta={"account": "a"}),)
    result_schema = Judged
    result_form = "columns"
    operating_point_schema = Bound
    outcomes = (
        Outcome(key="pass", label=Text(en="Pass", zh="通过"), tone=Tone.GOOD),
        Outcome(key="stop", label=Text(en="Stop", zh="拦截"), tone=Tone.BAD),
    )
    review_verbs = (ReviewVerb(key="agree", label=Text(en="Agree", zh="同意"), shortcut="1"),)
    sync = SyncMode(
        verb="judge",
        body="rows",
        fail_open="pass",
        fail_closed="stop",
        row_schema="chained_probe.schema:Purchase",
        read_rows="chained_probe.reading:read_rows",
        reasons_for=("stop",),
        row_examples=(
            {"id": "p1", "account": "a", "cents": 100, "places": {"shop": "s1", "town": "t"}},
            {"id": "p2", "account": "b", "cents": 5, "places": {"shop": "s2", "town": "t"}},
            {"id": "p3", "account": "a", "cents": 900, "places": {"shop": "s1", "town": "u"}},
        ),
        max_rows=10_000,
    )
    shipped_models = ("models_shipped/shares",)
    pages = Pages(result="chained_probe/result.html", row="chained_probe/row.html")

    @classmethod
    def assemble(cls, payload: Payload) -> Columns:
        rows = row_count(payload.arrays)
        return {"schema_version": np.ones(rows, dtype=np.int64), **payload.arrays}

    @classmethod
    def decide(cls, result: BaseModel, operating_point: BaseModel) -> DecisionDraft:
        judged = Judged.model_validate(result)
        bound = Bound.model_validate(operating_point)
        over = judged.score >= bound.score
        reason = Reason(
            code="unusual" if over else "usual",
            en=f"It is {judged.features.get('share', 0):.0%} of what was spent.",
            zh=f"占消费的 {judged.features.get('share', 0):.0%}。",
        )
        return DecisionDraft(
            outcome="stop" if over else "pass",
            score=judged.score,
            label=reason.code,
            reasons=(reason,),
        )

    @classmethod
    def examples(cls) -> tuple[BaseModel, ...]:
        return (
            Judged(
                id="1",
                account="a",
                cents=1,
                score=0.1,
                places={"shop": "s1"},
                features={"share": 0.1, "before": 9.0},
            ),
            Judged(id="2", account="b", cents=9, score=0.9, places={}, features={"share": 0.9}),
        )
