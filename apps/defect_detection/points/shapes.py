"""What REST takes and answers about operating points."""

from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, Field, JsonValue

from apps.defect_detection.operating.certificate import Certificate
from apps.defect_detection.operating.limits import Promise
from apps.defect_detection.points.proposing import Proposal
from apps.defect_detection.points.rehearsing import Rehearsal
from apps.defect_detection.schema import OperatingPoint
from loupe.host.rest import Order, Shape

if TYPE_CHECKING:
    from apps.defect_detection.operating.at_point import Rates
    from apps.defect_detection.operating.curves import Curve, Curves, Pair


_PROMISE: dict[str, JsonValue] = {
    "limits": [{"kind": "escape", "at_most": 0.02}, {"kind": "overkill", "at_most": 0.05}],
    "confidence": 0.95,
    "by_class": True,
}


class FitOrder(Order):
    """A promise, and what to fit it from."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"promise": _PROMISE}]}
    )

    promise: Promise
    evaluation: int | None = Field(
        default=None, description="its id; empty: the newest one of what serves the version"
    )
    scope: str = Field(default="", max_length=100, description="a product's key; empty: the rest")
    rules: OperatingPoint | None = Field(
        default=None,
        description="severities, sizes and regions to fit under; empty: those that hold now",
    )


class FitAndSetOrder(FitOrder):
    """A promise whose fit shall decide from now on."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"promise": _PROMISE, "note": "After the audit"}]},
    )

    note: str = Field(default="", max_length=300)
    only_certified: bool = Field(
        default=True, description="set nothing where a limit could not be certified"
    )


class RateShape(Shape):
    """Losses of units, and the 95 % interval; empty values where there are no units."""

    losses: int
    units: int
    value: float | None
    low: float | None
    high: float | None


class ClassRatesShape(Shape):
    """One class at its own threshold."""

    label: str
    threshold: float
    review_from: float
    escape: RateShape = Field(description="of parts with such a defect, those that pass")
    missed: RateShape = Field(description="of such defects one by one, those nothing was found on")
    overkill: RateShape = Field(description="of good parts, those a find of this class fails")


class PointRatesShape(Shape):
    """What an operating point does to all parts that training has not seen."""

    escape: RateShape
    overkill: RateShape
    asked_good: RateShape
    asked_bad: RateShape
    missed: RateShape
    false_finds: float | None = Field(description="per picture, of those that make a part fail")
    classes: list[ClassRatesShape]


class FittedPointShape(Shape):
    """A point that keeps a promise, and its certificate."""

    point: OperatingPoint
    certificate: Certificate | None
    rates: PointRatesShape | None


class SetShape(FittedPointShape):
    """The proposal that decides now."""

    number: int
    scope: str


class CurveShape(Shape):
    """One rate beside the thresholds; empty lists where there are no parts to count."""

    parts: int
    losses: list[int]
    low: list[float]
    high: list[float]


class PairShape(Shape):
    """PG2: good parts released when at most 2 % of the bad ones are missed. PB2: bad parts
    rejected when at most 2 % of the good ones are lost."""

    pg2: RateShape
    pg2_threshold: float | None
    pb2: RateShape
    pb2_threshold: float | None


class CurvesShape(Shape):
    """Escape and overkill at each threshold, and what the present point does."""

    thresholds: list[float]
    escape: CurveShape
    overkill: CurveShape
    pair: PairShape
    rates: PointRatesShape
    point: OperatingPoint
    certificate: Certificate | None


class RehearsalOrder(Order):
    """A point to decide past results with."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"point": {"threshold": 0.45, "review_from": 0.3}}]},
    )

    point: OperatingPoint | None = Field(default=None, description="empty: what decides now")
    scope: str = Field(default="", max_length=100)


class MoveShape(Shape):
    """Results that would be decided differently."""

    then: str
    would: str
    count: int
    examples: list[int] = Field(description="ids of the newest")


class JudgedShape(Shape):
    """Against what people said: judged bad and would pass, judged good and would fail."""

    bad: int
    good: int
    escapes: int
    overkill: int


class RehearsalShape(Shape):
    """Past results decided anew. Where `looked` is below `total`, ask again for the rest."""

    looked: int
    total: int
    results: int
    then: dict[str, int]
    would: dict[str, int]
    moved: list[MoveShape]
    judged: JudgedShape


def rates_shape(found: "Rates") -> PointRatesShape:
    """Rates as REST says them."""
    return PointRatesShape(
        **{
            name: _rate(getattr(found, name))
            for name in ("escape", "overkill", "asked_good", "asked_bad", "missed")
        },
        false_finds=found.false_finds,
        classes=[
            ClassRatesShape(
                label=one.label,
                threshold=one.threshold,
                review_from=one.review_from,
                escape=_rate(one.escape),
                missed=_rate(one.missed),
                overkill=_rate(one.overkill),
            )
            for one in found.classes
        ],
    )


def proposal_fields(proposal: Proposal) -> dict[str, Any]:
    """A proposal's fields."""
    return {
        "point": proposal.point,
        "certificate": proposal.certificate,
        "rates": rates_shape(proposal.rates) if proposal.rates else None,
    }


def curve_shape(curve: "Curve") -> CurveShape:
    """One curve."""
    return CurveShape(
        parts=curve.parts, losses=list(curve.losses), low=list(curve.low), high=list(curve.high)
    )


def curves_shape(
    found: "Curves",
    pair: "Pair",
    rates: "Rates",
    point: OperatingPoint,
    certificate: Certificate | None,
) -> CurvesShape:
    """Both curves with what stands beside them."""
    return CurvesShape(
        thresholds=list(found.thresholds),
        escape=curve_shape(found.escape),
        overkill=curve_shape(found.overkill),
        pair=PairShape(
            pg2=_rate(pair.pg2),
            pg2_threshold=pair.pg2_threshold,
            pb2=_rate(pair.pb2),
            pb2_threshold=pair.pb2_threshold,
        ),
        rates=rates_shape(rates),
        point=point,
        certificate=certificate,
    )


def rehearsal_shape(found: Rehearsal) -> RehearsalShape:
    """A rehearsal."""
    judged = found.judged
    return RehearsalShape(
        looked=found.looked,
        total=found.total,
        results=found.results,
        then=dict(found.then),
        would=dict(found.would),
        moved=[
            MoveShape(then=key[0], would=key[1], count=count, examples=list(found.examples[key]))
            for key, count in found.moved.items()
        ],
        judged=JudgedShape(
            bad=judged.bad, good=judged.good, escapes=judged.escapes, overkill=judged.overkill
        ),
    )


def _rate(rate: Any) -> RateShape:
    return RateShape(
        losses=rate.losses, units=rate.units, value=rate.value, low=rate.low, high=rate.high
    )
