"""Labels come as a file: headings in three languages, all lines or none, told by line."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from apps.fraud.models import TransactionLabel
from apps.fraud.services import labels_csv
from apps.fraud.services.errors import Unusable
from tests.apps.fraud.bank import Bank, paid


def send(bank: Bank, text: str, role: str = "operator", **more: str) -> str:
    file = SimpleUploadedFile("labels.csv", text.encode())
    answer = bank.client(role).post(bank.url("labels/load"), {"file": file, **more}, follow=True)
    return answer.content.decode()


def standing(bank: Bank) -> dict[str, str]:
    rows = TransactionLabel.objects.filter(project=bank.project, standing=True)
    return dict(rows.values_list("transaction", "label"))


@pytest.mark.parametrize(
    "text",
    [
        "transaction,label,known_at,note\nT-1,fraud,2026-03-09T08:00:00Z,call\nT-2,honest,,\n",
        "Transaktions-ID;Betrug;Gemeldet am;Datum\nT-1;ja;;09.03.2026 09:00\nT-2;nein;;\n",
        "\ufeff交易号\t是否欺诈\t确认时间\nT-1\t是\t2026-03-09 09:00\nT-2\t否\t\n",
        "is_fraud,tx_id,reported_at\n1,T-1,2026-03-09T08:00:00+00:00\n\n0,T-2,\n",
    ],
)
def test_a_file_in_any_of_three_languages_is_read(text: str) -> None:
    first, second = labels_csv.read(text.encode())
    assert (first.transaction, first.label) == ("T-1", "fraud")
    assert first.known_at is not None
    assert (second.transaction, second.label, second.known_at) == ("T-2", "honest", None)


def test_times_without_a_zone_are_of_the_projects_clock(bank: Bank) -> None:
    send(bank, "transaction,label,known_at\nT-1,fraud,2026-03-09 09:00\n")
    row = TransactionLabel.objects.get()
    assert row.known_at == datetime(2026, 3, 9, 8, tzinfo=UTC)


def test_a_file_labels_and_may_come_again(bank: Bank) -> None:
    bank.store(paid(1), paid(2))
    text = "transaction,label\nT-1,fraud\nT-2,honest\n"
    page = send(bank, text, source="chargeback")
    assert "2 labels taken" in page
    assert standing(bank) == {"T-1": "fraud", "T-2": "honest"}
    assert set(TransactionLabel.objects.values_list("source", flat=True)) == {"chargeback"}
    assert "0 labels taken, 2 said already" in send(bank, text)
    html = bank.client("viewer").get(bank.url("labels/")).content.decode()
    assert "T-1" in html
    assert "Load a file of labels" not in html


def test_live_state_hears_of_them(bank: Bank, django_capture_on_commit_callbacks: object) -> None:
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        send(bank, "transaction,label\nT-1,fraud\n")
    (told,) = [payload for _request, payload in bank.told]
    assert told.meta["kind"] == "labels"


AHEAD = (timezone.now() + timedelta(days=2)).date().isoformat()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("transaction,label\nT-1,fraud\nT-2,perhaps\n", "Line 3: &#x27;perhaps&#x27; is no label"),
        (
            "transaction,label,known_at\nT-1,fraud,tomorrow\n",
            "Line 2: &#x27;tomorrow&#x27; is no time",
        ),
        ("transaction,label,known_at\nT-1,fraud,2026-02-30\n", "is no time"),
        (f"transaction,label,known_at\nT-1,fraud,{AHEAD}\n", "lies ahead"),
        ("transaction,label,known_at\nT-1,fraud,1969-12-30\n", "Line 2: 1969-12-30 lies before"),
        ("transaction,label\n,fraud\n", "Line 2 names no transaction"),
        ("transaction,label\n", "no label below its header"),
        ("amount,customer\n1,2\n", "names no column for"),
        ("", "names no column for"),
        ("a\x00b", "not UTF-8 text"),
    ],
)
def test_what_cannot_be_used_is_told_by_line_and_nothing_is_kept(
    bank: Bank, text: str, said: str
) -> None:
    page = send(bank, text)
    assert said in page
    assert 'role="alert"' in page
    assert standing(bank) == {}


def test_a_file_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels_csv, "MOST_LINES", 2)
    lines = "".join(f"T-{n},fraud\n" for n in range(3))
    with pytest.raises(Unusable, match="more than 2 labels"):
        labels_csv.read(f"transaction,label\n{lines}".encode())
    monkeypatch.setattr(labels_csv, "MOST_BYTES", 10)
    with pytest.raises(Unusable, match="at most 10 are read"):
        labels_csv.read(b"transaction,label\n")


def test_viewers_load_nothing_and_strangers_see_nothing(bank: Bank) -> None:
    file = SimpleUploadedFile("labels.csv", b"transaction,label\nT-1,fraud\n")
    assert bank.client("viewer").post(bank.url("labels/load"), {"file": file}).status_code == 403
    assert bank.client("stranger").get(bank.url("labels/")).status_code == 404
    assert standing(bank) == {}


def test_the_page_speaks_chinese(bank: Bank) -> None:
    html = bank.client().get(bank.url("labels/"), headers={"Accept-Language": "zh-hans"})
    assert "载入标签文件" in html.content.decode()
