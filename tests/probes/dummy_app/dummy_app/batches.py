"""What senders may say of readings: a batch, and the tray it came on."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from loupe.contract.extras import Found
from loupe.contract.facts import FactRefused, StoredResult
from loupe.host.people import Actor, Project

HEARD: list[StoredResult] = []
"""Every result that this process followed, oldest first."""


def choices(project_id: UUID) -> Sequence[tuple[str, str]]:
    return [("b1", "Batch 1"), ("b2", "Batch 2")]


def check(project_id: UUID, facts: Mapping[str, str]) -> Mapping[str, str]:
    """A tray called after its batch says which batch it is."""
    said = dict(facts)
    tray = said.get("tray", "")
    if "batch" not in said and "-" in tray:
        said["batch"] = tray.partition("-")[0]
    if said.get("batch", "b1") not in {"b1", "b2"}:
        raise FactRefused(f"There is no batch {said['batch']!r}; there are: b1, b2.", field="batch")
    return said


def on_results(results: Sequence[StoredResult]) -> None:
    HEARD.extend(results)


def search(actor: Actor, project: Project, text: str) -> Sequence[Found]:
    """Batches whose key begins so."""
    return [
        Found(kind="Batch", name=name, url=f"/dummy_app/about/?batch={key}", exact=key == text)
        for key, name in choices(project.pk)
        if key.startswith(text)
    ]
