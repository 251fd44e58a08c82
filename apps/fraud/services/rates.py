"""Rates of exchange: what a unit of another currency is worth in the project's, and since when.

A transaction is converted at the rate that held when it happened; a later correction of a rate
changes nothing that was scored, because events are kept with the amount they were scored with.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import models, transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from apps.fraud.models import ExchangeRate
from apps.fraud.money import DIGITS
from apps.fraud.scheme import Scheme
from apps.fraud.services.errors import Unusable
from loupe.host.people import Action, Actor, NotVisible, Project, record_audit, require

MOST = 5_000
"""Rates of a project: all of them go to reading with every request."""
PLACES = 12
"""Digits after the point that a rate keeps."""
SMALLEST, LARGEST = Decimal("1e-9"), Decimal("1e9")
FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Told:
    """One rate as somebody gives it; `place` says where it stood (``line 4``), or nothing."""

    currency: str
    moment: str
    rate: str
    place: str = ""


@dataclass(frozen=True, kw_only=True)
class Read:
    """A rate that can be kept."""

    currency: str
    from_ms: int
    rate: str


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of rates: new ones, those that replaced another, those that were there."""

    new: int
    changed: int
    same: int


def of(project_id: UUID, base: str) -> dict[str, Any]:
    """The rates as `apps.fraud.money.Rates`, for reading; empty where there are none."""
    rows = ExchangeRate.objects.filter(project_id=project_id, base=base)
    found: dict[str, list[dict[str, Any]]] = {}
    for currency, from_ms, rate in rows.order_by("currency", "from_ms").values_list(
        "currency", "from_ms", "rate"
    ):
        found.setdefault(currency, []).append({"from_time": from_ms, "rate": rate})
    return {"rates": found} if found else {}


def listing(
    actor: Actor, project: Project, scheme: Scheme, currency: str = ""
) -> "models.QuerySet[ExchangeRate]":
    """The rates to the project's currency, newest first; of one currency if given.

    Raises:
        NotVisible, Denied: the actor may not look.
    """
    require(actor, Action.VIEW, project)
    rows = ExchangeRate.objects.filter(project=project, base=scheme.currency)
    if currency:
        rows = rows.filter(currency=currency.upper()[:3])
    return rows.order_by("-from_ms", "currency")


def currencies(project: Project, scheme: Scheme) -> list[dict[str, Any]]:
    """Each currency with its number of rates, the first and the last moment. Ask the policy
    before."""
    rows = ExchangeRate.objects.filter(project=project, base=scheme.currency)
    counted = rows.values("currency").annotate(
        count=models.Count("pk"), first=models.Min("from_ms"), last=models.Max("from_ms")
    )
    newest = {
        row.currency: row.rate
        for row in rows.filter(
            from_ms=models.Subquery(
                rows.filter(currency=models.OuterRef("currency"))
                .order_by("-from_ms")
                .values("from_ms")[:1]
            )
        )
    }
    return [
        {**row, "rate": newest.get(row["currency"], "")} for row in counted.order_by("currency")
    ]


def tell(
    actor: Actor,
    project: Project,
    scheme: Scheme,
    told: Sequence[Told],
    *,
    inverse: bool = False,
    source: str = "page",
) -> Outcome:
    """Keep rates, all of them or none; one of the same currency and moment is replaced.

    Args:
        inverse: a rate says how much of the other currency one unit of the project's is worth.

    Raises:
        NotVisible, Denied: the actor may not manage models here.
        Unusable: a rate cannot be; `field` and the message name it, and there may be too many.
    """
    require(actor, Action.MANAGE_MODELS, project)
    read = [checked(one, scheme, inverse=inverse) for one in told]
    _once(read, told)
    now = timezone.now()
    with transaction.atomic():
        rows = ExchangeRate.objects.select_for_update().filter(
            project=project, base=scheme.currency
        )
        there = {(row.currency, row.from_ms): row for row in rows}
        fresh, changed, same = [], [], 0
        for one in read:
            old = there.get((one.currency, one.from_ms))
            if old is None:
                fresh.append(_row(project, scheme, one, actor, now))
            elif Decimal(old.rate) == Decimal(one.rate):
                same += 1
            else:
                old.rate, old.who, old.told_at = one.rate, actor.label, now
                changed.append(old)
        if len(there) + len(fresh) > MOST:
            raise Unusable(
                _(
                    "There would be %(count)s rates; a project keeps at most %(most)s. Remove old "
                    "ones, or give one a week instead of one a day."
                )
                % {"count": len(there) + len(fresh), "most": MOST},
                field="rates",
            )
        ExchangeRate.objects.bulk_create(fresh)
        ExchangeRate.objects.bulk_update(changed, ["rate", "who", "told_at"])
        if fresh or changed:
            told_audit: dict[str, Any] = {
                "source": source,
                "base": scheme.currency,
                "new": len(fresh),
                "changed": len(changed),
                "currencies": sorted({one.currency for one in read}),
            }
            if len(read) == 1:
                told_audit |= {"from_ms": read[0].from_ms, "rate": read[0].rate}
            record_audit(actor, project, "rates.told", "rates", told_audit)
    return Outcome(new=len(fresh), changed=len(changed), same=same)


def remove(actor: Actor, project: Project, pk: int) -> None:
    """Take a rate away; what was scored with it stays as it was.

    Raises:
        NotVisible, Denied: there is none, or the actor may not manage models here.
    """
    require(actor, Action.MANAGE_MODELS, project)
    row = ExchangeRate.objects.filter(project=project, pk=pk).first()
    if row is None:
        raise NotVisible(_("There is no such rate."))
    told = {"currency": row.currency, "from_ms": row.from_ms, "rate": row.rate, "base": row.base}
    with transaction.atomic():
        row.delete()
        record_audit(actor, project, "rates.removed", "rates", told)


def checked(one: Told, scheme: Scheme, *, inverse: bool = False) -> Read:
    """A rate that can be kept.

    Raises:
        Unusable: `field` names what is wrong: ``currency``, ``from`` or ``rate``.
    """
    code = one.currency.strip().upper()
    if code not in DIGITS:
        raise _wrong(
            one, "currency", _("%(value)r is no currency of ISO 4217, such as USD."), one.currency
        )
    if code == scheme.currency:
        raise _wrong(
            one,
            "currency",
            _("%(value)s is the project's own currency: it needs no rate."),
            code,
        )
    return Read(
        currency=code,
        from_ms=_moment(one, scheme.timezone),
        rate=_decimal(one, inverse=inverse),
    )


def _decimal(one: Told, *, inverse: bool) -> str:
    text = one.rate.strip()
    try:
        value = Decimal(text) if len(text) <= 30 else Decimal("NaN")
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or not SMALLEST <= value <= LARGEST:
        raise _wrong(
            one,
            "rate",
            _("%(value)r is no rate: write a decimal with a point from 1e-9 to 1e9, as 0.9137."),
            text,
        )
    if inverse:
        value = 1 / value
    value = round(value, PLACES).normalize()
    if value < SMALLEST:
        raise _wrong(one, "rate", _("%(value)r is too small to be kept."), text)
    return f"{value:f}"


def _moment(one: Told, zone: str) -> int:
    """Milliseconds; a date alone is its midnight on the project's clocks."""
    text = one.moment.strip()
    found: datetime | None = None
    if len(text) <= 40:
        try:
            found = (
                datetime.combine(date.fromisoformat(text), time())
                if len(text) == 10
                else parse_datetime(text)
            )
        except ValueError:
            found = None
    if found is None:
        raise _wrong(
            one, "from", _("%(value)r is no day: write it as 2026-01-31 or 2026-01-31T14:30."), text
        )
    if timezone.is_naive(found):
        found = found.replace(tzinfo=UTC if zone == "UTC" else ZoneInfo(zone))
    if not FIRST <= found < LAST:
        raise _wrong(one, "from", _("%(value)r lies outside of the years 1970 to 2099."), text)
    return int(found.timestamp() * 1000)


def _wrong(one: Told, field: str, sentence: str, value: str) -> Unusable:
    shown = value[:40]
    said = sentence % {"value": shown}
    where = f"{one.place}, {field}: " if one.place else f"{field}: "
    return Unusable(where + said, field=field)


def _once(read: Iterable[Read], told: Sequence[Told]) -> None:
    seen: dict[tuple[str, int], Told] = {}
    for one, said in zip(read, told, strict=True):
        before = seen.setdefault((one.currency, one.from_ms), said)
        if before is not said:
            raise _wrong(
                said,
                "from",
                _("%(value)r is told twice for this currency: leave one of the two."),
                said.moment,
            )


def _row(project: Project, scheme: Scheme, one: Read, actor: Actor, now: datetime) -> ExchangeRate:
    return ExchangeRate(
        project=project,
        base=scheme.currency,
        currency=one.currency,
        from_ms=one.from_ms,
        rate=one.rate,
        who=actor.label,
        told_at=now,
    )
