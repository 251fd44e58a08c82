"""The mapping page: guessed from a file, corrected, saved, offered to uploads."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.fraud.guessed import guessed
from apps.fraud.models import MappingVersion
from apps.fraud.services import mappings, schemes
from apps.fraud.tables.parsing import parse
from apps.fraud.tables.time_column import TimeFormat
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
    sent["start"] = re.findall(r'name="start"[^>]* value="([^"]*)"', html)
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


PAYSIM = "step;type;amount;nameOrig;nameDest;isFraud\n" + "".join(
    f"{1 + n // 3};PAYMENT;{n},25;C{n % 7};M{n % 3};{int(n % 9 == 0)}\n" for n in range(40)
)


def guessed_page(bank: Bank, language: str = "en") -> str:
    file = SimpleUploadedFile("paysim.csv", PAYSIM.encode(), "text/csv")
    page = bank.client("engineer").post(
        bank.url("mapping/guess"), {"file": file}, headers={"accept-language": language}
    )
    return page.content.decode()


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "They look like hours since a start that the file does not name."),
        ("zh-hans", "看起来是自某个起点起的小时数，但文件没有写明起点。"),
    ],
)
def test_a_count_is_proposed_in_plain_words_and_its_start_is_left_to_the_person(
    bank: Bank, language: str, words: str
) -> None:
    html = guessed_page(bank, language)
    sent = form_of(html)
    assert words in html
    assert dict(zip(sent["column"], sent["role"], strict=True))["step"] == "time"
    assert (sent["time_format"], sent["start"]) == (["since_h"], [""])
    # Nothing of what is known is lost while the start is not.
    assert (sent["delimiter"], sent["decimal"]) == ([";"], [","])
    assert 'aria-describedby="start_help"' in html


@pytest.mark.parametrize(
    ("start", "language", "words"),
    [
        ("", "en", "step counts from a start: say when the count was 0"),
        ("", "zh-hans", "step 自某个起点计数：请说明计数何时为 0"),
        ("2098-01-01T00:00", "en", "step counts from 2098-01-01 00:00 UTC, which is still to come"),
        ("2098-01-01T00:00", "zh-hans", "而该时刻尚未到来"),
        ("1950-01-01T00:00", "en", "from 1970 to 2099"),
        ("soon", "zh-hans", "不是计数的起点"),
    ],
)
def test_a_count_is_not_saved_without_a_start_that_is_over(
    bank: Bank, start: str, language: str, words: str
) -> None:
    sent = {**form_of(guessed_page(bank)), "key": "paysim", "start": start}
    page = bank.client("engineer").post(
        bank.url("mapping/save"), sent, headers={"accept-language": language}
    )
    html = page.content.decode()
    assert words in html
    assert MappingVersion.objects.count() == 0
    assert (form_of(html)["start"], form_of(html)["time_format"]) == ([start], ["since_h"])


def test_a_count_is_saved_with_its_start_and_read_from_it(bank: Bank, tmp_path: Path) -> None:
    client = bank.client("engineer")
    sent = {**form_of(guessed_page(bank)), "key": "paysim", "start": "2026-01-01T00:00"}
    sent["timezone"] = "Europe/Berlin"
    assert client.post(bank.url("mapping/save"), sent).status_code == 302
    saved = MappingVersion.objects.get()
    assert saved.data["time"] == {
        **{"column": "step", "format": "since_h", "timezone": "Europe/Berlin"},
        "start": "2026-01-01T00:00:00",
    }
    assert "2026-01-01T00:00:00" in client.get(bank.url("mapping/")).content.decode()
    path = tmp_path / "paysim.csv"
    path.write_text(PAYSIM)
    told = {"context": schemes.context(bank.project.pk, {"mapping": "paysim"})}
    times = parse(path, told).arrays["event_time"]
    midnight = datetime(2025, 12, 31, 23, tzinfo=UTC)
    wanted = [midnight + timedelta(hours=1 + n // 3) for n in range(40)]
    assert times.tolist() == [int(one.timestamp()) * 1000 for one in wanted]


def test_a_file_may_be_sent_with_its_start_in_place_of_a_mapping(bank: Bank) -> None:
    facts = {"start": "hours since 2026-01-01"}
    assert mappings.check_facts(bank.project.pk, facts) == facts
    assert schemes.context(bank.project.pk, facts)["start"] == "hours since 2026-01-01"
    for start in ("soon", "weeks since 2026-01-01", "any"):
        with pytest.raises(FactRefused) as refused:
            mappings.check_facts(bank.project.pk, {"start": start})
        assert (refused.value.field, refused.value.code) == ("start", "start_invalid")


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
