"""The desk's pages: shown to members, hidden from others, quick however much there is."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.fraud.models import Alert, Case, ListEntry, TransactionLabel
from apps.fraud.services import cases
from tests.apps.fraud.bank import Bank, paid

PAGES = (
    "alerts/",
    "alerts/?state=all&order=amount",
    "alerts/{alert}/",
    "cases/",
    "cases/1/",
    "cases/1/export/xml",
    "entities/",
    "entities/?q=C-",
    "entities/one?type=customer&key=C-1",
    "entities/graph?type=customer&key=C-1",
    "labels/",
    "lists/",
    "lists/snooze/",
)


@pytest.fixture
def full(bank: Bank) -> Bank:
    bank.store(
        *(paid(n, f"C-{n % 4}", device=f"d-{n % 2}", address="203.0.113.9") for n in range(12))
    )
    cases.note(bank.actor(), bank.case("C-2"), "Called.")
    return bank


def paths(bank: Bank) -> list[str]:
    return [bank.url(page.format(alert=bank.alert().pk)) for page in PAGES]


def test_every_page_is_shown_to_a_viewer_and_hidden_from_strangers(full: Bank) -> None:
    for path in paths(full):
        assert full.client("viewer").get(path).status_code == 200, path
        assert full.client("stranger").get(path).status_code == 404, path


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_page_speaks_both_languages(full: Bank, language: str) -> None:
    client = full.client()
    for path in paths(full):
        if "export" in path or "graph" in path:
            continue
        html = client.get(path, headers={"Accept-Language": language}).content.decode()
        assert ("警报" in html) == (language == "zh-hans"), path


def test_viewers_are_offered_no_verdict_and_cannot_give_one(full: Bank) -> None:
    client = full.client("viewer")
    html = client.get(full.url(f"alerts/{full.alert().pk}/")).content.decode()
    assert 'name="verb"' not in html
    sent = {"alert": full.alert().pk, "verb": "fraud"}
    assert client.post(full.url("alerts/act"), sent).status_code == 403
    assert client.post(full.url("cases/1/act"), {"verb": "fraud"}).status_code == 403
    assert client.post(full.url("lists/watch/add"), {}).status_code == 403


@pytest.mark.parametrize("page", ["alerts/", "cases/", "entities/", "lists/"])
def test_queries_do_not_grow_with_the_rows(full: Bank, page: str) -> None:
    client = full.client()
    client.get(full.url(page))

    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            client.get(full.url(page))
        return len(asked)

    few = queries()
    full.store(*(paid(100 + n, f"N-{n}") for n in range(40)))
    full.case("N-1")
    client.get(full.url("entities/"))  # counts what has just come
    assert queries() == few


def test_the_queue_is_filtered_ordered_and_paged_by_the_address(full: Bank) -> None:
    full.store(*(paid(200 + n, f"P-{n:03d}", score=0.9 + n / 1000) for n in range(60)))
    client = full.client("viewer")

    def keys(query: str) -> list[str]:
        html = client.get(full.url(f"alerts/{query}")).content.decode()
        return re.findall(r'title="([CP]-[\d]+)"', html)

    assert keys("?q=P-05") == [f"P-{n:03d}" for n in range(59, 49, -1)]
    assert keys("?state=in_case") == ["C-2"]
    assert client.get(full.url("alerts/?order=random")).status_code == 400
    first = client.get(full.url("alerts/?q=P-")).content.decode()
    after = re.search(r"after=([^\"]+)", first)
    assert after is not None
    second = keys(f"?q=P-&after={after.group(1)}")
    assert second == [f"P-{n:03d}" for n in range(9, -1, -1)]
    assert keys("?state=closed") == []


def test_one_key_closes_an_alert_and_leads_to_the_next(full: Bank) -> None:
    client = full.client()
    alert = Alert.objects.filter(state="open").order_by("-score", "-pk")[0]
    html = client.get(full.url(f"alerts/{alert.pk}/")).content.decode()
    following = re.search(r'name="next" value="(\d*)"', html)
    assert following is not None
    sent = {"alert": alert.pk, "verb": "honest", "single": "yes", "next": following.group(1)}
    answer = client.post(full.url("alerts/act"), sent)
    assert answer.headers["Location"] == full.url(f"alerts/{following.group(1)}/")
    alert.refresh_from_db()
    assert (alert.state, alert.disposition) == ("closed", "honest")
    assert TransactionLabel.objects.filter(label="honest").count() == alert.hits
    client.post(full.url(f"alerts/{alert.pk}/reopen"))
    alert.refresh_from_db()
    assert alert.state == "open"


def test_chosen_alerts_become_a_case_or_somebodys(full: Bank) -> None:
    client = full.client()
    ids = [full.alert(key).pk for key in ("C-0", "C-1")]
    client.post(full.url("alerts/act"), {"alert": ids, "verb": "assign", "assignee": "second"})
    assert set(Alert.objects.filter(pk__in=ids).values_list("assignee__username", flat=True)) == {
        "second"
    }
    answer = client.post(full.url("alerts/act"), {"alert": ids, "verb": "case", "note": "Both."})
    assert answer.headers["Location"] == full.url("cases/2/")
    assert Case.objects.get(number=2).events.filter(text="Both.").exists()
    refused = client.post(
        full.url("alerts/act"),
        {"alert": ids, "verb": "assign", "assignee": "stranger"},
        follow=True,
    )
    assert b"choose a reviewer" in refused.content


def test_a_case_is_worked_on_from_note_to_word(full: Bank) -> None:
    client, path = full.client(), full.url("cases/1/act")
    client.post(path, {"verb": "note", "note": "Second <b>call</b>."})
    client.post(path, {"verb": "attach", "file": SimpleUploadedFile("proof.html", b"<script>")})
    client.post(path, {"verb": "hand_over", "assignee": "second", "note": "Yours."})
    html = client.get(full.url("cases/1/")).content.decode()
    assert "Second &lt;b&gt;call&lt;/b&gt;." in html
    file = client.get(full.url(f"cases/1/files/{Case.objects.get().attachments.get().pk}"))
    assert file.headers["Content-Type"] == "application/octet-stream"
    assert file.headers["Content-Disposition"].startswith("attachment")
    assert b"".join(file.streaming_content) == b"<script>"  # type: ignore[attr-defined]
    client.post(path, {"verb": "fraud", "note": "Admitted."})
    case = Case.objects.get()
    assert (case.state, case.disposition) == ("closed", "fraud")
    client.post(path, {"verb": "reopen"})
    client.post(full.url("cases/act"), {"case": 1, "verb": "honest"})
    case.refresh_from_db()
    assert case.disposition == "honest"


def test_a_case_leaves_as_pdf_and_as_xml(full: Bank) -> None:
    client = full.client("viewer")
    assert client.get(full.url("cases/1/export/pdf")).content.startswith(b"%PDF")
    xml = client.get(full.url("cases/1/export/xml"))
    assert xml.headers["Content-Disposition"] == 'attachment; filename="bank-case-1.xml"'
    assert b"urn:loupe:fraud:case:1" in xml.content
    assert client.get(full.url("cases/1/export/doc")).status_code == 404


def test_lists_are_kept_on_their_pages_and_a_snooze_from_the_alert(full: Bank) -> None:
    client = full.client()
    client.post(full.url("lists/watch/add"), {"type": "device", "key": "d-1", "reason": "emulator"})
    entry = ListEntry.objects.get()
    assert b"emulator" in client.get(full.url("lists/watch/")).content
    assert b"emulator" in client.get(full.url("entities/one?type=device&key=d-1")).content
    client.post(full.url(f"lists/entries/{entry.pk}/remove"))
    assert b"emulator" not in client.get(full.url("lists/watch/")).content
    assert b"emulator" in client.get(full.url("lists/watch/?past=yes")).content
    alert = full.alert("C-1")
    sent = {"until": "2027-01-01T00:00", "reason": "known"}
    refused = client.post(full.url(f"alerts/{alert.pk}/snooze"), sent, follow=True)
    assert refused.status_code == 200


def test_an_entity_shows_its_past_and_who_shares_with_it(full: Bank) -> None:
    html = full.client("viewer").get(full.url("entities/one?type=device&key=d-1")).content.decode()
    assert html.count('class="dot-') == 6
    assert "C-3" in html
    missing = full.client("viewer").get(full.url("entities/one?type=device&key=no/such"))
    assert missing.status_code == 404


def test_empty_pages_say_how_the_first_row_comes(bank: Bank) -> None:
    client = bank.client("viewer")
    assert b"No open alert" in client.get(bank.url("alerts/")).content
    assert b"No open case" in client.get(bank.url("cases/")).content
    assert b"No entity yet" in client.get(bank.url("entities/")).content
    assert b"Nobody is on this list" in client.get(bank.url("lists/")).content
