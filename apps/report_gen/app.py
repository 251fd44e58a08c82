"""CT to report: chest CTs in; findings with a place and a draft that a radiologist corrects."""

from typing import ClassVar

from pydantic import BaseModel

from apps.report_gen import exports, verbs
from apps.report_gen.bundles.manifest import LONGEST_TEXT, MEDIA_TYPE
from apps.report_gen.examples import results
from apps.report_gen.findings import KEYS
from apps.report_gen.schema import OperatingPoint, StudyResult
from apps.report_gen.training.real.config import Recipe
from loupe.contract.app import DomainApp
from loupe.contract.exports import Export
from loupe.contract.extras import AppProcess, AppSchedule, Pages, Tab, WorkWords
from loupe.contract.facts import Fact
from loupe.contract.inputs import InputKind
from loupe.contract.outcomes import DecisionDraft, Outcome, ReviewVerb, Tone
from loupe.contract.runtime.payload import Payload
from loupe.contract.runtime.steps import Alternative, Place, Step, load
from loupe.contract.text import Text
from loupe.contract.training import Curve, Training


class App(DomainApp):
    """Studies are de-identified before the host sees them; a person signs every report."""

    slug = "report_gen"
    name = Text(en="CT to report", zh="CT 报告")
    summary = Text(
        en="Drafts chest CT reports whose sentences point to findings. Research use; not for "
        "diagnosis.",
        zh="起草胸部 CT 报告，每句话对应影像中的征象。仅供研究使用，不得用于诊断。",
    )
    icon = "report_gen/icon.svg"

    inputs: ClassVar = (
        InputKind(
            key="study",
            label=Text(en="Chest CT: DICOM, NIfTI, zip", zh="胸部 CT：DICOM、NIfTI、zip"),
            media_types=(MEDIA_TYPE,),
            max_bytes=8 << 30,
        ),
    )
    facts: ClassVar = (
        Fact(key="study", label=Text(en="Study", zh="检查"), max_length=64, offered=False),
        Fact(
            key="language",
            label=Text(en="Language of the report", zh="报告语言"),
            max_length=2,
            choices="apps.report_gen.services.languages:choices",
        ),
        Fact(
            key="indication",
            label=Text(en="Indication", zh="检查目的"),
            max_length=LONGEST_TEXT,
            lines=True,
        ),
        Fact(
            key="history", label=Text(en="History", zh="病史"), max_length=LONGEST_TEXT, lines=True
        ),
        Fact(
            key="laboratory",
            label=Text(en="Laboratory", zh="实验室检查"),
            max_length=LONGEST_TEXT,
            lines=True,
        ),
        Fact(
            key="prior_report",
            label=Text(en="Prior report", zh="既往报告"),
            max_length=LONGEST_TEXT,
            lines=True,
        ),
    )
    receive = "apps.report_gen.services.arriving:receive"
    gather = "apps.report_gen.bundles.gathering:gather"
    on_results = "apps.report_gen.services.following:on_results"
    steps: ClassVar = (
        Step(
            name="read",
            place=Place.SANDBOX,
            run="apps.report_gen.steps.read:read",
            memory_bytes=6 << 30,
            seconds=80,
        ),
        Step(
            name="draft",
            place=Place.ENGINE,
            seconds=80,
            run="apps.report_gen.inference.runner:DraftRunner",
            also=(Alternative(device="cuda", run="apps.report_gen.inference.runner:DraftRunner"),),
        ),
    )
    result_schema = StudyResult
    operating_point_schema = OperatingPoint
    outcomes: ClassVar = (
        Outcome(key="draft_ready", label=Text(en="Draft ready", zh="草稿就绪"), tone=Tone.GOOD),
        Outcome(
            key="needs_attention",
            label=Text(en="Needs attention", zh="需要关注"),
            tone=Tone.UNSURE,
        ),
        Outcome(key="refused", label=Text(en="Refused", zh="已拒绝"), tone=Tone.BAD),
    )
    review_verbs: ClassVar = (
        ReviewVerb(key="agree", label=Text(en="Agree", zh="同意"), shortcut="1"),
        ReviewVerb(
            key="attention",
            label=Text(en="Needs attention", zh="需要关注"),
            shortcut="2",
            outcome="needs_attention",
        ),
        ReviewVerb(
            key="unfit",
            label=Text(en="Not fit to be read", zh="不适合读取"),
            shortcut="3",
            outcome="refused",
        ),
    )
    exports: ClassVar = (
        Export(
            key="json",
            label=Text(en="JSON lines, one a study", zh="JSON 行，每检查一行"),
            media_type="application/x-ndjson",
            extension="jsonl",
            write=exports.write_json,
        ),
        Export(
            key="csv",
            label=Text(en="Table, one row a finding", zh="表格，每征象一行"),
            media_type="text/csv",
            extension="csv",
            write=exports.write_csv,
        ),
    )
    pages = Pages(
        result="report_gen/result.html",
        row="report_gen/row.html",
        workspace="report_gen/workspace.html",
        styles=("report_gen/result.css",),
        words=WorkWords(
            start=Text(en="Draft reports", zh="起草报告"),
            name_hint=Text(
                en="Optional, for instance the day or the ward", zh="可选，例如日期或病区"
            ),
        ),
        urls="apps.report_gen.urls",
        api_urls="apps.report_gen.api.urls",
        tabs=(
            Tab(
                label=Text(en="Worklist", zh="工作列表"),
                url="report_gen:worklist",
                section="worklist",
            ),
            Tab(
                label=Text(en="Reading", zh="阅片统计"),
                url="report_gen:reading",
                section="reading",
            ),
            Tab(label=Text(en="DICOM", zh="DICOM"), url="report_gen:dicom", section="dicom"),
        ),
    )

    samples = "samples"
    shipped_models: ClassVar = ("models_shipped/chest",)
    training = Training(
        module="apps.report_gen.training.real",
        evaluate_module="apps.report_gen.training.real.evaluation",
        config_schema=Recipe,
        curves=(
            Curve(
                key="macro_f1",
                label=Text(en="Macro-F1 of findings", zh="征象宏平均 F1"),
                higher_is_better=True,
            ),
            Curve(key="loss", label=Text(en="Loss", zh="损失"), higher_is_better=False),
        ),
        gate="apps.report_gen.training.real.gate:gate",
        sources="apps.report_gen.services.training_data:sources",
        gather="apps.report_gen.services.training_data:gather",
    )
    commands: ClassVar = verbs.COMMANDS
    benchmarks: ClassVar = verbs.BENCHMARKS
    schedules: ClassVar = (
        *verbs.SCHEDULES,
        AppSchedule(
            key="retrain",
            label=Text(
                en="Train a candidate on the project's signed reports",
                zh="用项目的已签署报告训练候选模型",
            ),
            run="apps.report_gen.services.retraining:retrain",
            default_cron="30 3 * * 0",
        ),
    )
    processes: ClassVar = (AppProcess(name="dicom", module="apps.report_gen.dicom"),)

    sentences = "sentences.json"

    @classmethod
    def assemble(cls, payload: Payload) -> BaseModel:
        """See `apps.report_gen.assembling`."""
        found: BaseModel = load("apps.report_gen.assembling:assemble")(payload)
        return found

    @classmethod
    def decide(cls, result: BaseModel, operating_point: BaseModel) -> DecisionDraft:
        """See `apps.report_gen.decide`."""
        draft: DecisionDraft = load("apps.report_gen.decide:decide")(result, operating_point)
        return draft

    @classmethod
    def request(cls, operating_point: BaseModel) -> dict[str, float | int | str | bool]:
        """Thresholds that differ from the model's own, and the languages of the draft."""
        if not isinstance(operating_point, OperatingPoint):
            raise TypeError("request takes an OperatingPoint.")
        asked: dict[str, float | int | str | bool] = {
            "languages": ",".join(operating_point.languages)
        }
        for key in KEYS:
            given = operating_point.thresholds.get(key)
            if given is not None and given.low is not None:
                asked[f"low.{key}"] = given.low
            if given is not None and given.high is not None:
                asked[f"high.{key}"] = given.high
        return asked

    @classmethod
    def examples(cls) -> tuple[BaseModel, ...]:
        """A clear chest, a mass, a study that is refused."""
        return results()
