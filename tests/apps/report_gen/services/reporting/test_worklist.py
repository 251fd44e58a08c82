"""The worklist's order and filters, claims that end, critical findings, clocks and consent."""

import io
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from apps.report_gen.models import Clock, Report, Study, StudyState
from apps.report_gen.reporting.labels import write
from apps.report_gen.services.reporting import claims, clocks, consent, priors, reports, worklist
from apps.report_gen.services.reporting.errors import Claimed, Closed, Unusable
from apps.report_gen.services.reporting.worklist import Filters
from loupe.audit.models import Event
from loupe.host.people import Denied, NotVisible
from tests.apps.report_gen.desk import Desk, fresh
from tests.apps.report_gen.reporting.made import EFFUSION, NODULE, nodule

MASS = nodule(id="mass.1", kind="mass", size_mm=44.0)


def listed(desk: Desk, **asked: str) -> list[str]:
    rows = worklist.matching(desk.actor(), desk.project, Filters.read(asked))
    return [row.uid for row in worklist.page(rows).rows]


def test_the_most_urgent_comes_first_then_who_has_waited_longest(desk: Desk) -> None:
    now = timezone.now()
    desk.study(uid="2.25.1", at=now - timedelta(minutes=9))
    desk.study(uid="2.25.2", at=now - timedelta(minutes=3))
    desk.study(MASS, uid="2.25.3", at=now)
    assert listed(desk) == ["2.25.3", "2.25.1", "2.25.2"]


def test_pages_follow_one_another_without_gap_or_double(desk: Desk) -> None:
    same = timezone.now()
    for number in range(7):
        desk.study(uid=f"2.25.{number}", at=same, priority=float(number % 2))
    rows = worklist.matching(desk.actor(), desk.project, Filters())
    after, seen = "", []
    while True:
        page = worklist.page(rows, after, limit=3)
        seen += [row.uid for row in page.rows]
        after = page.after
        if not after:
            break
    assert len(seen) == len(set(seen)) == 7


def test_filters_by_state_finding_claim_age_and_pseudonym(desk: Desk) -> None:
    one = desk.study(NODULE, uid="2.25.1", patient="PAT-A")
    desk.study(EFFUSION, uid="2.25.2", patient="PAT-B")
    desk.study(MASS, uid="2.25.3", at=timezone.now() - timedelta(days=3))
    Study.objects.create(
        project=desk.project, uid="2.25.4", channel="dicom", arrived_at=timezone.now(),
        last_image_at=timezone.now(), state=StudyState.WAITING,
    )  # fmt: skip
    claims.claim(desk.actor(), one)
    assert listed(desk, finding="lung_nodule") == ["2.25.1"]
    assert listed(desk, mine="yes") == ["2.25.1"]
    assert set(listed(desk, mine="nobody")) == {"2.25.2", "2.25.3"}
    assert listed(desk, critical="yes") == ["2.25.3"]
    assert set(listed(desk, age="day")) == {"2.25.1", "2.25.2"}
    assert listed(desk, q="pat-b") == ["2.25.2"]
    assert listed(desk, state="coming") == ["2.25.4"]
    assert listed(desk, report="reviewed") == []
    with pytest.raises(Unusable):
        Filters.read({"state": "eaten"})


def test_other_projects_are_not_seen(desk: Desk) -> None:
    other = Desk("elsewhere")
    study = other.study()
    assert listed(desk) == []
    with pytest.raises(NotVisible):
        reports.find(desk.actor(), desk.project, study.pk)


def test_a_claim_keeps_others_out_until_it_ends_or_is_taken_over(desk: Desk) -> None:
    study = desk.study()
    claims.claim(desk.actor(), study)
    with pytest.raises(Claimed):
        claims.claim(desk.actor("other"), study)
    with time_machine.travel(timezone.now() + claims.CLAIM + timedelta(seconds=1)):
        assert claims.holder(fresh(study)) is None
        claims.claim(desk.actor("other"), study)
    claims.claim(desk.actor(), study, take_over=True)
    assert Event.objects.filter(action="study.taken_over").count() == 1
    claims.release(desk.actor("other"), study)
    assert fresh(study).claimed_by == desk.people["reviewer"]
    claims.release(desk.actor(), study)
    assert fresh(study).claimed_by is None


def test_what_has_no_draft_cannot_be_claimed(desk: Desk) -> None:
    study = desk.study(state=StudyState.REFUSED)
    with pytest.raises(Closed):
        claims.claim(desk.actor(), study)


def test_who_acknowledged_a_critical_finding_and_when_is_kept_once(desk: Desk) -> None:
    study = desk.study(MASS)
    assert worklist.counts(desk.project, desk.people["reviewer"])["critical"] == 1
    first = claims.acknowledge(desk.actor(), study)
    again = claims.acknowledge(desk.actor("other"), study)
    assert again.acknowledged_by == first.acknowledged_by == desk.people["reviewer"]
    assert again.acknowledged_at == first.acknowledged_at
    assert Event.objects.filter(action="study.acknowledged").count() == 1
    assert worklist.counts(desk.project, desk.people["reviewer"])["critical"] == 0
    with pytest.raises(Unusable):
        claims.acknowledge(desk.actor(), desk.study(uid="2.25.8"))
    with pytest.raises(Denied):
        claims.acknowledge(desk.actor("viewer"), study)


def test_unread_is_what_this_person_has_not_opened(desk: Desk) -> None:
    study = desk.study()
    user, other = desk.people["reviewer"], desk.people["other"]
    assert worklist.unread(user, [study]) == {study.pk}
    clocks.note(reports.opened(study).report, Clock.OPENED, user)
    assert worklist.unread(user, [study]) == set()
    assert worklist.counts(desk.project, other)["unread"] == 1


def test_the_readers_clock_runs_from_opening_to_edit_and_signature(desk: Desk) -> None:
    study = desk.study()
    start = timezone.now().replace(microsecond=0)
    with time_machine.travel(start, tick=False) as clock:
        report = reports.opened(study).report
        clocks.note(report, Clock.OPENED, desk.people["reviewer"])
        clock.shift(20)
        desk.do(study, verb="confirm", finding="lung_nodule.1")
        clock.shift(40)
        desk.sign(study)
        figures = {one.name: one for one in clocks.readers(desk.project, 7)}
    assert (figures["opened_to_first_edit"].count, figures["opened_to_first_edit"].p50) == (1, 20)
    assert (figures["opened_to_signed"].count, figures["opened_to_signed"].p95) == (1, 60)


def test_percentiles_are_nearest_rank() -> None:
    found = clocks.figure("x", [float(number) for number in range(1, 101)])
    assert (found.count, found.p50, found.p95) == (100, 50.0, 95.0)
    assert clocks.figure("x", [3.0]).p95 == 3.0
    assert clocks.figure("x", []).count == 0


def test_the_machines_clock_sums_stages(desk: Desk) -> None:
    desk.study()
    figures = {one.name: one for one in clocks.machine(desk.project, 7)}
    assert figures["total"].p50 == pytest.approx(
        sum(one.p50 for name, one in figures.items() if name != "total")
    )


def test_corrections_of_signed_reports_are_summed(desk: Desk) -> None:
    study = desk.study()
    desk.do(study, verb="change_finding", finding="lung_nodule.1", comment="Seen before")
    desk.sign(study)
    sums = clocks.corrections(desk.project, 7)
    assert (sums["reports"], sums["untouched"]) == (1, 1)
    second = desk.study(uid="2.25.9")
    desk.do(second, verb="say", sentence=1, text="There is a nodule in the right upper lobe.")
    desk.sign(second)
    assert clocks.corrections(desk.project, 7)["sentences_changed"] == 1
    assert Report.objects.get(study=second).corrections["findings_kept"] == 13


def test_labels_leave_only_with_consent_and_hold_signed_studies_alone(desk: Desk) -> None:
    signed = desk.study(uid="2.25.1")
    desk.sign(signed)
    desk.study(uid="2.25.2")
    with pytest.raises(Denied):
        consent.labels(desk.actor(), desk.project)
    with pytest.raises(Denied):
        consent.say(desk.actor(), desk.project, given=True)
    consent.say(desk.actor("admin"), desk.project, given=True)
    out = io.StringIO()
    assert write(consent.labels(desk.actor(), desk.project), out) == 1
    assert out.getvalue().splitlines()[1].startswith("2.25.1,1,")
    consent.say(desk.actor("admin"), desk.project, given=False)
    assert not consent.is_given(desk.project)
    assert Event.objects.filter(action__startswith="label_consent.").count() == 2


def test_priors_are_earlier_studies_of_the_patient_with_what_was_signed(desk: Desk) -> None:
    old = desk.study(uid="2.25.1", at=timezone.now() - timedelta(days=90))
    desk.sign(old)
    desk.study(uid="2.25.2", patient="PAT-2", at=timezone.now() - timedelta(days=80))
    now = desk.study(uid="2.25.3")
    (prior,) = priors.priors(desk.actor(), fresh(now))
    assert prior.study.pk == old.pk
    assert prior.signed_by == "ward-reviewer"
    assert prior.document is not None
    assert priors.priors(desk.actor(), fresh(old)) == []
