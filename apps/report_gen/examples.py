"""Results as the documentation shows them: a clear chest, a mass, a study that is refused."""

from apps.report_gen.findings import KEYS, Lobe, Side, State
from apps.report_gen.report import ModelCredit, Part, ReportFinding, ReportSentence
from apps.report_gen.schema import DraftText, GateReason, Grid, SeriesView, StudyResult
from loupe.contract.text import Text

_UID = "2.25.1"
_CHEST = Grid(
    shape=(320, 512, 512),
    spacing=(1.0, 0.7, 0.7),
    affine=((0.7, 0, 0, -179), (0, 0.7, 0, -179), (0, 0, 1, -320), (0, 0, 0, 1)),
)
_CREDIT = ModelCredit(
    name="chest",
    version=1,
    sha256="0" * 64,
    trained_on=Text(
        en="Synthetic phantoms; no patient's study.", zh="合成体模，未使用任何患者检查。"
    ),
)
_CHOSEN = GateReason(
    code="chosen",
    severity="note",
    en="This series is read: the only usable series.",
    zh="读取该序列：唯一可用的序列。",
)
_ABDOMEN = GateReason(
    code="body_part",
    severity="refusal",
    en="No lung is seen, so this is no chest. Send a CT of the chest.",
    zh="未见肺组织，因此不是胸部。请发送胸部 CT。",
)


def _absent() -> dict[str, ReportFinding]:
    return {
        key: ReportFinding(id=key, kind=key, state=State.ABSENT, probability=0.01) for key in KEYS
    }


def _read(findings: dict[str, ReportFinding], sentence: str, ids: tuple[str, ...]) -> StudyResult:
    said = ReportSentence(part=Part.IMPRESSION, text=sentence, findings=ids)
    return StudyResult(
        status="drafted",
        study_uid=_UID,
        series_uid="2.25.2",
        series=(SeriesView(series_uid="2.25.2", status="usable", chosen=True, reasons=(_CHOSEN,)),),
        reasons=(_CHOSEN,),
        volume=_CHEST,
        findings=tuple(findings.values()),
        drafts=(DraftText(language="en", sentences=(said,)),),
        model=_CREDIT,
    )


def results() -> tuple[StudyResult, ...]:
    """One for each outcome."""
    mass = ReportFinding(
        id="mass.1", kind="mass", state=State.PRESENT, probability=0.93, side=Side.RIGHT,
        lobes=(Lobe.RIGHT_UPPER,), size_mm=41.0, volume_ml=27.4, centre=(210.0, 150.0, 250.0),
        box=((190.0, 230.0), (130.0, 170.0), (230.0, 271.0)), label=1,
    )  # fmt: skip
    refused = StudyResult(
        status="refused",
        study_uid=_UID,
        series=(SeriesView(series_uid="2.25.3", status="refused", reasons=(_ABDOMEN,)),),
        reasons=(_ABDOMEN,),
    )
    return (
        _read(_absent(), "None of the assessed findings.", KEYS),
        _read({**_absent(), "mass": mass}, "Lung mass in the right upper lobe.", ("mass.1",)),
        refused,
    )
