"""Identity: encrypted, seen by grant alone, each look written down, and erased for good."""

import secrets
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from apps.report_gen.clinical import erasing, identity, installed, keys
from apps.report_gen.clinical.errors import KeyMissing, Tampered
from apps.report_gen.clinical.identity import Person
from apps.report_gen.commands import clinical
from apps.report_gen.models import ClinicalObject, Identity, Study
from loupe.accounts.errors import Denied
from loupe.accounts.models import Project, Role
from loupe.accounts.policy import SYSTEM, Actor
from loupe.audit import services as audit
from loupe.testing import factories

ODETTE = Person(patient_id="MRN-88213", name="Quenneville^Odette", accession="ACC-5")


def reader(project: Project, name: str = "rita", role: Role = Role.ADMIN) -> Actor:
    return Actor.of(factories.person(name, project, role))


def actions(project: Project) -> list[str]:
    return [event.action for event in audit.of_project(project)]


def test_no_column_of_the_database_says_the_name(study: Study) -> None:
    identity.keep(study, ODETTE)
    for value in Identity.objects.values_list().get():
        held = bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
        assert not [word for word in (b"Quenneville", b"88213", b"ACC-5") if word in held]


def test_no_role_sees_it_and_a_grant_does(study: Study) -> None:
    identity.keep(study, ODETTE)
    rita = reader(study.project)
    with pytest.raises(Denied, match="may not see who the studies"):
        identity.look(rita, study, "page")
    assert rita.user is not None
    identity.grant(SYSTEM, study.project, rita.user)
    assert identity.look(rita, study, "page") == ODETTE
    identity.revoke(SYSTEM, study.project, rita.user)
    with pytest.raises(Denied):
        identity.look(rita, study, "page")


def test_each_look_grant_and_withdrawal_is_in_the_audit_log(study: Study) -> None:
    identity.keep(study, ODETTE)
    rita = reader(study.project)
    assert rita.user is not None
    identity.grant(SYSTEM, study.project, rita.user)
    identity.look(rita, study, "page")
    identity.look_several(rita, study.project, [study], "worklist")
    identity.revoke(SYSTEM, study.project, rita.user)
    assert actions(study.project)[:4] == [
        "identity.revoked", "identity.seen", "identity.seen", "identity.granted",
    ]  # fmt: skip
    for event in audit.of_project(study.project):
        assert "Quenneville" not in str(event.details)


def test_a_reviewer_may_not_grant(study: Study) -> None:
    someone = reader(study.project, "rolf", Role.REVIEWER)
    assert someone.user is not None
    with pytest.raises(Denied):
        identity.grant(someone, study.project, someone.user)


def test_studies_are_found_by_patient_and_accession_exactly(study: Study) -> None:
    identity.keep(study, ODETTE)
    project = study.project
    assert list(identity.found_by(SYSTEM, project, patient_id="MRN-88213")) == [study]
    assert list(identity.found_by(SYSTEM, project, accession="ACC-5")) == [study]
    assert list(identity.found_by(SYSTEM, project, patient_id="ACC-5")) == []
    assert list(identity.found_by(SYSTEM, project, patient_id="MRN-8821")) == []
    assert list(identity.found_by(SYSTEM, project)) == []


def test_identity_put_in_another_studys_row_does_not_open(study: Study) -> None:
    now = timezone.now()
    other = Study.objects.create(
        project=study.project, uid="2.25.2", channel="dicom", arrived_at=now, last_image_at=now
    )
    body = identity.keep(study, ODETTE).body
    identity.keep(other, Person(name="Somebody^Else"))
    Identity.objects.filter(study=other).update(body=body)
    with pytest.raises(Tampered):
        identity.look(SYSTEM, other, "page")


@pytest.mark.django_db(transaction=True)
def test_erasing_leaves_neither_name_nor_file(study: Study) -> None:
    identity.keep(study, ODETTE)
    kept = installed.store().put(b"an image of Odette")
    ClinicalObject.objects.create(
        project=study.project, study=study, sealed=kept.name, sha256=kept.sha256,
        bytes=kept.bytes, received_at=timezone.now(),
    )  # fmt: skip
    assert erasing.erase(SYSTEM, study, "asked for") == 1
    assert identity.look(SYSTEM, study, "page") is None
    assert list(identity.found_by(SYSTEM, study.project, patient_id="MRN-88213")) == []
    assert list(installed.store().names()) == []
    assert bytes(Identity.objects.get(study=study).body) == b""
    assert actions(study.project)[0] == "identity.erased"
    assert Study.objects.filter(pk=study.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_retention_erases_what_is_older_and_nothing_else(study: Study) -> None:
    identity.keep(study, ODETTE)
    assert erasing.erase_old(study.project, 30) == 0
    Study.objects.update(arrived_at=timezone.now() - timedelta(days=31))
    assert erasing.erase_old(study.project, 30) == 1
    assert erasing.erase_old(study.project, 30) == 0


def test_a_store_that_lost_its_key_makes_no_other_one(place: Path) -> None:
    installed.store().put(b"x")
    installed.key_file().unlink()
    installed.forget()
    with pytest.raises(KeyMissing, match="No new key is made"):
        installed.store()
    assert not installed.key_file().exists()


def test_hashes_and_pseudonyms_outlive_a_rotation(place: Path) -> None:
    before = installed.keyed_hash("patient", "1"), installed.pseudonyms().uid("1.2.3")
    kept = installed.store().put(b"x")
    keys.rotate_file(installed.key_file())
    installed.forget()
    assert (installed.keyed_hash("patient", "1"), installed.pseudonyms().uid("1.2.3")) == before
    with installed.store().open(kept.name) as stream:
        assert stream.read() == b"x"
    assert installed.keyed_hash("patient", "1") != installed.keyed_hash("accession", "1")


def test_the_check_names_an_altered_file(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    store = installed.store()
    for _ in range(2):
        kept = store.put(secrets.token_bytes(100))
        ClinicalObject.objects.create(
            project=study.project, study=study, sealed=kept.name, sha256=kept.sha256,
            bytes=kept.bytes, received_at=timezone.now(),
        )  # fmt: skip
    assert clinical.main(["check"]) == 0
    path = next(store.root.rglob(kept.name))
    blob = bytearray(path.read_bytes())
    blob[-1] ^= 1
    path.write_bytes(blob)
    assert clinical.main(["check"]) == 1
    said = capsys.readouterr().out
    assert kept.name in said
    assert "2 files, 1 missing or altered." in said


def test_there_is_no_migration_missing(db: None) -> None:
    call_command("makemigrations", "report_gen", "--check", "--dry-run", verbosity=0)
    assert "report_gen_identity" in connection.introspection.table_names()
