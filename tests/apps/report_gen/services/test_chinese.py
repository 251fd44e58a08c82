"""Whatever is refused on the way in or out is said in Chinese too."""

import ast
from pathlib import Path

import pytest

from apps.report_gen.models import Delivery, DeliveryState, Study, StudyState
from apps.report_gen.services import arriving, sorting
from apps.report_gen.services.chinese import in_chinese
from loupe.contract.sentences import Sentences, read
from loupe.testing import factories
from tests.apps.report_gen.services.sending import send
from tests.apps.report_gen.studies import Taken, series, write

APP = Path(arriving.__file__).parents[1]
TABLE = Sentences(read(APP / "sentences.json"))
PLACES = (
    "outputs", "services/arriving.py", "services/clinical_text.py", "services/retaining.py",
    "services/sorting.py", "services/reporting/sending_back.py", "bundles/asking.py",
    "dicom/sending.py", "reporting", "viewing/marking.py", "viewing/key_slices.py",
    "clinical/store.py", "api",
)  # fmt: skip
REFUSING = {
    "InputRefused": "input_refused", "_refused": "fhir_request", "LoupeError": "error",
    "EditRefused": "edit_refused", "ClinicalDiskFull": "disk_full",
    "NotSent": "not_stored_there", "PeerUnreachable": "peer_unreachable",
}  # fmt: skip


def chinese(text: str | None) -> bool:
    return any("\u4e00" <= sign <= "\u9fff" for sign in text or "")


def refusals() -> list[tuple[str, str]]:
    """Every sentence that code there refuses with, values filled in, and its code."""
    found = []
    for place in PLACES:
        path = APP / place
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            for call in ast.walk(ast.parse(file.read_text())):
                name = getattr(getattr(call, "func", None), "id", "")
                if not isinstance(call, ast.Call) or name not in REFUSING or not call.args:
                    continue
                said = _filled(call.args[0])
                if said:
                    found.append((said, _code(call) or REFUSING[name]))
    return found


def _filled(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if not isinstance(node, ast.JoinedStr):
        return ""
    parts = (each.value if isinstance(each, ast.Constant) else "17" for each in node.values)
    return "".join(map(str, parts))


def _code(call: ast.Call) -> str:
    given = [each.value for each in call.keywords if each.arg == "code"] or call.args[1:2]
    return str(given[0].value) if given and isinstance(given[0], ast.Constant) else ""


def test_every_sentence_that_refuses_has_its_chinese() -> None:
    told = refusals()
    assert len(told) > 25
    assert [(said, code) for said, code in told if not chinese(TABLE.in_chinese(said, code))] == []


@pytest.mark.parametrize("how", ["refused the association", "does not answer"])
def test_why_a_node_cannot_be_reached_has_its_chinese(how: str) -> None:
    said = (
        f"The node PACS at 10.1.2.3:104 {how}: see that it is running and knows the AE title LOUPE."
    )
    told = TABLE.in_chinese(said, "peer_unreachable")
    assert chinese(told)
    assert "10.1.2.3:104" in str(told)


def test_what_a_schedule_did_has_its_chinese() -> None:
    said = [
        _filled(each.value)
        for name in ("retaining", "retraining")
        for each in ast.walk(ast.parse((APP / "services" / f"{name}.py").read_text()))
        if isinstance(each, ast.Return) and each.value is not None and _filled(each.value)
    ]
    assert len(said) == 6
    assert [one for one in said if not chinese(TABLE.in_chinese(one))] == []


@pytest.mark.slow
def test_without_a_model_each_study_says_so_in_both_languages(
    db: None, place: Path, tmp_path: Path
) -> None:
    """The delivery itself was sorted: its studies wait for a model and name it."""
    project = factories.project("chest", "Chest")
    paths = []
    for number in (1, 2):
        images = series(Taken(count=3, rows=16, columns=16), study=f"1.2.3.{number}")
        paths += list(write(images, tmp_path / str(number), prefix=f"s{number}").iterdir())
    delivery = send(project, paths)
    assert (delivery.state, len(delivery.studies)) == (DeliveryState.SORTED, 2)
    for study in Study.objects.all():
        assert study.state == StudyState.FAILED
        (problem,) = study.problems
        assert problem["code"] == "no_model"
        assert problem["en"].startswith("No model of report_gen is in production")
        assert chinese(problem["zh"])
    factories.model_version(None, "report_gen", "chest", classes=())
    study = Study.objects.order_by("uid")[0]
    arriving.read_again(study)
    arriving.read(study.pk)
    study.refresh_from_db()
    assert (study.state, study.problems) == (StudyState.READING, [])


@pytest.mark.slow
def test_a_worker_lost_again_and_again_is_told_in_chinese(
    db: None, place: Path, tmp_path: Path
) -> None:
    letter = tmp_path / "a"
    letter.write_bytes(b"%PDF")
    delivery = send(factories.project("chest", "Chest"), [letter])
    Delivery.objects.update(state=DeliveryState.WAITING, lease_until=None, attempts=3)
    sorting.sort(delivery.pk)
    delivery.refresh_from_db()
    assert delivery.error_code == "workers_lost"
    assert chinese(in_chinese(delivery.error, delivery.error_code))
