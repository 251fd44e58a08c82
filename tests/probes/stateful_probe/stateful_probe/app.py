"""The stateful probe: rows through the synchronous path, live state, columnar results."""

import numpy as np
from pydantic import BaseModel

from loupe.contract.app import DomainApp
from loupe.contract.extras import AppCommand, Pages, SyncMode
from loupe.contract.inputs import InputKind
from loupe.contract.outcomes import (
    DecisionColumns,
    DecisionDraft,
    Outcome,
    Reason,
    ReviewVerb,
    Tone,
)
from loupe.contract.runtime.columns import Columns
from loupe.contract.runtime.payload import Payload
from loupe.contract.runtime.steps import Place, Step
from loupe.contract.text import Text
from stateful_probe.schema import Balance, Cap


class App(DomainApp):
    slug = "stateful_probe"
    name = Text(en="Running sums", zh="累计")
    summary = Text(en="Sums payments per account.", zh="按账户累计付款。")
    icon = "stateful_probe/icon.svg"
    inputs = (
        InputKind(
            key="payments",
            label=Text(en="Payments", zh="付款"),
            media_types=("text/csv",),
            max_bytes=10_000_000,
            options=(("rows_at_once", 5_000),),
            split="stateful_probe.parsing:split",
        ),
    )
    steps = (
        Step(name="parse", place=Place.SANDBOX, run="stateful_probe.parsing:parse"),
        Step(name="sum", place=Place.ENGINE, run="stateful_probe.sums:RunningSums"),
    )
    needs_model = False
    service = "stateful_probe.sums:RunningSums"
    result_schema = Balance
    result_form = "columns"
    operating_point_schema = Cap
    outcomes = (
        Outcome(key="approve", label=Text(en="Approve", zh="通过"), tone=Tone.GOOD),
        Outcome(key="block", label=Text(en="Block", zh="拦截"), tone=Tone.BAD),
    )
    review_verbs = (ReviewVerb(key="agree", label=Text(en="Agree", zh="同意"), shortcut="1"),)
    sync = SyncMode(
        verb="score",
        body="rows",
        fail_open="approve",
        fail_closed="block",
        row_schema="stateful_probe.schema:Payment",
        max_rows=10_000,
    )
    pages = Pages(result="stateful_probe/result.html", row="stateful_probe/row.html")
    benchmarks = (
        AppCommand(
            name="stateful-rows", help="Rows per second, durable.", run="stateful_probe.bench:main"
        ),
    )

    @classmethod
    def assemble(cls, payload: Payload) -> Columns:
        rows = len(payload.arrays["account"])
        return {"schema_version": np.ones(rows, dtype=np.int64), **payload.arrays}

    @classmethod
    def decide(cls, result: BaseModel, operating_point: BaseModel) -> DecisionDraft:
        balance = Balance.model_validate(result)
        cap = Cap.model_validate(operating_point)
        over = balance.total_cents > cap.total_cents
        reason = Reason(
            code="over_cap" if over else "within_cap",
            en=f"{balance.total_cents} of {cap.total_cents} cents.",
            zh=f"{balance.total_cents} 分,上限 {cap.total_cents} 分。",
        )
        return DecisionDraft(
            outcome="block" if over else "approve",
            score=float(balance.total_cents),
            label=reason.code,
            reasons=(reason,),
        )

    @classmethod
    def decide_columns(cls, columns: Columns, operating_point: BaseModel) -> DecisionColumns:
        cap = Cap.model_validate(operating_point)
        over = columns["total_cents"] > cap.total_cents
        return DecisionColumns(
            outcome=np.where(over, "block", "approve"),
            score=columns["total_cents"].astype(np.float64),
            label=np.where(over, "over_cap", "within_cap"),
        )

    @classmethod
    def examples(cls) -> tuple[BaseModel, ...]:
        return (
            Balance(account=1, cents=5, count=1, total_cents=5),
            Balance(account=2, cents=200_000, count=1, total_cents=200_000),
        )
