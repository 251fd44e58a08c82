"""A bank with people and a model, and blocks of scored transactions as the host stores them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from apps.fraud.app import App
from apps.fraud.models import Alert, Case
from apps.fraud.schema import OperatingPoint, ScoredTransaction
from apps.fraud.services import alerts as alerting
from apps.fraud.services import cases
from apps.fraud.services.following import on_blocks
from loupe.accounts import keys
from loupe.accounts.models import Project, Role
from loupe.accounts.policy import SYSTEM, Actor
from loupe.blobs import services as blobs
from loupe.contract.blocks import LIVE, StoredBlock
from loupe.contract.results import Provenance
from loupe.contract.runtime.columns import Columns, from_rows
from loupe.contract.runtime.payload import Payload
from loupe.host import live
from loupe.intake.models import Channel, Input, Submission
from loupe.jobs import parquet
from loupe.jobs.models import Item, ItemState, Job, JobState, ResultBlock
from loupe.jobs.provenance import shared
from loupe.testing import factories

AT = int(datetime(2026, 3, 3, 12, tzinfo=UTC).timestamp() * 1000)


def paid(number: int, customer: str = "C-1", **more: Any) -> ScoredTransaction:
    """A transaction that the default operating point holds back, unless `score` says otherwise."""
    entities = {
        "customer": customer,
        "terminal": more.pop("terminal", "M-1"),
        "device": more.pop("device", ""),
        "address": more.pop("address", ""),
    }
    said: dict[str, Any] = {
        "id": f"T-{number}",
        "sequence": number,
        "event_time": AT + number * 60_000,
        "known_at": AT + number * 60_000,
        "amount": 12_345,
        "amount_original": 12_345,
        "currency": "EUR",
        "late": False,
        "history": 3,
        "score": 0.95,
        "attributes": {"country": "DE"},
        "features": {"customer_count_1h": 4.0},
        **more,
    }
    return ScoredTransaction(
        entities={key: value for key, value in entities.items() if value}, **said
    )


@dataclass
class Bank:
    """One project with people of every role, and a second one."""

    project: Project
    other: Project
    people: dict[str, User]
    told: list[tuple[str, Payload]] = field(default_factory=list)
    point: OperatingPoint = field(default_factory=OperatingPoint)

    def store(self, *paid: ScoredTransaction, session: str = LIVE) -> StoredBlock:
        """Store a block as the host does, and tell the app of it."""
        block = self.block(*paid, session=session)
        on_blocks([block])
        return block

    def block(self, *paid: ScoredTransaction, session: str = LIVE) -> StoredBlock:
        """A stored block the app has not heard of."""
        return self.keep(from_rows(paid, ScoredTransaction), session)

    def keep(self, columns: Columns, session: str = LIVE) -> StoredBlock:
        """A stored block of columns as `apps.fraud.assembling` makes them."""
        decided = App.decide_columns(columns, self.point)
        encoded = parquet.encode(ScoredTransaction, columns, decided)
        now = timezone.now()
        submission = Submission.objects.create(
            project=self.project, app="fraud", channel=Channel.SYNC, name="rows"
        )
        provenance = shared("fraud", None, None)
        job = Job.objects.create(
            project=self.project,
            submission=submission,
            app="fraud",
            provenance=provenance,
            state=JobState.DONE,
            started_at=now,
            ended_at=now,
        )
        received = Input.objects.create(submission=submission, name="rows", kind="")
        item = Item.objects.create(job=job, input=received, position=0, state=ItemState.DONE)
        row = ResultBlock.objects.create(
            item=item,
            project=self.project,
            job=job,
            app="fraud",
            provenance=provenance,
            blob=blobs.store_bytes(encoded.data, "application/vnd.apache.parquet"),
            rows=encoded.rows,
            outcomes=encoded.outcomes,
            times_ms={},
            created_at=now,
        )
        return StoredBlock(
            block_id=row.pk,
            project_id=self.project.pk,
            submission_id=submission.pk,
            job_id=job.pk,
            session=session,
            position=0,
            input_name="rows",
            facts={},
            rows=encoded.rows,
            outcomes=encoded.outcomes,
            provenance=Provenance(
                model_name="", model_version=0, artefact_sha256="", operating_point_version=0
            ),
            model_version_id=None,
            operating_point_id=None,
            operating_point=self.point,
            created_at=now,
            read=lambda: (columns, decided),
        )

    def actor(self, role: str = "reviewer") -> Actor:
        """The person of that role."""
        return Actor(user=self.people[role])

    def alert(self, key: str = "C-1") -> Alert:
        """The alert on that entity that is not closed, else the newest."""
        rows = Alert.objects.filter(project=self.project, entity_key=key).order_by("-pk")
        return rows.exclude(state="closed").first() or rows.get()

    def case(self, *keys: str, role: str = "reviewer") -> Case:
        """A case about the alerts on these entities."""
        found = [self.alert(key) for key in keys or ("C-1",)]
        chosen = alerting.find_many(self.actor(role), self.project, [one.pk for one in found])
        return cases.open_case(self.actor(role), self.project, chosen)

    def client(self, role: str = "reviewer") -> Client:
        """Signed in as the person of that role."""
        client = Client()
        client.force_login(self.people[role])
        return client

    def key(self, *scopes: str) -> dict[str, Any]:
        """Headers of a new key."""
        secret = keys.create(SYSTEM, self.project, "test", scopes, "never")[1]
        return {"HTTP_AUTHORIZATION": f"Bearer {secret}"}

    def url(self, rest: str) -> str:
        """A page of the app in the project."""
        return f"/fraud/p/{self.project.slug}/{rest}"


@pytest.fixture
def bank(db: None, monkeypatch: pytest.MonkeyPatch) -> Bank:
    """The live service is not there: what it would be told is noted in `told` instead."""
    project = factories.project("bank", "Bank", "Europe/Berlin")
    other = factories.project("other", "Other")
    people = {role.value: factories.person(role.value, project, role) for role in Role}
    people["second"] = factories.person("second", project, Role.REVIEWER)
    people["stranger"] = factories.person("stranger", other)
    made = Bank(project=project, other=other, people=people)

    def apply(
        slug: str, project_id: Any, request_id: str, payload: Payload, **_more: Any
    ) -> Payload:
        made.told.append((request_id, payload))
        return Payload()

    monkeypatch.setattr(live, "apply", apply)
    return made


def columns_of(*rows: ScoredTransaction) -> dict[str, np.ndarray]:
    """As the host hands them on."""
    return from_rows(rows, ScoredTransaction)
