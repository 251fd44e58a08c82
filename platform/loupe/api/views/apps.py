"""The installed apps, told from their contracts."""

from dataclasses import asdict
from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from loupe.accounts.policy import Action
from loupe.api import describe
from loupe.api.answers import answer
from loupe.api.endpoint import Endpoint
from loupe.api.shapes.apps import (
    AppList,
    AppShape,
    ExportShape,
    InputKindShape,
    OutcomeShape,
    SyncShape,
    TextShape,
)
from loupe.contract.app import DomainApp
from loupe.contract.text import Text
from loupe.plugins import registry


def _text(text: Text) -> TextShape:
    return TextShape(**asdict(text))


def shown(app: type[DomainApp]) -> AppShape:
    """What a caller needs to know of an app."""
    return AppShape(
        slug=app.slug,
        name=_text(app.name),
        summary=_text(app.summary),
        needs_model=app.needs_model,
        takes_models=app.check_artefact is not None,
        inputs=[
            InputKindShape(
                key=kind.key,
                label=_text(kind.label),
                media_types=list(kind.media_types),
                max_bytes=kind.max_bytes,
            )
            for kind in app.inputs
        ],
        outcomes=[
            OutcomeShape(key=outcome.key, label=_text(outcome.label), tone=outcome.tone.value)
            for outcome in app.outcomes
        ],
        exports=[
            ExportShape(
                key=export.key,
                label=_text(export.label),
                media_type=export.media_type,
                single=export.single,
            )
            for export in app.exports
        ],
        sync=SyncShape(
            path=f"/api/v1/{app.slug}/{app.sync.verb}",
            body=app.sync.body,
            max_rows=app.sync.max_rows,
            deadline_ms=app.sync.deadline_ms,
        )
        if app.sync
        else None,
        operating_point_schema=app.operating_point_schema.model_json_schema(),
        result_schema=app.result_schema.model_json_schema(mode="serialization"),
    )


class Apps(Endpoint):
    """What is installed."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="apps_list",
        parameters=[describe.PROJECT],
        responses={200: AppList, **describe.PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """List the installed apps with their inputs, outcomes, exports and schemas."""
        return answer(AppList(apps=[shown(app) for app in registry.installed()]))
