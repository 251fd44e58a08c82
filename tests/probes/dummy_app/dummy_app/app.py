"""The dummy app: every extension point, used once."""

from pydantic import BaseModel

from dummy_app.exports import write_lines, write_text
from dummy_app.labels import Sizes, Target
from dummy_app.schema import Limits, Reading
from dummy_app.training.recipe import Recipe
from loupe.contract.app import DomainApp
from loupe.contract.exports import Export
from loupe.contract.extras import AppCommand, AppProcess, AppSchedule, Pages, SyncMode
from loupe.contract.facts import Fact
from loupe.contract.inputs import InputKind
from loupe.contract.labelling import Editor, Labelling, Layout
from loupe.contract.outcomes import DecisionDraft, Outcome, Reason, ReviewVerb, Tone
from loupe.contract.runtime.payload import Payload
from loupe.contract.runtime.steps import Place, Step
from loupe.contract.text import Text
from loupe.contract.training import Curve, Training


class App(DomainApp):
    slug = "dummy_app"
    name = Text(en="Dummy", zh="示例")
    summary = Text(en="Scales a number.", zh="缩放一个数。")
    icon = "dummy_app/icon.svg"
    inputs = (
        InputKind(
            key="reading",
            label=Text(en="Reading", zh="读数"),
            media_types=("application/json",),
            max_bytes=10_000,
        ),
    )
    facts = (
        Fact(
            key="batch",
            label=Text(en="Batch", zh="批"),
            scope=True,
            max_length=20,
            choices="dummy_app.batches:choices",
        ),
        Fact(key="tray", label=Text(en="Tray", zh="托盘")),
    )
    check_facts = "dummy_app.batches:check"
    scope_fields = ("high",)
    on_results = "dummy_app.batches:on_results"
    steps = (
        Step(name="parse", place=Place.SANDBOX, run="dummy_app.parsing:parse"),
        Step(name="scale", place=Place.ENGINE, run="dummy_app.scaling:Scaler"),
    )
    result_schema = Reading
    operating_point_schema = Limits
    outcomes = (
        Outcome(key="low", label=Text(en="Low", zh="低"), tone=Tone.GOOD),
        Outcome(key="middle", label=Text(en="Middle", zh="中"), tone=Tone.UNSURE),
        Outcome(key="high", label=Text(en="High", zh="高"), tone=Tone.BAD),
    )
    review_verbs = (
        ReviewVerb(key="agree", label=Text(en="Agree", zh="同意"), shortcut="1"),
        ReviewVerb(key="lower", label=Text(en="Lower", zh="调低"), shortcut="2", outcome="low"),
        ReviewVerb(key="sign", label=Text(en="Sign", zh="签名"), shortcut="3", signature=True),
    )
    exports = (
        Export(
            key="lines",
            label=Text(en="JSON lines", zh="JSON 行"),
            media_type="application/x-ndjson",
            extension="ndjson",
            write=write_lines,
        ),
        Export(
            key="text",
            label=Text(en="Text", zh="文本"),
            media_type="text/plain",
            extension="txt",
            write=write_text,
            single=True,
        ),
    )
    sync = SyncMode(verb="measure", body="file", fail_open="low", fail_closed="high")
    pages = Pages(
        result="dummy_app/result.html",
        row="dummy_app/row.html",
        urls="dummy_app.urls",
        api_urls="dummy_app.api_urls",
        tiles="dummy_app.tiles:tiles",
        search="dummy_app.batches:search",
    )
    labelling = Labelling(
        schema=Target,
        about_schema=Sizes,
        layouts=(
            Layout(
                key="lines",
                label=Text(en="JSON lines", zh="JSON 行"),
                recognise="dummy_app.labels:recognise",
                read="dummy_app.labels:read",
                write="dummy_app.labels:write",
            ),
        ),
        propose="dummy_app.labels:propose",
        check="dummy_app.labels:check",
        count="dummy_app.labels:count",
        merge="dummy_app.labels:merge",
        of_model="dummy_app.labels:of_model",
        fingerprint="dummy_app.labels:fingerprint",
        rename="dummy_app.labels:rename",
        editor=Editor(
            template="dummy_app/label.html",
            panel="dummy_app/label_panel.html",
            module="dummy_app/editor.js",
        ),
    )
    training = Training(
        module="dummy_app.training",
        evaluate_module="dummy_app.evaluation",
        config_schema=Recipe,
        curves=(
            Curve(key="loss", label=Text(en="Loss", zh="损失"), higher_is_better=False),
            Curve(key="factor", label=Text(en="Factor", zh="系数"), higher_is_better=True),
        ),
        gate="dummy_app.training.measuring:gate",
    )
    commands = (
        AppCommand(name="greet", help="Says hello.", run="dummy_app.tasks:greet"),
        AppCommand(
            name="greet-dummy", help="As well.", run="dummy_app.tasks:greet", says_it_all=True
        ),
    )
    benchmarks = (
        AppCommand(name="nothing", help="Times nothing.", run="dummy_app.tasks:bench_nothing"),
    )
    schedules = (
        AppSchedule(
            key="nightly",
            label=Text(en="Nightly count", zh="夜间计数"),
            run="dummy_app.tasks:nightly",
            default_cron="0 2 * * *",
        ),
    )
    processes = (AppProcess(name="tick", module="dummy_app.tick"),)
    check_artefact = "dummy_app.upload:check"
    shipped_models = ("models/double",)
    samples = "samples"

    @classmethod
    def assemble(cls, payload: Payload) -> BaseModel:
        return Reading(
            value=float(payload.arrays["value"][0]), scaled=float(payload.arrays["scaled"][0])
        )

    @classmethod
    def decide(cls, result: BaseModel, operating_point: BaseModel) -> DecisionDraft:
        reading = Reading.model_validate(result)
        limits = Limits.model_validate(operating_point)
        outcome = "low"
        if reading.scaled > limits.low:
            outcome = "middle"
        if reading.scaled > limits.high:
            outcome = "high"
        reason = Reason(
            code=outcome,
            en=f"{reading.scaled:g} against limits {limits.low:g} and {limits.high:g}.",
            zh=f"{reading.scaled:g},界限为 {limits.low:g} 和 {limits.high:g}。",
        )
        return DecisionDraft(outcome=outcome, score=reading.scaled, reasons=(reason,))

    @classmethod
    def examples(cls) -> tuple[BaseModel, ...]:
        return tuple(Reading(value=value, scaled=2 * value) for value in (1.0, 7.0, 50.0))
