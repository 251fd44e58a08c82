"""Hand files over to an app that takes them itself (`DomainApp.receive`)."""

from collections.abc import Iterable, Mapping

from django.utils.translation import gettext as _

from loupe.accounts.models import Project
from loupe.accounts.policy import Action, Actor, require
from loupe.contract.receiving import Delivery, NotTaken, Receive, Received, StagedFile
from loupe.contract.runtime.steps import load
from loupe.intake import facts as intake_facts
from loupe.intake import names
from loupe.intake.errors import EntryRefused, Refusal, SubmissionRefused
from loupe.intake.models import Channel
from loupe.intake.sources import Source
from loupe.plugins import registry as apps
from loupe.registry import services as registry


def takes_over(app: str) -> bool:
    """Whether the app keeps files itself."""
    return apps.get(app).receive is not None


def hand_over(
    actor: Actor,
    project: Project,
    app: str,
    channel: Channel,
    sources: Iterable[Source],
    name: str = "",
    model: str | None = None,
    facts: Mapping[str, str] | None = None,
) -> Received:
    """Give the files of one delivery to the app; the host keeps nothing of them.

    Files in the spool are removed by whoever spooled them, as after `jobs.services.submit`.

    Raises:
        Denied, NotVisible: the actor may not submit here.
        SubmissionRefused: nothing was sent.
        LoupeError: the app refuses all of it, a fact is refused, or the model is not registered.
    """
    require(actor, Action.SUBMIT, project)
    chosen = apps.get(app)
    if chosen.receive is None:
        raise TypeError(f"{app} declares no `receive`: its files are stored by the host.")
    said = intake_facts.checked(chosen, project, facts or {})
    if chosen.needs_model:
        registry.resolve(actor, project, app, model, scope=intake_facts.scope_of(chosen, said))
    files, refused = _staged(sources)
    if not files:
        reasons = tuple(Refusal(name=r.name, code=r.code, message=r.message) for r in refused)
        raise SubmissionRefused(
            _("Nothing was sent. Choose at least one file."), reasons=reasons,
            code="empty_submission",
        )  # fmt: skip
    receive: Receive = load(chosen.receive)
    made = receive(
        Delivery(
            project_id=project.pk,
            channel=channel.value,
            files=tuple(files),
            facts=said,
            name=name[:255],
            sent_by=actor.label,
            user_id=actor.user.pk if actor.user is not None else None,
            model=model or "",
        )
    )
    return Received(
        reference=made.reference,
        url=made.url,
        api_url=made.api_url,
        taken=made.taken,
        not_taken=(*refused, *made.not_taken),
    )


def _staged(sources: Iterable[Source]) -> tuple[list[StagedFile], list[NotTaken]]:
    """Files under safe names; those whose names are refused, and the empty ones."""
    files: list[StagedFile] = []
    refused: list[NotTaken] = []
    for position, source in enumerate(sources, start=1):
        if names.is_litter(source.name):
            continue
        try:
            name, size = names.clean(source.name), source.path.stat().st_size
            if size == 0:
                raise EntryRefused(
                    _("The file is empty (0 bytes). Send it again."), code="empty_file"
                )
            files.append(StagedFile(name=name, path=source.path, bytes=size, position=position))
        except EntryRefused as error:
            refused.append(
                NotTaken(
                    name=names.shown(source.name),
                    code=error.code,
                    message=error.message,
                    position=position,
                )
            )
        except OSError as error:
            refused.append(
                NotTaken(
                    name=names.shown(source.name),
                    code="unreadable_file",
                    message=_("The file cannot be read: %(why)s.") % {"why": error.strerror},
                    position=position,
                )
            )
    return files, refused
