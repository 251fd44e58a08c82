"""The DICOM pages: nodes, arrivals, the outbox, and who may see identities."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.report_gen.models import (
    Arrival,
    ClinicalObject,
    DicomPeer,
    IdentityGrant,
    ReportReturn,
    Sending,
    Study,
)
from apps.report_gen.report import NOTICE
from loupe.accounts.models import Project
from loupe.testing import factories
from tests.apps.report_gen.desk import Desk

HOSTILE = "<script>alert(1)</script>"


def client(desk: Desk, role: str = "admin") -> Client:
    made = Client()
    made.force_login(desk.people[role])
    return made


def at(name: str, project: Project, *rest: Any) -> str:
    return reverse(f"report_gen:{name}", args=[project.slug, *rest])


@pytest.fixture
def arriving(desk: Desk) -> Study:
    """A study with one image of a node, and a report given up on its way back."""
    now = timezone.now()
    study = Study.objects.create(
        project=desk.project, uid="2.25.55", channel="dicom", arrived_at=now, last_image_at=now
    )
    peer = DicomPeer.objects.create(
        project=desk.project, title="CT1", host="10.0.0.9", port=104, allowed=True,
        last_seen_at=now, last_address="10.0.0.9",
    )  # fmt: skip
    Arrival.objects.create(study=study, peer=peer, due_at=now + timedelta(minutes=1), images=1)
    kept = ClinicalObject.objects.create(
        project=desk.project, study=study, sender=peer, sealed="0" * 32, sha256="1" * 64, bytes=1,
        received_at=now,
    )  # fmt: skip
    Sending.objects.create(
        project=desk.project, study=study, peer=peer, kept=kept, label="SR", state="dead",
        next_at=now, error="The node CT1 does not answer.",
    )  # fmt: skip
    return study


def test_the_page_shows_nodes_arrivals_and_the_outbox(desk: Desk, arriving: Study) -> None:
    said = client(desk).get(at("dicom", desk.project)).content.decode()
    for word in ("CT1", "10.0.0.9:104", "2.25.55", "The node CT1 does not answer.", NOTICE.en):
        assert word in said


def test_members_of_other_projects_see_nothing_of_it(desk: Desk, arriving: Study) -> None:
    other = factories.project("other", "Other")
    said = client(desk).get(at("dicom", other))
    assert said.status_code == 404


def test_a_node_is_added_and_changed_by_an_admin(desk: Desk) -> None:
    fields = {"title": "PACS", "host": "pacs.local", "port": 104, "allowed": "on", "priors": "move"}
    assert client(desk).post(at("dicom_peer_new", desk.project), fields).status_code == 302
    peer = DicomPeer.objects.get(title="PACS")
    assert (peer.port, peer.priors, peer.returns) == (104, "move", False)
    client(desk).post(at("dicom_peer", desk.project, peer.pk), {**fields, "port": 105})
    peer.refresh_from_db()
    assert peer.port == 105


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("title", "A\\B", "no backslash"),
        ("title", "CT1", "AE titles are unique"),
        ("host", "a b", "The host &#x27;a b&#x27; cannot be: give a name or an address"),
        ("port", "", "go together"),
    ],
)
def test_a_node_that_cannot_be_is_answered_with_a_sentence(
    desk: Desk, arriving: Study, field: str, value: str, words: str
) -> None:
    fields = {"title": "PACS", "host": "pacs.local", "port": "104", field: value}
    said = client(desk).post(at("dicom_peer_new", desk.project), fields).content.decode()
    assert words in said
    assert DicomPeer.objects.count() == 1


def test_a_node_does_not_take_the_title_of_another(desk: Desk, arriving: Study) -> None:
    peer = DicomPeer.objects.create(project=desk.project, title="PACS")
    fields = {"title": "CT1", "host": "pacs.local", "port": "104"}
    said = client(desk).post(at("dicom_peer", desk.project, peer.pk), fields)
    assert "AE titles are unique" in said.content.decode()
    peer.refresh_from_db()
    assert (peer.title, peer.host) == ("PACS", "")


def test_a_title_with_script_in_it_is_text(desk: Desk) -> None:
    DicomPeer.objects.create(project=desk.project, title=HOSTILE[:16])
    said = client(desk).get(at("dicom", desk.project)).content.decode()
    assert HOSTILE[:16] not in said
    assert "&lt;script&gt;" in said


@pytest.mark.parametrize("role", ["reviewer", "operator"])
def test_who_does_not_manage_connections_changes_none(
    desk: Desk, arriving: Study, role: str
) -> None:
    one = client(desk, role)
    assert one.post(at("dicom_peer_new", desk.project), {"title": "X"}).status_code == 403
    assert one.post(at("dicom_replay", desk.project)).status_code == 403
    answer = one.post(at("dicom_grants", desk.project), {"user": role, "may": "yes"})
    assert answer.status_code == 403
    assert not IdentityGrant.objects.exists()


def test_what_was_given_up_is_sent_again(desk: Desk, arriving: Study) -> None:
    client(desk).post(at("dicom_replay", desk.project))
    assert Sending.objects.get().state == "waiting"


def test_a_signed_report_that_cannot_be_made_into_files_stands_in_the_outbox(
    desk: Desk, arriving: Study
) -> None:
    ReportReturn.objects.create(
        project=desk.project, study=arriving, version=2, state="dead", next_at=timezone.now(),
        error_code="no_volume",
        error="No series of this study can be read, so there is nothing to show.",
    )  # fmt: skip
    said = client(desk).get(at("dicom", desk.project)).content.decode()
    assert "No series of this study can be read" in said
    assert "Send 2 again that were given up" in said
    chinese = client(desk).get(at("dicom", desk.project), headers={"accept-language": "zh-hans"})
    assert "此检查没有可读取的序列" in chinese.content.decode()
    client(desk).post(at("dicom_replay", desk.project))
    assert (Sending.objects.get().state, ReportReturn.objects.get().state) == ("waiting", "waiting")


def test_why_nothing_was_stored_at_a_node_is_said_in_the_readers_language(
    desk: Desk, arriving: Study
) -> None:
    Sending.objects.update(
        error_code="not_stored_there", error="The node PACS does not take it (0xA900)."
    )
    address = at("dicom", desk.project)
    assert "does not take it (0xA900)" in client(desk).get(address).content.decode()
    chinese = client(desk).get(address, headers={"accept-language": "zh-hans"}).content.decode()
    assert "节点 PACS 不予接收（0xA900）。" in chinese
    # Headings are this page's own: "From" and "To" are people who pay and are paid elsewhere.
    assert ("发往" in chinese, "收款方" in chinese, "付款方" in chinese) == (True, False, False)


def test_a_study_is_held_to_be_complete_without_waiting(desk: Desk, arriving: Study) -> None:
    client(desk).post(at("dicom_complete", desk.project, arriving.pk))
    arriving.refresh_from_db()
    assert arriving.state == "waiting"
    assert not Arrival.objects.get(study=arriving).open


def test_an_admin_lets_a_member_see_identities_and_withdraws_it(desk: Desk) -> None:
    user = desk.people["reviewer"]
    one = client(desk)
    one.post(at("dicom_grants", desk.project), {"user": user.username, "may": "yes"})
    assert IdentityGrant.objects.get().user == user
    one.post(at("dicom_grants", desk.project), {"user": user.username, "may": "no"})
    assert not IdentityGrant.objects.exists()
