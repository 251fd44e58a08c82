"""What a person says about a whole part: reviews of the results that decide it."""

from django.db import transaction
from django.utils.translation import gettext as _

from apps.defect_detection.models import Part, View
from apps.defect_detection.services.errors import Unusable
from loupe.host.people import Action, Actor, require
from loupe.host.results import Result
from loupe.host.reviews import give_many

VERBS = ("good", "bad")


@transaction.atomic
def judge(actor: Actor, part: Part, verb: str, note: str = "") -> Part:
    """Call a part good or bad: as a review of every view that the machine did not pass, or of its
    worst view where it passed all.

    Args:
        verb: ``good`` or ``bad``.

    Raises:
        NotVisible, Denied, NotAPerson: the actor may not review here.
        Unusable: there is no such verb, or the part has no picture.
    """
    require(actor, Action.REVIEW, part.project)
    if verb not in VERBS:
        raise Unusable(
            _("%(verb)r cannot be said about a part: say good or bad.") % {"verb": verb[:40]},
            field="verb",
        )
    views = list(View.objects.filter(part=part, replaced=False).order_by("-score", "pk"))
    doubtful = [view for view in views if view.machine_outcome != "pass"]
    chosen = doubtful or (views if verb == "good" else views[:1])
    if not chosen:
        raise Unusable(_("This part has no picture: there is nothing to judge."))
    rows = Result.objects.filter(pk__in=[view.result_id for view in chosen])
    _given, refused = give_many(actor, list(rows.select_related("project")), verb, note=note)
    if refused:
        raise Unusable(refused[0].message, code=refused[0].code)
    part.refresh_from_db()
    return part
