"""The way into production: the app's gate first, then a reason, then a second person if need be."""

from dataclasses import dataclass

from loupe.accounts.policy import Actor
from loupe.contract.runtime.panel import GateRow, Panel
from loupe.contract.runtime.steps import load
from loupe.plugins import registry as apps
from loupe.registry.models import ModelVersion, PromotionRequest
from loupe.registry.services import consent
from loupe.registry.services import promotion as registry
from loupe.registry.services.promotion import UNSEEN
from loupe.training.models import Evaluation


@dataclass(frozen=True, kw_only=True)
class Gate:
    """The conditions of a version's promotion as they are now.

    Attributes:
        rows: each condition and whether it holds; none where nothing was measured.
        candidate: the evaluation they rest on.
        production: what the version in production scored on the same data, where it was measured.
    """

    rows: tuple[GateRow, ...]
    candidate: Evaluation | None = None
    production: Evaluation | None = None

    @property
    def open(self) -> bool:
        """Whether every condition holds."""
        return all(row.holds for row in self.rows)


@dataclass(frozen=True, kw_only=True)
class Promoted:
    """What became of a wish: `version` is in production, or `waiting` for a second person."""

    version: ModelVersion
    waiting: PromotionRequest | None = None


def gate(version: ModelVersion) -> Gate:
    """What has to hold before `version` goes into production, and whether it does.

    A version that was trained here has to be measured. One that came from elsewhere and was never
    measured has no conditions: nothing is known of it, and the page says so.
    """
    training = apps.get(version.model.app).training
    if training is None:
        return Gate(rows=())
    latest = _latest(version)
    if latest is None:
        trained = "origin" in version.manifest
        return Gate(rows=(_MEASURED.model_copy(update={"holds": False}),) if trained else ())
    live = registry.in_production(version.model)
    compared = None
    if live is not None and live.pk != version.pk:
        compared = (
            Evaluation.objects.filter(
                model_version=live, dataset_version=latest.dataset_version, serving=True
            )
            .order_by("-pk")
            .first()
        )
    panel = Panel.model_validate(latest.panel)
    rows = (
        _MEASURED.model_copy(update={"holds": panel.artefact_sha256 == version.artefact_sha256}),
        *load(training.gate)(panel, Panel.model_validate(compared.panel) if compared else None),
    )
    return Gate(rows=rows, candidate=latest, production=compared)


_MEASURED = GateRow(
    key="measured",
    en="The artefact that will serve was measured",
    zh="将要使用的模型文件已经过评估",
    holds=True,
)


def _latest(version: ModelVersion) -> Evaluation | None:
    rows = Evaluation.objects.filter(model_version=version, serving=True)
    return rows.select_related("dataset_version__dataset").order_by("-pk").first()


def promote(
    actor: Actor, version: ModelVersion, reason: str, replacing: object = UNSEEN
) -> Promoted:
    """Put a candidate into production, or ask for it where the project demands a second person.

    Args:
        replacing: the number of the version in production that the person saw, None for none.

    Raises:
        NotVisible, Denied: the actor may not manage the project's models.
        StageRefused: the version is no candidate, or the reason is missing.
        GateClosed: a condition does not hold; the message names it.
        ModelConflict: another promotion, or another wish for this one, came first.
    """
    project = registry.managed(actor, version.model)
    rows = gate(version).rows
    if project.second_person:
        asked = consent.ask(actor, version, reason, rows)
        return Promoted(version=asked.version, waiting=asked)
    return Promoted(version=registry.promote(actor, version, reason, replacing, gate=rows))


def approve(actor: Actor, asked: PromotionRequest, comment: str = "") -> ModelVersion:
    """Agree to somebody else's wish; the version goes into production at once.

    Raises:
        NotVisible, Denied: the actor may not manage the project's models, or is a key.
        ConsentRefused: the actor asked for it.
        GateClosed: a condition that held then does not hold now.
        StageRefused, ModelConflict: the version or the request changed meanwhile.
    """
    registry.managed(actor, asked.version.model)
    consent.require_other_person(actor, asked)
    rows = gate(asked.version).rows
    return registry.promote(
        actor, asked.version, asked.reason, gate=rows, asked=asked, comment=comment
    )
