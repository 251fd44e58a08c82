"""Embeddings of entities: made anew by schedule for the models that read them, with their age.

A generation is made of the newest stored transactions by the encoder that came with the model, in a
child process, and lies beside the model's files; whoever scores looks it up there
(`apps.fraud.inference.embeddings`). From the first one on, operating points name the project.
"""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import numpy as np
from django.db import transaction
from django.utils import timezone

from apps.fraud.models import EmbeddingTable
from apps.fraud.scheme import Scheme
from apps.fraud.services.training_data import labels_of
from loupe.contract.runtime.errors import InputRefused, TemporarilyUnavailable
from loupe.host.blocks import newest_columns
from loupe.host.models import ModelVersion, artefact, visible_versions
from loupe.host.people import SYSTEM, Action, Actor, Project, record_audit, require

SLUG = "fraud"
MOST_ROWS = 300_000
"""The newest transactions that a generation is made of."""
MOST_MODELS = 2
"""Those in production first, then the newest candidates."""
KEPT = 10
"""Generations that are listed; as many files stay."""
LIMIT_S = 50.0
"""For each model; a task of a worker stays under two minutes."""
_ALWAYS = (
    "id", "event_time", "known_at", "label", "label_known_at", "refused", "repeated",
)  # fmt: skip


def refresh(project_id: str, options: dict[str, Any]) -> str:
    """The schedule ``embeddings``: make a new generation for each model that reads embeddings.

    Args:
        options: ``most_rows``, where another number of transactions is to be used.

    Raises:
        InputRefused: the option is no such number.
        TemporarilyUnavailable: it took too long, or failed; the generation before stays.
    """
    most = options.get("most_rows", MOST_ROWS)
    if isinstance(most, bool) or not isinstance(most, int) or not 0 < most <= MOST_ROWS:
        raise InputRefused(
            f"most_rows is {most!r}; give a whole number from 1 to {MOST_ROWS}.",
            code="schedule_option",
        )
    project = Project.objects.get(pk=UUID(project_id))
    versions = _reading(project)
    if not versions:
        return "no model here reads embeddings"
    told = [_refreshed(project, version, most) for version in versions]
    return "; ".join(told)


def newest(actor: Actor, project: Project, version: ModelVersion) -> EmbeddingTable | None:
    """The generation that a version looks up now; None: there is none yet.

    Raises:
        NotVisible, Denied: the actor may not look.
    """
    require(actor, Action.VIEW, project)
    rows = EmbeddingTable.objects.filter(project=project, model_version=version)
    return rows.order_by("-made_at").first()


def listing(actor: Actor, project: Project) -> list[EmbeddingTable]:
    """All generations that are kept, the newest first.

    Raises:
        NotVisible, Denied: the actor may not look.
    """
    require(actor, Action.VIEW, project)
    rows = EmbeddingTable.objects.filter(project=project).select_related("model_version__model")
    return list(rows.order_by("-made_at", "-pk"))


def reads(version: ModelVersion) -> bool:
    """Whether a version reads embeddings."""
    return bool(version.manifest.get("embeddings"))


def _reading(project: Project) -> list[ModelVersion]:
    rows = visible_versions(SYSTEM, project, SLUG).exclude(stage="retired")
    found = [one for one in rows.filter(manifest__embeddings__isnull=False) if reads(one)]
    found.sort(key=lambda one: one.stage != "production")
    return found[:MOST_MODELS]


def _refreshed(project: Project, version: ModelVersion, most: int) -> str:
    """Make a generation for one version, and say what came of it."""
    begun, now = time.monotonic(), timezone.now()
    scheme = Scheme.model_validate(version.manifest["scheme"])
    said: Sequence[str] = version.manifest["embeddings"]["said"]
    names = [*_ALWAYS, *(f"entities.{one.key}" for one in scheme.entities)]
    columns = newest_columns(SLUG, project.pk, [*names, *(f"features.{one}" for one in said)], most)
    if not len(columns.get("id", ())):
        return f"{version}: no transaction yet"
    events = {_named(name): column for name, column in columns.items()}
    told = _child(project, version, now, events)
    before = newest(SYSTEM, project, version)
    made = _kept(project, version, now, told, time.monotonic() - begun)
    count = sum(made.entities.values())
    line = f"{version}: {count} entities of {made.transactions} transactions"
    return f"{line}; those before were {_hours(now, before.made_at)} old" if before else line


def _named(name: str) -> str:
    for kept, prefix in (("entities.", "entity."), ("features.", "feature.")):
        if name.startswith(kept):
            return prefix + name.removeprefix(kept)
    return name


def _child(
    project: Project, version: ModelVersion, now: datetime, events: dict[str, np.ndarray]
) -> dict[str, Any]:
    """What the program said.

    Raises:
        TemporarilyUnavailable: it took too long, or died.
    """
    with TemporaryDirectory(prefix="loupe-embeddings-") as place:
        folder = Path(place)
        with (folder / "columns.npz").open("wb") as file:
            np.savez(file, allow_pickle=False, **events)
        (folder / "labels.jsonl").write_bytes(labels_of(project.pk)[0])
        command = [
            sys.executable, "-m", "apps.fraud.embedding", str(folder),
            "--artefact", str(artefact(version)), "--project", str(project.pk),
            "--moment", str(int(now.timestamp() * 1000)), "--keep", str(KEPT),
        ]  # fmt: skip
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S)
        except subprocess.TimeoutExpired as error:
            raise TemporarilyUnavailable(
                f"Making embeddings took more than {LIMIT_S:g} s; let the schedule use fewer "
                "transactions (option most_rows).",
                code="embeddings_slow",
            ) from error
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise TemporarilyUnavailable(
                f"Making embeddings ended with status {done.returncode}: {last}",
                code="embeddings_failed",
            )
        found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        return found


@transaction.atomic
def _kept(
    project: Project, version: ModelVersion, now: datetime, told: dict[str, Any], seconds: float
) -> EmbeddingTable:
    made = EmbeddingTable.objects.create(
        project=project, model_version=version, made_at=now, transactions=told["transactions"],
        entities=told["entities"], size=told["bytes"], seconds=round(seconds, 2),
    )  # fmt: skip
    rows = EmbeddingTable.objects.filter(project=project, model_version=version)
    old = list(rows.order_by("-made_at", "-pk").values_list("pk", flat=True)[KEPT:])
    EmbeddingTable.objects.filter(pk__in=old).delete()
    facts = {"version": str(version), **told}
    record_audit(SYSTEM, project, "embeddings.refreshed", f"version:{version.pk}", facts)
    return made


def _hours(now: datetime, then: datetime) -> str:
    return f"{(now - then).total_seconds() / 3600:.1f} h"
