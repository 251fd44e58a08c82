"""Shadow runs: begun, looked at, ended. The work itself is in `shadow_work`."""

from dataclasses import dataclass

from django.db import IntegrityError, models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.fraud.models import Shadow, ShadowDifference, TransactionLabel
from apps.fraud.operating.prices import Prices
from apps.fraud.schema import OUTCOMES
from apps.fraud.services import candidates, prices
from apps.fraud.services.errors import Taken, Unusable
from apps.fraud.services.wakeups import wake_shadow
from loupe.host import blocks
from loupe.host.people import Action, Actor, NotVisible, Project, record_audit, require, visible

MOST_WEIGHED = 200_000
"""Differences whose labels are looked up for the money."""
_STOPPED = OUTCOMES.index("block")


@dataclass(frozen=True, kw_only=True)
class Moved:
    """Transactions that the challenger would have treated otherwise, one way."""

    champion: str
    challenger: str
    rows: int
    amount: int

    @property
    def stricter(self) -> bool:
        """Whether the challenger asks for more."""
        return OUTCOMES.index(self.challenger) > OUTCOMES.index(self.champion)


@dataclass(frozen=True, kw_only=True)
class Money:
    """What the differences would mean, of those whose label is known; minor units.

    Attributes:
        labelled: differences with a label; of `differences` that were looked at.
        stopped: fraud that the challenger would stop more (or less, below 0) than production did.
        honest: honest payments that it would block more (or fewer).
    """

    differences: int
    labelled: int
    stopped: int
    honest: int


def begin(
    actor: Actor, project: Project, *, version: int | None = None, draft: int | None = None
) -> Shadow:
    """Have a challenger decide, unseen, everything that is decided from now on.

    Raises:
        NotVisible, Denied: the actor may not manage models, or something named is not there.
        Unusable: it is what decides anyway.
        Taken: another challenger is at it.
    """
    require(actor, Action.MANAGE_MODELS, project)
    tried = candidates.candidate(actor, project, version, draft)
    now = candidates.champion(actor, project)
    if tried.version.pk == now.version.pk and tried.point == now.point:
        raise Unusable(
            _("This version with this operating point decides already: choose another."),
            field="version",
        )
    newest = blocks.newest_id("fraud", project.pk)
    try:
        with transaction.atomic():
            made = Shadow.objects.create(
                project=project,
                version=tried.version,
                draft=tried.draft,
                point=tried.point.model_dump(mode="json"),
                who=actor.label,
                created_by=actor.user,
                first_block=newest,
                cursor=newest,
            )
            told = {
                "version": str(tried.version),
                "draft": tried.draft.number if tried.draft else None,
            }
            record_audit(actor, project, "shadow.begun", f"shadow:{made.pk}", told)
            wake_shadow(project.pk)
    except IntegrityError as error:
        raise Taken(_("Another challenger is in the shadow: end it first.")) from error
    return made


def end(actor: Actor, shadow: Shadow) -> Shadow:
    """End a run; what it found stays.

    Raises:
        NotVisible, Denied: the actor may not.
        Taken: it has ended.
    """
    require(actor, Action.MANAGE_MODELS, shadow.project)
    with transaction.atomic():
        rows = Shadow.objects.filter(pk=shadow.pk, ended_at=None)
        if not rows.update(ended_at=timezone.now(), lease_token=None):
            raise Taken(_("The shadow run has ended already."))
        told = {"version": str(shadow.version), "rows": shadow.rows}
        record_audit(actor, shadow.project, "shadow.ended", f"shadow:{shadow.pk}", told)
    shadow.refresh_from_db()
    return shadow


def listing(actor: Actor, project: Project) -> "models.QuerySet[Shadow]":
    """Every run, newest first.

    Raises:
        NotVisible, Denied: the actor may not look.
    """
    require(actor, Action.VIEW, project)
    return _of(project)


def _of(project: Project) -> "models.QuerySet[Shadow]":
    rows = Shadow.objects.filter(project=project)
    return rows.select_related("project", "version__model", "draft").order_by("-pk")


def find(actor: Actor, project: Project, shadow_id: int) -> Shadow:
    """One run.

    Raises:
        NotVisible: there is none that the actor can see.
    """
    found = visible(_of(project), actor).filter(pk=shadow_id).first()
    if found is None:
        raise NotVisible(_("There is no such shadow run that you can see."))
    return found


def moved(shadow: Shadow) -> list[Moved]:
    """What would be different, the most frequent first."""
    found = []
    for key, (rows, amount) in shadow.matrix.items():
        one, _arrow, two = key.partition(">")
        if one != two:
            found.append(Moved(champion=one, challenger=two, rows=rows, amount=amount))
    return sorted(found, key=lambda one: -one.rows)


def waiting(shadow: Shadow) -> int:
    """Transactions that are decided and not shadowed yet."""
    found = blocks.blocks_of("fraud", shadow.project_id, after=shadow.cursor, most=10_000)
    return sum(block.rows for block in found) if shadow.ended_at is None else 0


def money(shadow: Shadow) -> Money:
    """What the newest differences would mean in money, by the project's prices and labels."""
    costs, _said = prices.of(shadow.project_id)
    rows = ShadowDifference.objects.filter(shadow=shadow).order_by("-pk")
    total = labelled = honest = 0
    stopped = 0.0
    chosen = rows[:MOST_WEIGHED].values_list("transaction", "amount", "champion", "challenger")
    batch: list[tuple[str, int, str, str]] = []
    for row in chosen.iterator(chunk_size=5_000):
        batch.append(row)
        if len(batch) == 5_000:
            total, labelled, stopped, honest = _weighed(
                shadow, batch, costs, (total, labelled, stopped, honest)
            )
            batch = []
    total, labelled, stopped, honest = _weighed(
        shadow, batch, costs, (total, labelled, stopped, honest)
    )
    return Money(differences=total, labelled=labelled, stopped=round(stopped), honest=honest)


def _weighed(
    shadow: Shadow,
    batch: list[tuple[str, int, str, str]],
    costs: Prices,
    so_far: tuple[int, int, float, int],
) -> tuple[int, int, float, int]:
    total, labelled, stopped, honest = so_far
    names = [row[0] for row in batch]
    said = TransactionLabel.objects.filter(
        project=shadow.project_id, standing=True, transaction__in=names
    )
    known = dict(said.values_list("transaction", "label"))
    stops = (0.0, costs.step_up_stops, costs.review_stops, 1.0)
    for name, amount, champion, challenger in batch:
        total += 1
        before, after = OUTCOMES.index(champion), OUTCOMES.index(challenger)
        word = known.get(name)
        labelled += word in ("fraud", "honest")
        if word == "fraud":
            stopped += amount * (stops[after] - stops[before])
        elif word == "honest":
            honest += (after == _STOPPED) - (before == _STOPPED)
    return total, labelled, stopped, honest
