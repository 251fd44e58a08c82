"""What an identifier that somebody typed leads to: payments, entities, cases."""

from collections.abc import Iterator

import numpy as np
from django.db import models
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.fraud.models import AlertHit, Case, Entity
from apps.fraud.schema import ScoredTransaction
from apps.fraud.scheme import Scheme
from apps.fraud.services import entities, schemes
from apps.fraud.services.entity_index import keeping_up
from apps.fraud.services.history import block_ids
from apps.fraud.services.naming import LONGEST_KEY, entity_id, storable
from apps.fraud.templatetags.fraud import kind_name, moment, money
from loupe.contract.blocks import LIVE
from loupe.contract.extras import Found
from loupe.contract.runtime.errors import LoupeError
from loupe.contract.runtime.payload import Payload
from loupe.host import live
from loupe.host.blocks import blocks_of, newest_id, rows_where
from loupe.host.people import Action, Actor, Project, require

MOST_ENTITIES = 20
NEWEST_BLOCKS = 60
"""Blocks that are looked through for a payment that raised no alert."""
DEADLINE_MS = 1_000.0
"""That the live state may take to say which payment it was."""


def lookup(actor: Actor, project: Project, text: str) -> list[Found]:
    """Everything by that name, exact ones first.

    Raises:
        NotVisible, Denied: the actor may not look.
    """
    require(actor, Action.VIEW, project)
    text = storable(text.strip(), LONGEST_KEY)
    if not text:
        return []
    scheme = schemes.of(project.pk)
    keeping_up.catch_up(project.pk)
    return [
        *_payment(project, scheme, text),
        *_entities(actor, project, scheme, text),
        *_case(project, scheme, text),
    ]


def _payment(project: Project, scheme: Scheme, text: str) -> Iterator[Found]:
    """The payment of that id: from its alert, else the live state, else the newest blocks."""
    hit = AlertHit.objects.filter(project=project, transaction=text).select_related("alert").first()
    if hit is not None:
        url = reverse("fraud:alert", args=[project.slug, hit.alert_id])
        if hit.result is not None:
            url = _result(project, hit.result)
        yield _paid(scheme, text, hit.amount, hit.event_ms, url)
        return
    payer, blocks = _told_live(project, scheme, text)
    newest = newest_id("fraud", project.pk)
    if not blocks and newest:
        recent = blocks_of("fraud", project.pk, after=max(0, newest - NEWEST_BLOCKS))
        blocks = [block.id for block in recent]
    rows = rows_where("fraud", project.pk, blocks, "id", text, 1)
    if rows and isinstance(rows[0].data, ScoredTransaction):
        data = rows[0].data
        url = _result(project, rows[0].result_id)
        yield _paid(scheme, text, data.amount, data.event_time, url)
    elif payer is not None:
        # It is older than the blocks that its payer's history names.
        yield Found(
            kind=_("Transaction"),
            name=text,
            words=_("of %(who)s") % {"who": payer.key},
            url=_page(project, payer),
            exact=True,
        )


def _paid(scheme: Scheme, name: str, amount: int, at: int, url: str) -> Found:
    words = f"{money(amount, scheme.currency)} · {moment(at)}"
    return Found(kind=_("Transaction"), name=name, words=words, url=url, exact=True)


def _told_live(project: Project, scheme: Scheme, text: str) -> tuple[Entity | None, list[int]]:
    """Its payer and where the payer's history lies, as the live state knows the payment; nothing
    where it does not, or does not answer now."""
    asked = Payload(
        meta={"kind": "transactions", "project": str(project.pk), "session": LIVE, "ids": [text]}
    )
    try:
        told = live.ask("fraud", asked, deadline_ms=DEADLINE_MS).arrays
    except LoupeError:
        return None, []
    named = told.get(f"entity.{scheme.payer.key}", np.zeros(0, np.str_)).tolist()
    if not named or not named[0]:
        return None, []
    wanted = entity_id(project.pk, scheme.payer.key, named[0])
    payer = Entity.objects.filter(pk=wanted).first()
    return payer, [*block_ids(payer.blocks)] if payer else []


def _entities(actor: Actor, project: Project, scheme: Scheme, text: str) -> Iterator[Found]:
    """Those of that identifier, also where only its hash is kept, then those that begin so."""
    meant = models.Q(key=text) | models.Q(pk__in=entities.hashed_ids(project.pk, text))
    exact = {one.pk: one for one in Entity.objects.filter(meant, project=project)}
    for one in sorted(exact.values(), key=lambda one: (-one.count, one.type)):
        yield _entity(project, scheme, one, exact=True)
    for one in entities.search(actor, project, text)[:MOST_ENTITIES]:
        if one.pk not in exact:
            yield _entity(project, scheme, one)


def _entity(project: Project, scheme: Scheme, one: Entity, exact: bool = False) -> Found:
    count = ngettext("%(n)d transaction", "%(n)d transactions", one.count) % {"n": one.count}
    words = f"{count} · {moment(one.last_ms)}"
    url = _page(project, one)
    kind = kind_name(one.type, scheme)
    return Found(kind=kind, name=one.key, words=words, url=url, exact=exact)


def _case(project: Project, scheme: Scheme, text: str) -> Iterator[Found]:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        return
    for case in Case.objects.filter(project=project, number=int(text)):
        url = reverse("fraud:case", args=[project.slug, case.number])
        words = f"{case.title} · {money(case.amount, scheme.currency)}"
        yield Found(kind=_("Case"), name=str(case.number), words=words, url=url)


def _result(project: Project, result: int) -> str:
    return reverse("console:result", args=[project.slug, "fraud", result])


def _page(project: Project, one: Entity) -> str:
    query = urlencode({"type": one.type, "key": one.key})
    return f"{reverse('fraud:entity', args=[project.slug])}?{query}"
