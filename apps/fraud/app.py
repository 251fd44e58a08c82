"""Fraud: transactions in; approve, step-up, review or block out, with reasons and a score."""

from typing import ClassVar

from pydantic import BaseModel

from apps.fraud import exports, verbs
from apps.fraud.examples import ROWS, transactions
from apps.fraud.schema import OperatingPoint, ScoredTransaction
from apps.fraud.training.config import TrainingConfig
from loupe.contract.app import DomainApp
from loupe.contract.exports import Export
from loupe.contract.extras import AppSchedule, Pages, SyncMode, Tab, WorkWords
from loupe.contract.facts import Fact
from loupe.contract.inputs import InputKind
from loupe.contract.outcomes import DecisionColumns, DecisionDraft, Outcome, ReviewVerb, Tone
from loupe.contract.runtime.columns import Columns
from loupe.contract.runtime.payload import Payload
from loupe.contract.runtime.steps import Place, Step, load
from loupe.contract.text import Text
from loupe.contract.training import Curve, Training


class App(DomainApp):
    """Trees over live features of entities, rules and thresholds by amount."""

    slug = "fraud"
    name = Text(en="Fraud", zh="欺诈检测")
    summary = Text(
        en="Scores transactions, decides with rules and thresholds, and gathers alerts into cases.",
        zh="为交易评分，用规则和阈值作出判定，并将警报汇集成案件。",
    )
    icon = "fraud/icon.svg"

    inputs: ClassVar = (
        InputKind(
            key="table",
            label=Text(en="Table of transactions", zh="交易表"),
            media_types=(
                "text/csv",
                "application/x-ndjson",
                "application/vnd.apache.parquet",
                "application/vnd.apache.arrow.stream",
                "application/vnd.apache.arrow.file",
            ),
            max_bytes=64 << 30,
            split="apps.fraud.tables.splitting:split",
        ),
    )
    facts: ClassVar = (
        Fact(
            key="mapping",
            label=Text(en="What the columns mean", zh="列的含义"),
            max_length=60,
            choices="apps.fraud.services.mappings:choices",
        ),
        Fact(
            key="start",
            label=Text(en="When a count of time began", zh="时间计数的起点"),
            max_length=60,
            offered=False,
        ),
    )
    check_facts = "apps.fraud.services.mappings:check_facts"
    project_fields: ClassVar = (
        "rules",
        "rules_version",
        "control_share",
        "control_cap",
        "control_key",
    )
    declared_fields = "apps.fraud.services.schemes:declared_fields"
    steps: ClassVar = (
        Step(name="parse", place=Place.SANDBOX, run="apps.fraud.tables.parsing:parse"),
        Step(name="features", place=Place.ENGINE, run="apps.fraud.live.service:FraudService"),
        Step(name="score", place=Place.ENGINE, run="apps.fraud.explaining.runner:ExplainingRunner"),
    )
    service = "apps.fraud.live.service:FraudService"
    questions: ClassVar = (
        Payload(meta={"kind": "status"}),
        Payload(meta={"kind": "history", "entity": "customer", "key": "C-1041"}),
    )
    context = "apps.fraud.services.schemes:context"
    on_blocks = "apps.fraud.services.following:on_blocks"
    result_schema = ScoredTransaction
    result_form = "columns"
    operating_point_schema = OperatingPoint
    points_need_consent = True
    outcomes: ClassVar = (
        Outcome(key="approve", label=Text(en="Approve", zh="通过"), tone=Tone.GOOD),
        Outcome(key="step_up", label=Text(en="Step-up", zh="加强验证"), tone=Tone.UNSURE),
        Outcome(key="review", label=Text(en="Review", zh="人工复核"), tone=Tone.UNSURE),
        Outcome(key="block", label=Text(en="Block", zh="拦截"), tone=Tone.BAD),
    )
    review_verbs: ClassVar = (
        ReviewVerb(key="fraud", label=Text(en="Fraud", zh="欺诈"), shortcut="1", outcome="block"),
        ReviewVerb(
            key="honest", label=Text(en="Honest", zh="正常"), shortcut="2", outcome="approve"
        ),
        ReviewVerb(key="unknown", label=Text(en="Unknown", zh="无法判断"), shortcut="3"),
    )
    exports: ClassVar = (
        Export(
            key="csv",
            label=Text(en="Table, one row a transaction", zh="表格，每笔交易一行"),
            media_type="text/csv",
            extension="csv",
            write=exports.write_csv,
        ),
        Export(
            key="json",
            label=Text(en="JSON lines", zh="JSON 行"),
            media_type="application/x-ndjson",
            extension="jsonl",
            write=exports.write_json,
        ),
    )
    sync = SyncMode(
        verb="score",
        body="rows",
        fail_open="approve",
        fail_closed="block",
        row_schema="apps.fraud.row:TransactionRow",
        read_rows="apps.fraud.tables.batch:read_rows",
        read_each="apps.fraud.tables.stream:read_each",
        reasons_for=("step_up", "review", "block"),
        on_request=("features",),
        together="apps.fraud.refusals:alone",
        row_examples=ROWS,
        max_rows=5_000,
        deadline_ms=2_000,
        description=Text(
            en="Score one transaction or up to 5,000, and answer with outcome and reasons.",
            zh="为一笔或最多 5,000 笔交易评分，返回判定和理由。",
        ),
    )
    pages = Pages(
        result="fraud/result.html",
        row="fraud/row.html",
        job="fraud/job_beside.html",
        waiting="apps.fraud.services.waiting:waiting",
        search="apps.fraud.services.lookup:lookup",
        words=WorkWords(
            start=Text(en="Score", zh="开始评分"),
            name_hint=Text(
                en="Optional, for instance the month or the portfolio",
                zh="可选，例如月份或业务组合",
            ),
        ),
        styles=("fraud/fraud.css",),
        urls="apps.fraud.urls",
        api_urls="apps.fraud.api.urls",
        tabs=(
            Tab(label=Text(en="Alerts", zh="警报"), url="fraud:alerts", section="alerts"),
            Tab(label=Text(en="Cases", zh="案件"), url="fraud:cases", section="cases"),
            Tab(label=Text(en="Entities", zh="实体"), url="fraud:entities", section="entities"),
            Tab(label=Text(en="Lists", zh="名单"), url="fraud:lists", section="lists"),
            Tab(label=Text(en="Policy", zh="策略"), url="fraud:rules", section="policy"),
            Tab(label=Text(en="Trials", zh="试验"), url="fraud:backtests", section="backtests"),
            Tab(label=Text(en="Columns", zh="列映射"), url="fraud:mapping", section="scheme"),
        ),
    )
    shipped_models: ClassVar = ("models_shipped/payments",)
    sentences = "sentences.json"
    samples = "samples"
    after_samples = "apps.fraud.services.first_day:prepare"
    check_artefact = "apps.fraud.inference.uploads:check_artefact"
    training = Training(
        module="apps.fraud.training",
        evaluate_module="apps.fraud.training.evaluation",
        config_schema=TrainingConfig,
        curves=(
            Curve(
                key="trees",
                label=Text(en="Trees: average precision", zh="树模型：平均精确率"),
                higher_is_better=True,
            ),
            Curve(
                key="average_precision",
                label=Text(en="Network: average precision", zh="图网络：平均精确率"),
                higher_is_better=True,
            ),
            Curve(
                key="loss",
                label=Text(en="Network: loss", zh="图网络：损失"),
                higher_is_better=False,
            ),
        ),
        gate="apps.fraud.training.gate:gate",
        sources="apps.fraud.services.training_data:sources",
        gather="apps.fraud.services.training_data:gather",
    )
    commands: ClassVar = verbs.COMMANDS
    benchmarks: ClassVar = verbs.BENCHMARKS
    schedules: ClassVar = (
        AppSchedule(
            key="rings",
            label=Text(en="Look for rings in the newest transactions", zh="在最新交易中查找团伙"),
            run="apps.fraud.services.ringing:refresh",
            default_cron="10 * * * *",
            from_start=True,
        ),
        AppSchedule(
            key="rescore",
            label=Text(
                en="Score open alerts again by the model that decides",
                zh="用当前决策模型为未关闭的警报重新评分",
            ),
            run="apps.fraud.services.rescoring:rescore",
            default_cron="30 2 * * *",
            from_start=True,
        ),
        AppSchedule(
            key="embeddings",
            label=Text(
                en="Make the embeddings of entities anew for models that read them",
                zh="为读取嵌入的模型更新实体嵌入",
            ),
            run="apps.fraud.services.embeddings:refresh",
            default_cron="5 0 * * *",
            from_start=True,
        ),
        AppSchedule(
            key="trials",
            label=Text(
                en="Go on with backtests and shadow runs that were interrupted",
                zh="继续被中断的回测和影子运行",
            ),
            run="apps.fraud.services.trials:go_on",
            default_cron="*/10 * * * *",
            from_start=True,
        ),
        AppSchedule(
            key="tell-live",
            label=Text(
                en="Tell live state what waits: lists and labels",
                zh="将待发送的名单和标签告知实时状态",
            ),
            run="apps.fraud.services.outbox:tell_live",
            default_cron="*/5 * * * *",
            from_start=True,
        ),
        AppSchedule(
            key="compact",
            label=Text(en="Compact old transactions of the live log", zh="压缩实时日志中的旧交易"),
            run="apps.fraud.services.compacting:compact",
            default_cron="15 4 * * *",
            from_start=True,
        ),
        AppSchedule(
            key="retrain",
            label=Text(
                en="Train a candidate on the project's labelled log",
                zh="用项目的已标注日志训练候选模型",
            ),
            run="apps.fraud.services.retraining:retrain",
            default_cron="30 3 * * 0",
            from_start=True,
        ),
    )

    @classmethod
    def assemble(cls, payload: Payload) -> Columns:
        """See `apps.fraud.assembling`."""
        found: Columns = load("apps.fraud.assembling:assemble")(payload)
        return found

    @classmethod
    def decide(cls, result: BaseModel, operating_point: BaseModel) -> DecisionDraft:
        """See `apps.fraud.decide`."""
        draft: DecisionDraft = load("apps.fraud.decide:decide")(result, operating_point)
        return draft

    @classmethod
    def decide_columns(cls, columns: Columns, operating_point: BaseModel) -> DecisionColumns:
        """See `apps.fraud.decide`."""
        decided: DecisionColumns = load("apps.fraud.decide:decide_columns")(
            columns, operating_point
        )
        return decided

    @classmethod
    def request(cls, operating_point: BaseModel) -> dict[str, float | int | str | bool]:
        """See `apps.fraud.explaining.asking`."""
        told: dict[str, float | int | str | bool] = load("apps.fraud.explaining.asking:request")(
            operating_point
        )
        return told

    @classmethod
    def examples(cls) -> tuple[BaseModel, ...]:
        """A payment of everyday, a doubtful one, a likely fraud and a certain one."""
        return transactions()
