"""Draft ready, needs attention or refused: a pure function of a study's result and the point."""

from typing import Final

from apps.report_gen.findings import KINDS, State
from apps.report_gen.report import ReportFinding
from apps.report_gen.schema import GateReason, OperatingPoint, StudyResult
from loupe.contract.outcomes import DecisionDraft, Reason

READY: Final = "draft_ready"
ATTENTION: Final = "needs_attention"
REFUSED: Final = "refused"

_CRITICAL, _UNCERTAIN, _WARNED, _PRESENT = 10.0, 5.0, 2.0, 1.0
"""Weights of reasons; a worklist is sorted by their sum."""
_SHOWN: Final = 12


def decide(result: StudyResult, point: OperatingPoint) -> DecisionDraft:
    """The outcome with its reasons, strongest first."""
    if result.status == "refused":
        return _refused(result)
    present = [each for each in result.findings if each.state is State.PRESENT]
    critical = [each for each in present if is_critical(each)]
    unsure = [each for each in result.findings if each.state is State.UNCERTAIN]
    warnings = [each for each in result.reasons if each.severity == "warning"]
    reasons = [_critical(each) for each in _one_a_kind(critical)]
    asks = bool(critical)
    if len(unsure) >= point.attention_uncertain:
        reasons += [_uncertain(each) for each in unsure]
        asks = True
    if warnings and point.attention_warnings:
        reasons += [_warned(each) for each in warnings]
        asks = True
    reasons += [_present(each) for each in _one_a_kind(present) if not is_critical(each)]
    if not reasons:
        reasons = [
            Reason(
                code="nothing_found",
                en="None of the assessed findings is said to be present.",
                zh="所评估的征象均判为未见。",
                weight=0.1,
            )
        ]
    return DecisionDraft(
        outcome=ATTENTION if asks else READY,
        score=round(sum(each.weight for each in reasons), 4),
        label=reasons[0].code,
        reasons=tuple(reasons[:_SHOWN]),
    )


def is_critical(finding: ReportFinding) -> bool:
    """Whether a finding is to be seen at once."""
    kind = KINDS.get(finding.kind)
    return kind is not None and kind.critical and finding.state is State.PRESENT


def _refused(result: StudyResult) -> DecisionDraft:
    told = [each for each in result.reasons if each.severity == "refusal"]
    reasons = [
        Reason(code=each.code, en=each.en, zh=each.zh, weight=1.0 - 0.01 * number)
        for number, each in enumerate(told[:_SHOWN])
    ]
    if not reasons:
        reasons = [
            Reason(
                code="no_images",
                en="The study holds no image that can be read. Send a chest CT as DICOM or NIfTI.",
                zh="该检查中没有可读取的图像。请发送 DICOM 或 NIfTI 格式的胸部 CT。",
            )
        ]
    return DecisionDraft(outcome=REFUSED, score=0.0, label=reasons[0].code, reasons=tuple(reasons))


def _one_a_kind(findings: list[ReportFinding]) -> list[ReportFinding]:
    """The likeliest of each kind, the likeliest kind first."""
    best: dict[str, ReportFinding] = {}
    for each in sorted(findings, key=lambda one: -(one.probability or 0.0)):
        best.setdefault(each.kind, each)
    return list(best.values())


def _chance(finding: ReportFinding) -> str:
    return "" if finding.probability is None else f" ({finding.probability:.0%})"


def _critical(finding: ReportFinding) -> Reason:
    name = KINDS[finding.kind].name
    return Reason(
        code=finding.kind,
        en=f"{name.en} is said to be present{_chance(finding)}: look at it at once.",
        zh=f"判为存在{name.zh}{_chance(finding)}：请立即查看。",
        weight=_CRITICAL + (finding.probability or 0.0),
    )


def _uncertain(finding: ReportFinding) -> Reason:
    name = KINDS[finding.kind].name
    return Reason(
        code=f"uncertain.{finding.kind}",
        en=f"{name.en} can be neither affirmed nor denied{_chance(finding)}.",
        zh=f"{name.zh}无法确定有无{_chance(finding)}。",
        weight=_UNCERTAIN,
    )


def _warned(reason: GateReason) -> Reason:
    return Reason(code=reason.code, en=reason.en, zh=reason.zh, weight=_WARNED)


def _present(finding: ReportFinding) -> Reason:
    name = KINDS[finding.kind].name
    return Reason(
        code=finding.kind,
        en=f"{name.en} is said to be present{_chance(finding)}.",
        zh=f"判为存在{name.zh}{_chance(finding)}。",
        weight=_PRESENT + 0.1 * (finding.probability or 0.0),
    )
