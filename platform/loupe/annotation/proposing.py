"""Asks a model what it would label, for a person to accept. Nothing is stored here."""

from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from loupe.accounts.policy import Action, Actor, require
from loupe.blobs import services as blobs
from loupe.contract.app import DomainApp
from loupe.contract.labelling import Labelling, Proposal, Propose
from loupe.contract.runtime.errors import LoupeError
from loupe.contract.runtime.payload import JsonValue
from loupe.contract.runtime.steps import load
from loupe.datasets.models import Record
from loupe.engine.client import EngineClient
from loupe.plugins import registry as apps
from loupe.registry import services as registry
from loupe.registry.models import ModelVersion

DEADLINE_MS = 20_000


class NoProposals(LoupeError):
    """Models of this app propose no labels."""

    code = "no_proposals"


@dataclass(frozen=True, kw_only=True)
class Proposed:
    """What `version` suggests."""

    proposal: Proposal
    version: ModelVersion


def models(actor: Actor, record: Record) -> list[ModelVersion]:
    """The versions that can be asked about a record, the default first.

    Raises:
        NotVisible: the project does not exist for the actor.
    """
    dataset = record.dataset
    domain = apps.get(dataset.app)
    if not domain.needs_model:
        return []
    return registry.usable(actor, dataset.project, dataset.app)


def propose(actor: Actor, record: Record, model: str | None = None) -> Proposed:
    """Have the engine look at the record's bytes; the answer becomes labels.

    Args:
        model: a registered model; None means the project's default.

    Raises:
        NotVisible, Denied: the actor may not label here.
        NoProposals: the app's models propose nothing.
        UnknownModel, NoModel: no such model is in production.
        InputRefused: the record's bytes cannot be read.
        TemporarilyUnavailable: the engine is away or too busy.
    """
    dataset = record.dataset
    require(actor, Action.LABEL, dataset.project)
    domain = apps.get(dataset.app)
    labelling = domain.labelling
    if labelling is None or not domain.needs_model or len(domain.steps) != 2:
        raise NoProposals(
            _("Models of %(app)s propose no labels: draw them.") % {"app": domain.name.en}
        )
    version = registry.resolve(actor, dataset.project, dataset.app, model or None)
    stored = registry.operating_point(version, dataset.project)
    point = domain.operating_point_schema.model_validate(stored.data)
    with blobs.open_local(record.blob) as path:
        inferred = EngineClient(settings.ENGINE_SOCKET).run(
            domain.slug,
            version.model.wire_name,
            version.number,
            path,
            options_of(domain, record.blob.media_type),
            domain.request(point),
            DEADLINE_MS,
            name=record.name,
        )
    with inferred:
        result = domain.assemble(inferred.payload)
    if not isinstance(result, domain.result_schema):
        raise TypeError(f"{domain.__name__}.assemble gave no {domain.result_schema.__name__}.")
    about = labelling.about_schema.model_validate(dataset.about)
    return Proposed(proposal=_suggested(labelling, result, about, point), version=version)


def _suggested(labelling: Labelling, result: object, about: object, point: object) -> Proposal:
    function: Propose = load(labelling.propose)
    proposal = function(result, about, point)  # type: ignore[arg-type]
    if not isinstance(proposal.labels, labelling.schema):
        raise TypeError(f"{labelling.propose} gave no {labelling.schema.__name__}.")
    return proposal


def options_of(domain: type[DomainApp], media_type: str) -> dict[str, JsonValue]:
    """What the sandbox is told about a file of that type."""
    options: dict[str, JsonValue] = {}
    for kind in domain.inputs:
        if media_type in kind.media_types:
            options.update(kind.options)
    return options
