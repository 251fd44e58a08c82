"""When something runs: five cron fields or an interval, in a named time zone.

A timing is checked with the parser that will run it (Celery's), after a stricter look at its
spelling. Where day of month and day of week are both restricted, both must hold.
"""

import re
import zoneinfo
from dataclasses import dataclass
from datetime import datetime, timedelta

from celery.schedules import ParseException, crontab
from django.utils.translation import gettext as _
from django_celery_beat.models import CrontabSchedule, IntervalSchedule
from django_celery_beat.tzcrontab import TzAwareCrontab

from loupe.schedules.errors import InvalidSchedule

SHORTEST_S = 10
LONGEST_S = 366 * 24 * 3600
_FIELDS = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
_PART = r"(\*|[0-9]{1,2}|[a-z]{3})(-([0-9]{1,2}|[a-z]{3}))?(/[0-9]{1,2})?"
_FIELD = re.compile(f"{_PART}(,{_PART})*", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Either `cron` or `interval_seconds`.

    Raises:
        InvalidSchedule: both or none are given, or one cannot be kept; the message says why.
    """

    cron: str = ""
    interval_seconds: int | None = None
    time_zone: str = "UTC"

    def __post_init__(self) -> None:
        if bool(self.cron.strip()) == (self.interval_seconds is not None):
            raise InvalidSchedule(
                _("Give either five cron fields or an interval in seconds, not both."),
                code="timing_ambiguous",
            )
        if self.time_zone not in zoneinfo.available_timezones():
            raise InvalidSchedule(
                _("%(zone)r is no IANA time zone: use a name such as Europe/Berlin.")
                % {"zone": self.time_zone},
                code="time_zone_unknown",
            )
        if self.interval_seconds is not None:
            if not SHORTEST_S <= self.interval_seconds <= LONGEST_S:
                raise InvalidSchedule(
                    _("An interval of %(given)s s is not allowed: %(low)s s to %(high)s s are.")
                    % {"given": self.interval_seconds, "low": SHORTEST_S, "high": LONGEST_S},
                    code="interval_invalid",
                )
        else:
            object.__setattr__(self, "cron", " ".join(self.cron.split()))
            self._crontab()

    def _crontab(self) -> TzAwareCrontab:
        fields = self.cron.split(" ")
        if len(fields) != 5:
            raise _bad_cron(
                self.cron, _("it has %(count)s fields, not five") % {"count": len(fields)}
            )
        for name, field in zip(_FIELDS, fields, strict=True):
            if not _FIELD.fullmatch(field):
                raise _bad_cron(
                    self.cron, _("%(field)r is no %(name)s") % {"field": field, "name": name}
                )
        parts = dict(zip(_FIELDS, fields, strict=True))
        try:
            crontab(**parts)
            return TzAwareCrontab(tz=zoneinfo.ZoneInfo(self.time_zone), **parts)
        except (ValueError, ParseException) as error:
            raise _bad_cron(self.cron, str(error)) from None

    def next_after(self, moment: datetime, last_run: datetime | None = None) -> datetime:
        """When it is due next: after `moment` for cron, an interval after the last run else."""
        if self.interval_seconds is not None:
            interval = timedelta(seconds=self.interval_seconds)
            return max((last_run or moment) + interval, moment)
        table = self._crontab()
        start, wait, _now = table.remaining_delta(moment.astimezone(table.tz))
        due: datetime = start + wait
        return due

    def table(self) -> CrontabSchedule | IntervalSchedule:
        """The row of django-celery-beat for this timing; equal timings share one."""
        if self.interval_seconds is not None:
            row, _made = IntervalSchedule.objects.get_or_create(
                every=self.interval_seconds, period=IntervalSchedule.SECONDS
            )
            return row
        parts = dict(zip(_FIELDS, self.cron.split(" "), strict=True))
        row, _made = CrontabSchedule.objects.get_or_create(timezone=self.time_zone, **parts)
        return row

    @property
    def stale_after_s(self) -> int:
        """A wake-up nobody took for so long is dropped: the next one comes anyway."""
        return self.interval_seconds or 3600


def _bad_cron(cron: str, why: str) -> InvalidSchedule:
    return InvalidSchedule(
        _(
            "The cron fields %(cron)r cannot be used: %(why)s. Write minute, hour, day of month, "
            "month and day of week, for example '30 2 * * 1-5' for 02:30 from Monday to Friday."
        )
        % {"cron": cron, "why": why},
        code="cron_invalid",
    )
