"""A random walk through everything that can happen to items, checked after each step.

Whatever the order of claims, results, losses, cancels, resumes and retries: an item has a result
exactly when it is done, never two, and once nothing is queued or leased the job has ended.
"""

import contextlib
import json
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction
from django.db.models import Count
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from loupe.accounts.models import Project
from loupe.accounts.policy import SYSTEM
from loupe.changes.models import Change
from loupe.contract.outcomes import DecisionDraft
from loupe.intake.models import Channel
from loupe.intake.sources import Source
from loupe.jobs import claims, ending, recovery, services
from loupe.jobs.claims import Claim
from loupe.jobs.errors import JobEnded, NothingToDo
from loupe.jobs.execution.outcomes import Failed, Finished, Outcome, Postponed, Row
from loupe.jobs.execution.store import store
from loupe.jobs.models import OPEN, UNENDED, Item, ItemState, Job, Result
from loupe.plugins import registry as apps
from loupe.registry import services as registry

APP = "dummy_app"
OUTCOMES: dict[str, Callable[[float], Outcome]] = {
    "row": lambda value: Row(
        result=apps.get(APP).result_schema(value=value, scaled=2 * value),
        settings=apps.get(APP).operating_point_schema(),
        decision=DecisionDraft(outcome="low", score=value),
    ),
    "failed": lambda _: Failed(code="refused", message="It cannot be used."),
    "postponed": lambda _: Postponed(code="engine_unavailable", message="No engine answers."),
}


class Walk(RuleBasedStateMachine):
    """One walk, in a transaction that is rolled back."""

    def __init__(self) -> None:
        super().__init__()
        self.around = transaction.atomic()
        self.around.__enter__()
        self.project = Project.objects.create(slug="walk", name="Walk")
        self.claimed: list[Claim] = []
        self.files = tempfile.TemporaryDirectory()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.around.__exit__(None, None, None)
        self.files.cleanup()

    @rule(count=st.integers(1, 5))
    def submit(self, count: int) -> None:
        sources = []
        for number in range(count):
            path = Path(self.files.name) / str(number)
            path.write_text(json.dumps({"value": number}))
            sources.append(Source(name=f"{number}.json", path=path))
        services.submit(SYSTEM, self.project, APP, Channel.REST, sources)

    @rule(limit=st.integers(1, 4), suspects=st.booleans())
    def claim(self, limit: int, suspects: bool) -> None:
        claim = claims.claim([APP], limit, suspects=suspects)
        if claim is not None:
            self.claimed.append(claim)

    @rule(data=st.data(), kind=st.sampled_from(sorted(OUTCOMES)), twice=st.booleans())
    def finish(self, data: st.DataObject, kind: str, twice: bool) -> None:
        """Store what a claim came to, perhaps late, perhaps twice."""
        if not self.claimed:
            return
        claim = data.draw(st.sampled_from(self.claimed))
        finished = [
            Finished(claim=claim, item=item, outcome=OUTCOMES[kind](float(item.position)))
            for item in claim.items
        ]
        for _ in range(1 + twice):
            store(finished)

    @rule(data=st.data())
    def hand_back(self, data: st.DataObject) -> None:
        if self.claimed:
            claim = data.draw(st.sampled_from(self.claimed))
            claims.hand_back(claim, [item.pk for item in claim.items])

    @rule()
    def die(self) -> None:
        """Every worker dies and its leases run out."""
        Item.objects.filter(state=ItemState.LEASED).update(
            lease_until=timezone.now() - timedelta(seconds=1)
        )

    @rule()
    def wait(self) -> None:
        Item.objects.update(not_before=None)

    @rule()
    def reap(self) -> None:
        recovery.take_back_expired()

    @rule(data=st.data(), verb=st.sampled_from(["cancel", "resume", "retry_failed"]))
    def ask(self, data: st.DataObject, verb: str) -> None:
        jobs = list(Job.objects.order_by("pk"))
        if not jobs:
            return
        with contextlib.suppress(JobEnded, NothingToDo):
            getattr(services, verb)(SYSTEM, data.draw(st.sampled_from(jobs)))

    @invariant()
    def done_means_one_result(self) -> None:
        done = set(Item.objects.filter(state=ItemState.DONE).values_list("pk", flat=True))
        assert set(Result.objects.values_list("item_id", flat=True)) == done
        assert Result.objects.count() == len(done)
        told = Change.objects.filter(kind="result.decided").values("subject")
        assert not told.annotate(times=Count("pk")).filter(times__gt=1).exists()

    @invariant()
    def only_leased_items_have_a_holder(self) -> None:
        assert not Item.objects.exclude(state=ItemState.LEASED).exclude(lease_token=None).exists()
        assert not Item.objects.filter(state=ItemState.LEASED, lease_token=None).exists()
        ended = Item.objects.exclude(state__in=UNENDED)
        assert not ended.filter(ended_at=None).exists()
        assert not Item.objects.filter(state__in=UNENDED).exclude(ended_at=None).exists()

    @invariant()
    def a_job_is_open_as_long_as_an_item_is(self) -> None:
        waiting = set(Item.objects.filter(state__in=UNENDED).values_list("job_id", flat=True))
        still_open = set(Job.objects.filter(state__in=OPEN).values_list("pk", flat=True))
        assert waiting <= still_open
        # What is left open is ended by the next run of the reaper.
        ending.end_if_finished(still_open - waiting)
        assert set(Job.objects.filter(state__in=OPEN).values_list("pk", flat=True)) == waiting


@pytest.mark.slow
@pytest.mark.django_db
def test_no_order_of_events_loses_or_doubles_an_item(place: Path) -> None:
    registry.register_shipped(APP)
    run_state_machine_as_test(Walk, settings=WALKS)


WALKS = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
