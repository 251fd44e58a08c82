"""What a synchronous call asks for, read the same way on both paths."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from django.conf import settings
from django.http import QueryDict

from loupe.accounts.errors import Denied, NotVisible
from loupe.accounts.models import Project
from loupe.accounts.policy import Action, Actor, require
from loupe.api.endpoint import named_project
from loupe.api.facts import facts_said
from loupe.api.idempotency import key_in
from loupe.api.problems import refuse_field
from loupe.contract.app import DomainApp
from loupe.contract.extras import SyncMode
from loupe.ids import new_word

UNNAMED = "upload"
POLICIES = ("fail_open", "fail_closed")
MOST_DEADLINE_MS = 60_000
MULTIPART_BYTES = 2**16
"""What a multipart body may have beyond its file: boundaries and part headers."""
ROW_BYTES = 16 * 2**10
"""How much body one row may take on average."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One call's parameters.

    Attributes:
        facts: what the caller says of the input; `service` and `rows` check it once.
        policy: ``fail_open``, ``fail_closed`` or empty: what to answer when the engine is late
            or gone.
        deadline_ms: how long the engine may take.
        key: the Idempotency-Key, which is also the request id of a live service.
        left_out: fields of the result that the answer does not carry.
        query: the query, by which requests of one key are told apart; left out without a key.
    """

    app: type[DomainApp]
    mode: SyncMode
    actor: Actor
    project: Project
    path: str
    query: str
    name: str
    model: str | None
    policy: str
    deadline_ms: int
    key: str | None
    facts: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    def named(self, name: str) -> "Asked":
        """The same call, its file called `name` unless the caller named it."""
        return self if self.name != UNNAMED else replace(self, name=name[:255])

    def with_form(self, fields: QueryDict) -> "Asked":
        """The same call, with the facts that came as fields of its form too.

        Raises:
            RequestRefused, FactRefused: a fact was said twice, differently, or is none.
        """
        return replace(self, facts=facts_said(self.app, fields, self.facts))

    @property
    def request_id(self) -> str:
        """The id under which a live service remembers the request."""
        return self.key or new_word()


def permitted(actor: Actor, name: str | None) -> Project:
    """The project of the call, if the actor may submit to it. A key needs no query for that.

    Raises:
        NotVisible, Denied: the actor may not.
    """
    if actor.key is None:
        project = named_project(actor, name)
        require(actor, Action.SUBMIT, project)
        return project
    if Action.SUBMIT.value not in actor.key.scopes:
        raise Denied(
            f"This key lacks the scope {Action.SUBMIT.value!r}; it has {sorted(actor.key.scopes)}.",
            code="scope_missing",
        )
    if name is not None and name != actor.key.project.slug:
        raise NotVisible(f"There is no project {name!r} that you can see.")
    return actor.key.project


def body_limit(app: type[DomainApp], mode: SyncMode) -> int:
    """The largest body of the call, in bytes."""
    if mode.body == "rows":
        return min(settings.MAX_UPLOAD_BYTES, mode.max_rows * ROW_BYTES)
    return min(settings.MAX_UPLOAD_BYTES, max(kind.max_bytes for kind in app.inputs))


def asked(
    app: type[DomainApp],
    mode: SyncMode,
    actor: Actor,
    project: Project,
    path: str,
    query: QueryDict,
    headers: Mapping[str, str],
) -> Asked:
    """Read the parameters of a call; header names in lower case.

    Raises:
        RequestRefused: one of them is not understood.
    """
    policy = query.get("policy") or headers.get("loupe-fallback") or ""
    if policy and policy not in POLICIES:
        raise refuse_field("policy", f"policy={policy[:40]!r} is not one of {', '.join(POLICIES)}.")
    name = query.get("filename") or headers.get("filename") or UNNAMED
    model = query.get("model") or None
    for parameter, value in (("filename", name), ("model", model or "")):
        if "\x00" in value or len(value) > 255:
            raise refuse_field(parameter, f"{parameter} is too long or holds the character U+0000.")
    key = key_in(headers.get("idempotency-key"))
    return Asked(
        app=app,
        mode=mode,
        actor=actor,
        project=project,
        path=path,
        query="" if key is None else query.urlencode(),
        name=name,
        model=model,
        policy=policy,
        deadline_ms=_deadline(query.get("deadline_ms"), mode),
        key=key,
        facts=facts_said(app, query),
        left_out=tuple(name for name in mode.on_request if not _wanted(name, query.get(name))),
    )


def _wanted(name: str, raw: str | None) -> bool:
    """Whether the query names a field that an answer has only then.

    Raises:
        RequestRefused: it says neither yes nor no.
    """
    if raw not in (None, "", "0", "1"):
        raise refuse_field(name, f"{name}={raw[:20]!r} is neither 1 nor 0.")
    return raw == "1"


def _deadline(raw: str | None, mode: SyncMode) -> int:
    if raw is None:
        return mode.deadline_ms
    whole = raw.isascii() and raw.isdigit() and len(raw) < 10
    if not whole or not 1 <= int(raw) <= MOST_DEADLINE_MS:
        said = f"deadline_ms={raw[:20]!r} is no whole number from 1 to {MOST_DEADLINE_MS}."
        raise refuse_field("deadline_ms", said)
    return int(raw)
