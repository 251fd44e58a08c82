"""One question: what looks like this place of this result?"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from apps.defect_detection.models import Case
from apps.defect_detection.schema import DetectionResult, ImageFacts
from apps.defect_detection.similar import keeping, places, searching
from apps.defect_detection.similar.places import Place
from loupe.host.people import Action, Actor, NotVisible, Project, require, visible
from loupe.host.results import Result
from loupe.host.reviews import Review

SPENT_S = 0.8
"""How long a page may take to keep confirmed cases that nobody has kept yet."""
LEAST = 0.1
"""Likeness below which a case is no help to anybody."""
AROUND = 2.2
"""How much of a case's surroundings its picture shows: times the longer side."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """One confirmed case.

    Attributes:
        likeness: 0 to 100.
        verb: what a person said of it last.
        window: x, y, width and height of the picture's part to show, pixels.
    """

    result: Result
    case: Case
    likeness: int
    verb: str
    said_by: str
    width: int
    height: int
    window: tuple[float, float, float, float]

    @property
    def box_width(self) -> float:
        """Pixels."""
        return self.case.x2 - self.case.x1

    @property
    def box_height(self) -> float:
        """Pixels."""
        return self.case.y2 - self.case.y1

    @property
    def view_box(self) -> str:
        """`window` for SVG."""
        return " ".join(f"{value:.1f}" for value in self.window)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What was asked, and what was found.

    Attributes:
        places: every place of the result that can be asked about.
        searched: places of confirmed cases that were compared.
        waiting: confirmed results that are not in the search yet.
    """

    result: Result
    picture: ImageFacts
    place: Place
    places: Sequence[Place]
    cases: Sequence[Found]
    searched: int
    waiting: int


def find(actor: Actor, project: Project, result_id: int) -> Result:
    """A result of this app that the actor may see.

    Raises:
        NotVisible, Denied: there is none.
    """
    require(actor, Action.VIEW, project)
    rows = visible(Result.objects.filter(project=project, app=keeping.APP, pk=result_id), actor)
    found = rows.select_related("item__input__blob").first()
    if found is None:
        raise NotVisible(_("There is no result %(id)s that you can see.") % {"id": result_id})
    return found


def ask(result: Result, number: int | None, limit: int) -> Answer:
    """The confirmed cases most like place `number` of a result; None is its strongest.

    Raises:
        NotVisible: the result has no such place.
        NoModel: no model is in production.
        InputRefused, ModelRefused, TemporarilyUnavailable: as the engine says.
    """
    data = DetectionResult.model_validate(result.data)
    choice = [*places.found(data)]
    if choice[0].number != places.WHOLE:
        choice.append(places.whole(data))
    place = choice[0] if number is None else next((p for p in choice if p.number == number), None)
    if place is None:
        raise NotVisible(_("Result %(id)s has no place %(n)s.") % {"id": result.pk, "n": number})
    embedder = keeping.embedder_of(result.project)
    keeping.catch_up(embedder, SPENT_S)
    (vector,) = keeping.vectors(embedder, result, [place])
    near, searched = searching.nearest(embedder, vector, limit, without=result.pk)
    return Answer(
        result=result,
        picture=data.image,
        place=place,
        places=choice,
        cases=_shown(near),
        searched=searched,
        waiting=keeping.unkept(embedder).count(),
    )


def _shown(near: Sequence[searching.Near]) -> list[Found]:
    """Those that are still there and still confirmed, the most alike first."""
    rows = Result.objects.select_related("item__input").in_bulk([one.result_id for one in near])
    cases = Case.objects.in_bulk([one.case_id for one in near])
    said: dict[int, Review] = {}
    for review in Review.objects.filter(result__in=rows).select_related("user").order_by("pk"):
        said[review.result_id] = review
    return [
        _found(rows[one.result_id], cases[one.case_id], one.likeness, said.get(one.result_id))
        for one in near
        if one.likeness >= LEAST
        and one.result_id in rows
        and one.case_id in cases
        and rows[one.result_id].reviewed
    ]


def _found(result: Result, case: Case, likeness: float, said: Review | None) -> Found:
    image = DetectionResult.model_validate(result.data).image
    return Found(
        result=result,
        case=case,
        likeness=round(100 * min(max(likeness, 0.0), 1.0)),
        verb=said.verb if said else "",
        said_by=said.user.get_username() if said else "",
        width=image.width,
        height=image.height,
        window=_window(case, image.width, image.height),
    )


def _window(case: Case, width: int, height: int) -> tuple[float, float, float, float]:
    """A square around the place, within the picture where that is large enough."""
    longest = max(case.x2 - case.x1, case.y2 - case.y1)
    side = min(max(longest * AROUND, 96.0), float(max(width, height)))
    left = (case.x1 + case.x2 - side) / 2
    top = (case.y1 + case.y2 - side) / 2
    if side <= width:
        left = min(max(left, 0.0), width - side)
    if side <= height:
        top = min(max(top, 0.0), height - side)
    return left, top, side, side
