"""What an edit is refused with has its Chinese, which the page shows."""

from pathlib import Path

import pytest

from apps.report_gen.reporting import operations
from apps.report_gen.reporting.refusing import EditRefused
from loupe.contract.sentences import Sentences, read
from tests.apps.report_gen.reporting.made import EFFUSION, document

TABLE = Path(operations.__file__).parents[1] / "sentences.json"


@pytest.mark.parametrize(
    "record",
    [
        {"verb": "say", "sentence": 99, "text": "x"},
        {"verb": "say", "sentence": 0, "text": "x" * 2001},
        {"verb": "confirm", "finding": "mass.9"},
        {"verb": "add_finding", "kind": "dragon"},
        {"verb": "add_finding", "kind": "pleural_effusion"},
        {"verb": "change_finding", "finding": "pleural_effusion", "size_mm": 3},
        {"verb": "follow_up"},
        {"verb": "burn"},
    ],
)
def test_every_refusal_of_an_edit_is_said_in_chinese_too(record: dict[str, object]) -> None:
    with pytest.raises(EditRefused) as caught:
        operations.apply(document(EFFUSION), operations.read(record))
    chinese = Sentences(list(read(TABLE))).in_chinese(caught.value.message, caught.value.code)
    assert chinese
    assert any("\u4e00" <= sign <= "\u9fff" for sign in chinese)
