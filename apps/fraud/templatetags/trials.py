"""How the pages of backtests, shadow runs and publications write things."""

from datetime import timedelta
from itertools import islice
from uuid import UUID

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from apps.fraud.app import App
from apps.fraud.models import Backtest, Publication, SeenBefore
from apps.fraud.models.backtests import BacktestState
from apps.fraud.models.leased import Leased
from apps.fraud.operating.compare import Difference
from apps.fraud.operating.table import Words, difference_told
from apps.fraud.services import bad_rows, repeats
from apps.fraud.templatetags.fraud import money
from loupe.contract.blocks import LIVE
from loupe.host import jobs
from loupe.host.blocks import blocks_of, outcomes_of, sessions_of
from loupe.host.jobs import Job

register = template.Library()

MOST_LOOKED_AT = 20
"""Failed files of a job that are looked at."""
LOOKED_AT = timedelta(minutes=2)
"""How long after its end somebody may still be about to look at a job."""

_TONES = {
    BacktestState.QUEUED: "",
    BacktestState.RUNNING: "tone-live",
    BacktestState.DONE: "tone-good",
    BacktestState.FAILED: "tone-bad",
    BacktestState.CANCELLED: "",
}
_ANSWERS = {
    Publication.State.WAITING: "tone-unsure",
    Publication.State.APPROVED: "tone-good",
    Publication.State.DECLINED: "tone-bad",
    Publication.State.WITHDRAWN: "",
}


def _chinese() -> bool:
    return (get_language() or "en").startswith("zh")


@register.filter
def in_words(words: Words) -> str:
    """Words in the language of the page."""
    return words.zh if _chinese() else words.en


@register.filter
def outcome_name(key: str) -> str:
    """What an outcome is called."""
    for outcome in App.outcomes:
        if outcome.key == key:
            return outcome.label.zh if _chinese() else outcome.label.en
    return key


@register.filter
def thousands(number: float) -> str:
    """A whole number as people read it: 1,234,567."""
    return f"{number:,.0f}"


@register.filter
def signed(number: float) -> str:
    """A difference: +12, −3, 0."""
    return f"{number:+,.0f}".replace("-", "−") if number else "0"


@register.filter
def signed_money(minor: int, currency: str) -> str:
    """A difference in money: +12.50 EUR."""
    return f"+{money(minor, currency)}" if minor > 0 else money(minor, currency)


@register.simple_tag
def backtest_state(backtest: Leased) -> SafeString:
    """How far it is, by colour and word."""
    state = BacktestState(backtest.state)
    return format_html('<span class="badge-state {}">{}</span>', _TONES[state], state.label)


@register.simple_tag
def publication_state(publication: Publication) -> SafeString:
    """What became of a request, by colour and word."""
    state = Publication.State(publication.state)
    words = _("Rolled back") if publication.rolls_back else state.label
    tone = "" if publication.rolls_back else _ANSWERS[state]
    return format_html('<span class="badge-state {}">{}</span>', tone, words)


@register.filter
def saved_more(backtest: Backtest) -> str:
    """How much more or less the candidate saves."""
    if backtest.result is None:
        return "–"
    for one in backtest.result["differences"]:
        if one["key"] == "saved":
            return signed_money(round(one["difference"]), backtest.currency)
    return "–"


@register.simple_tag
def bad_rows_of(job_id: object) -> int:
    """How many rows of a job were kept out."""
    return bad_rows.of_job(UUID(str(job_id)))


@register.simple_tag
def seen_before(job: Job) -> SeenBefore | None:
    """What of a job was there before; None: nobody has looked yet."""
    return repeats.of_job(job.pk)


@register.simple_tag
def being_looked_at(job: Job) -> bool:
    """Whether a file has just come through, so that somebody is about to look."""
    if job.ended_at is None or timezone.now() - job.ended_at > LOOKED_AT:
        return False
    blocks = [block.id for block in blocks_of("fraud", job.project_id, job_id=job.pk, most=1)]
    sessions = sessions_of("fraud", job.project_id, blocks)
    return any(session != LIVE for session, _version in sessions.values())


@register.filter
def came_from(found: SeenBefore) -> list[repeats.Source]:
    """Where transactions that were there before had come from."""
    return repeats.sources(found)


@register.simple_tag
def outcomes_of_job(job: Job) -> list[tuple[str, int]]:
    """What the rows of a job came to, by outcome, in the app's order."""
    found = outcomes_of("fraud", job.project_id, job.pk)
    return [(one.key, found[one.key]) for one in App.outcomes if found.get(one.key)]


@register.simple_tag
def asks_for_columns(job: Job) -> bool:
    """Whether a file of the job could not be read because nobody said what its columns mean."""
    return any(one.code == "mapping_missing" for one in islice(jobs.failures(job), MOST_LOOKED_AT))


@register.filter
def evidence_lines(publication: Publication) -> list[tuple[str, str, str]]:
    """The differences of the attached backtest: key, words, and text with its interval."""
    told = publication.evidence.get("backtest", {})
    found = []
    for one in told.get("differences", ()):
        words, text = difference_told(Difference.model_validate(one), told["currency"])
        found.append((one["key"], in_words(words), text))
    return found
