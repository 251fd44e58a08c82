"""The mapping page: guessed from a file, corrected, saved, offered to uploads."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.fraud.guessed import guessed
from apps.fraud.models import MappingVersion
from apps.fraud.services import mappings, schemes
from apps.fraud.tables.mapping import TimeFormat
from apps.fraud.views.mapping import TIMES
from loupe.blobs import services as blobs
from loupe.contract.facts import FactRefused
from loupe.host.blobs import Blob
from tests.apps.fraud.bank import Bank

CSV = (
    b"TRANSACTION_ID;TX_TIME;CUSTOMER_ID;TERMINAL_ID;TX_AMOUNT;IS_FRAUD\n"
    b"1;2026-03-01 10:00:00;596;3156;57,16;0\n"
    b"2;2026-03-01 10:02:10;4961;3412;81,51;1\n"
    b"3;2026-03-02 11:12:13;596;3156;146,00;0\n"
    b"4;2026-03-02 11:15:13;4961;3156;14,50;0\n"
)


@pytest.fixture(autouse=True)
def sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the engine does in its sandbox, in this process."""

    def render(run: str, blob: Blob, options: Any, *_rest: object) -> bytes:
        assert run == mappings.GUESSED
        with blobs.open_local(blob) as path:
            return guessed(Path(path), options)

    monkeypatch.setattr(mappings, "render", render)


def form_of(html: str) -> dict[str, Any]:
    """What a browser would send of the form as it stands."""
    sent: dict[str, Any] = {
        name: re.findall(rf'name="{name}" value="([^"]*)"', html)
        for name in ("column", "encoding", "delimiter", "header", "timezone", "fixed_currency")
    }
    sent["role"] = [
        (re.findall(r'<option value="([^"]*)" selected', select) or [""])[0]
        for select in re.findall(r'name="role".*?</select>', html, re.DOTALL)
    ]
    for name in ("time_format", "label_format", "amount_unit", "decimal"):
        select = re.search(rf'name="{name}">(.*?)</select>', html, re.DOTALL)
        assert select is not None
        chosen = re.findall(r'value="([^"]*)" selected', select.group(1))
        sent[name] = chosen or re.findall(r'value="([^"]*)"', select.group(1))[:1]
    return sent


def test_every_form_of_a_time_is_offered_in_words(bank: Bank) -> None:
    assert tuple(form for form, _words in TIMES) == TimeFormat.__args__  # type: ignore[attr-defined]
    for language, words in (("en", "Seconds since 1970"), ("zh-hans", "自 1970 年起的秒数")):
        file = SimpleUploadedFile("march.csv", CSV, "text/csv")
        page = bank.client("engineer").post(
            bank.url("mapping/guess"), {"file": file}, headers={"accept-language": language}
        )
        html = page.content.decode()
        assert f'<option value="epoch_s">{words}</option>' in html


def test_a_file_is_guessed_corrected_and_saved(bank: Bank) -> None:
    client = bank.client("engineer")
    file = SimpleUploadedFile("march.csv", CSV, "text/csv")
    html = client.post(bank.url("mapping/guess"), {"file": file}).content.decode()
    sent = form_of(html)
    roles = dict(zip(sent["column"], sent["role"], strict=True))
    assert roles["TX_TIME"] == "time"
    assert roles["TX_AMOUNT"] == "amount"
    assert roles["CUSTOMER_ID"] == "entity.customer"
    answer = client.post(bank.url("mapping/save"), {**sent, "key": "core"})
    assert answer.status_code == 302
    saved = MappingVersion.objects.get()
    assert (saved.key, saved.number, saved.data["decimal"]) == ("core", 1, ",")
    assert saved.data["delimiter"] == ";"
    assert mappings.choices(bank.project.pk) == [("core", "core")]
    told = schemes.context(bank.project.pk, {"mapping": "core"})
    assert told["mapping"] == saved.data
    assert "mapping" not in schemes.context(bank.project.pk, {})
    assert b"CUSTOMER_ID" in client.get(bank.url("mapping/")).content


def test_a_mapping_that_cannot_be_is_refused_and_the_form_stays(bank: Bank) -> None:
    client = bank.client("engineer")
    for roles, words in (
        (["time", "time"], b"two columns"),
        (["time", ""], b"which column is the amount"),
        (["time", "amount"], b"entities.customer is missing"),
    ):
        sent = {"column": ["when", "much"], "role": roles, "key": "x", "timezone": "UTC"}
        answer = client.post(bank.url("mapping/save"), sent)
        assert words in answer.content
        assert b'value="when"' in answer.content
    assert MappingVersion.objects.count() == 0


def test_only_engineers_save_mappings_and_bad_files_are_told(bank: Bank) -> None:
    assert bank.client().post(bank.url("mapping/save"), {}).status_code == 403
    assert bank.client("viewer").get(bank.url("mapping/")).status_code == 200
    file = SimpleUploadedFile("x.parquet", b"PAR1" + b"\0" * 50 + b"PAR1")
    answer = bank.client("engineer").post(bank.url("mapping/guess"), {"file": file}, follow=True)
    assert answer.status_code == 200
    assert b"notice error" in answer.content


def test_a_submission_names_a_mapping_that_exists(bank: Bank) -> None:
    with pytest.raises(FactRefused, match="not saved"):
        mappings.check_facts(bank.project.pk, {"mapping": "none"})
    assert mappings.check_facts(bank.project.pk, {}) == {}
