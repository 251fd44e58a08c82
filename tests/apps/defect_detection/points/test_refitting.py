"""Points proposed after an evaluation of a candidate: fitted to what is promised, decided by
nobody but a person."""

import pytest

from apps.defect_detection.models import PointProposal, ProposalState
from apps.defect_detection.operating.limits import Limit, Promise
from apps.defect_detection.points import proposing, refitting
from loupe.accounts.errors import Denied
from loupe.accounts.policy import Actor
from loupe.audit.models import Event
from loupe.registry import services as registry
from loupe.registry.models import ModelVersion, OperatingPoint, Stage
from loupe.testing import factories
from loupe.training.models import Evaluation
from tests.apps.defect_detection.points.conftest import APP, Works, many

PROMISE = Promise(limits=(Limit(kind="escape", at_most=0.03),), confidence=0.9)


def promised(works: Works) -> OperatingPoint:
    """What production promises now, certified."""
    evaluation = works.evaluate(many())
    rules = proposing.rules_of(proposing.current(works.version, works.project, ""))
    found = proposing.fitted(evaluation, rules, PROMISE)
    actor = Actor(user=works.people["engineer"])
    return proposing.set_fitted(actor, works.project, works.version, found)


def candidate(works: Works, number: int = 2) -> ModelVersion:
    return factories.model_version(works.project, APP, "boards", number, Stage.CANDIDATE)


def measured(
    works: Works, version: ModelVersion, artefact: str = "onnx", serving: bool = True, seed: int = 1
) -> Evaluation:
    lines = many(seed=seed)
    made = factories.evaluation(version, works.project, lines, artefact, serving=serving)
    refitting.on_evaluated([made.pk])
    return made


def test_a_candidates_evaluation_is_fitted_to_the_promise_in_force_and_decides_nothing(
    works: Works,
) -> None:
    point = promised(works)
    version = candidate(works)
    before = registry.operating_point(version, works.project)
    evaluation = measured(works, version)
    proposal = PointProposal.objects.get()
    assert (proposal.evaluation, proposal.promised_by) == (evaluation, point)
    assert Promise.model_validate(proposal.promise) == PROMISE
    rules = proposing.rules_of(before)
    fitted = proposing.fitted(evaluation, rules, PROMISE)
    assert proposal.point == fitted.point.model_dump(mode="json")
    assert proposal.certificate is not None
    assert proposal.certificate["holds"] is True
    assert registry.operating_point(version, works.project) == before
    assert not OperatingPoint.objects.filter(model_version=version, project=works.project).exists()


def test_each_artefact_gets_a_proposal_from_its_own_scores(works: Works) -> None:
    promised(works)
    version = candidate(works)
    for seed, artefact in enumerate(("onnx", "torch", "int8")):
        measured(works, version, artefact, serving=artefact == "onnx", seed=seed + 1)
    rows = {row.evaluation.artefact: row for row in refitting.offered(works.project, version)}
    assert set(rows) == {"onnx", "torch", "int8"}
    for artefact, row in rows.items():
        assert row.certificate is not None
        assert row.certificate["source"]["artefact"] == artefact
    thresholds = {row.point["threshold"] for row in rows.values() if row.point is not None}
    assert len(thresholds) > 1
    assert next(iter(refitting.offered(works.project, version))).evaluation.serving


def test_production_and_what_left_no_scores_get_no_proposal(works: Works) -> None:
    promised(works)
    measured(works, works.version)
    version = candidate(works)
    bare = factories.evaluation(version, works.project, many())
    Evaluation.objects.filter(pk=bare.pk).update(predictions=None)
    refitting.on_evaluated([bare.pk])
    assert not PointProposal.objects.exists()


def test_before_anybody_promised_anything_the_promise_is_assumed_and_said_to_be(
    works: Works,
) -> None:
    version = candidate(works)
    measured(works, version)
    proposal = PointProposal.objects.get()
    assert proposal.promised_by is None
    assert Promise.model_validate(proposal.promise) == refitting.FIRST_PROMISE
    works.version = version
    page = works.client().get(works.page()).content.decode()
    assert "assumed: nobody has promised anything yet" in page


def test_a_point_set_by_hand_promises_nothing(works: Works) -> None:
    point = promised(works)
    actor = Actor(user=works.people["engineer"])
    registry.set_operating_point(actor, works.project, works.version, point.data, "by hand")
    measured(works, candidate(works))
    assert not PointProposal.objects.exists()


def test_accepting_sets_the_point_with_its_certificate_and_who_did_it(works: Works) -> None:
    promised(works)
    version = candidate(works)
    measured(works, version)
    works.version = version
    page = works.client().get(works.page()).content.decode()
    assert "Proposed for this version" in page
    proposal = PointProposal.objects.get()
    accept = works.page(f"proposals/{proposal.pk}/accept")
    assert works.client("reviewer").post(accept).status_code == 403
    assert works.client().get(accept).status_code == 405
    answer = works.client().post(accept, follow=True).content.decode()
    assert "decides from now on" in answer
    point = registry.operating_point(version, works.project)
    assert (point.data, point.certificate) == (proposal.point, proposal.certificate)
    assert point.created_by == works.people["engineer"]
    proposal.refresh_from_db()
    assert proposal.state == ProposalState.ACCEPTED
    again = works.client().post(accept, follow=True).content.decode()
    assert "proposal_over" in again
    assert OperatingPoint.objects.filter(model_version=version, project=works.project).count() == 1
    actions = Event.objects.filter(project_id=works.project.pk).values_list("action", flat=True)
    assert {"operating_point.proposed", "operating_point.set"} <= set(actions)


def test_a_dismissed_proposal_stays_dismissed_when_proposed_again(works: Works) -> None:
    promised(works)
    version = candidate(works)
    measured(works, version)
    works.version = version
    proposal = PointProposal.objects.get()
    works.client().post(works.page(f"proposals/{proposal.pk}/dismiss"))
    works.client().post(works.page("propose"))
    proposal.refresh_from_db()
    assert proposal.state == ProposalState.DISMISSED
    assert not refitting.offered(works.project, version).exists()
    assert Event.objects.filter(action="operating_point.dismissed").count() == 1


def test_rules_changed_since_make_a_proposal_stale_and_proposing_again_mends_it(
    works: Works,
) -> None:
    promised(works)
    version = candidate(works)
    measured(works, version)
    actor = Actor(user=works.people["engineer"])
    data = registry.operating_point(version, works.project).data
    changed = {**data, "classes": {"pit": {"severity": "minor"}}}
    registry.set_operating_point(actor, works.project, version, changed)
    with pytest.raises(refitting.ProposalOver, match="rules of this version have changed"):
        refitting.accept(actor, PointProposal.objects.get())
    works.version = version
    works.client().post(works.page("propose"))
    proposal = PointProposal.objects.get()
    assert proposal.state == ProposalState.OPEN
    assert proposal.point is not None
    assert proposal.point["classes"]["pit"]["severity"] == "minor"
    with pytest.raises(Denied):
        refitting.accept(Actor(user=works.people["viewer"]), proposal)


def test_other_thresholds_are_no_other_rules(works: Works) -> None:
    promised(works)
    version = candidate(works)
    measured(works, version, "onnx")
    measured(works, version, "int8", serving=False, seed=2)
    actor = Actor(user=works.people["engineer"])
    for proposal in list(refitting.offered(works.project, version)):
        refitting.accept(actor, proposal)
    points = OperatingPoint.objects.filter(model_version=version, project=works.project)
    assert points.count() == 2


def test_a_promise_about_a_class_that_is_gone_says_so_where_the_proposal_would_stand(
    works: Works,
) -> None:
    evaluation = works.evaluate(many())
    rules = proposing.rules_of(proposing.current(works.version, works.project, ""))
    about_pits = Promise(limits=(Limit(kind="escape", at_most=0.05, label="pit"),))
    found = proposing.fitted(evaluation, rules, about_pits)
    actor = Actor(user=works.people["engineer"])
    proposing.set_fitted(actor, works.project, works.version, found)
    version = factories.model_version(
        works.project, APP, "boards", 2, Stage.CANDIDATE, classes=("scratch", "stain")
    )
    lines = [one.replace('"pit"', '"stain"') for one in many(seed=1)]
    made = factories.evaluation(version, works.project, lines)
    refitting.on_evaluated([made.pk])
    proposal = PointProposal.objects.get()
    assert proposal.point is None
    assert proposal.error
    with pytest.raises(refitting.ProposalOver, match="Nothing could be fitted"):
        refitting.accept(actor, proposal)


def test_what_a_killed_trainer_did_not_propose_is_offered_on_the_page(works: Works) -> None:
    promised(works)
    version = candidate(works)
    factories.evaluation(version, works.project, many(seed=1))
    works.version = version
    page = works.client().get(works.page()).content.decode()
    assert "Propose points" in page
    works.client().post(works.page("propose"))
    assert PointProposal.objects.get().point is not None
