"""Resumable uploads by the tus protocol: made, looked at, sent, deleted."""

import uuid
from collections.abc import Mapping, Sequence
from typing import IO, Any, ClassVar, Final, cast

from django.db import models
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from loupe.accounts.policy import Action
from loupe.api import describe
from loupe.api.answers import answer, parameter
from loupe.api.endpoint import Endpoint, RowEndpoint
from loupe.api.idempotency import idempotent
from loupe.api.paging import newest_first
from loupe.api.shapes.uploads import UploadPage, UploadShape
from loupe.api.tus import headers as tus
from loupe.api.tus.asked import asked
from loupe.blobs.writing import CHUNK_BYTES
from loupe.uploads import services
from loupe.uploads.models import KEPT, Upload
from loupe.uploads.parts import Part

_HEADER: Final = OpenApiParameter.HEADER
_VERSION = OpenApiParameter("Tus-Resumable", str, _HEADER, required=True, description="1.0.0")


def _shown(row: Upload) -> UploadShape:
    return UploadShape(
        id=row.pk,
        project=row.project.slug,
        name=row.name,
        length=row.length,
        offset=row.offset,
        state=row.state,
        metadata=row.metadata,
        submission=row.submission_id,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )


def _headers(request: Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


class _Unread(BaseParser):
    """Leaves the body to the view."""

    media_type = "*/*"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, IO[bytes]]:
        return {"stream": stream}


class Uploads(Endpoint):
    """Files that come in parts."""

    policy: ClassVar = {"GET": Action.SUBMIT, "POST": Action.SUBMIT}

    @extend_schema(
        operation_id="uploads_list",
        parameters=[describe.PROJECT, *describe.PAGING],
        responses={200: UploadPage, **describe.PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """List uploads that are unfinished or wait to be submitted, newest first."""
        rows = services.listing(self.actor, self.project).select_related("project")
        shown, cursor = newest_first(request, rows, _shown)
        return answer(UploadPage(uploads=shown, next_cursor=cursor))

    @extend_schema(
        operation_id="uploads_create",
        parameters=[
            describe.PROJECT,
            _VERSION,
            OpenApiParameter("Upload-Length", int, _HEADER, required=True, description="bytes"),
            OpenApiParameter(
                "Upload-Metadata",
                str,
                _HEADER,
                description="Pairs of a name and a base64 value; `filename` names the file.",
            ),
            describe.IDEMPOTENCY_KEY,
        ],
        request=None,
        responses={201: UploadShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Announce a file that will come in parts (tus 1.0.0, creation).

        `Location` is where the parts go. When all came, `POST /submissions?upload=ID` makes a
        submission of it.
        """
        headers = _headers(request)
        tus.require_version(headers)
        said = tus.metadata(headers.get("upload-metadata", ""))
        made = services.create(
            self.actor,
            self.project,
            length=tus.whole(headers, "upload-length"),
            name=said.pop("filename", "") or said.pop("name", ""),
            metadata=said,
        )
        location = request.build_absolute_uri(reverse("api:upload", args=[made.pk]))
        return answer(_shown(made), 201, {**tus.state(made), "Location": location})

    def options(  # type: ignore[override]  # the framework hands its own request over
        self, request: Request, *args: Any, **kwargs: Any
    ) -> Response:
        """What of tus is spoken here."""
        parameter(request, "project")
        return Response(status=204, headers=tus.discovery())


class OneUpload(RowEndpoint[Upload]):
    """One file that comes in parts."""

    policy: ClassVar = {"GET": Action.SUBMIT, "PATCH": Action.SUBMIT, "DELETE": Action.SUBMIT}
    parser_classes: Sequence[type[BaseParser]] = (_Unread,)
    key = "upload_id"

    def rows(self) -> "models.QuerySet[Upload]":
        return Upload.objects.select_related("project")

    @extend_schema(operation_id="uploads_get", responses={200: UploadShape, **describe.PROBLEMS})
    def get(self, request: Request, upload_id: uuid.UUID) -> Response:
        """Show an upload. HEAD answers the same in headers: `Upload-Offset` is where to go on."""
        if request.method == "HEAD":
            tus.require_version(_headers(request))
            return Response(headers=tus.state(services.settled(self.row)))
        row = services.settled(self.row) if self.row.state in KEPT else self.row
        return answer(_shown(row), headers=tus.state(row))

    @extend_schema(
        operation_id="uploads_part",
        parameters=[
            _VERSION,
            OpenApiParameter("Upload-Offset", int, _HEADER, required=True, description="bytes"),
            OpenApiParameter(
                "Upload-Checksum", str, _HEADER, description="`sha256 <base64>` of this part"
            ),
        ],
        request={tus.PART: {"type": "string", "format": "binary"}},
        responses={204: None, **describe.PROBLEMS},
    )
    def patch(self, request: Request, upload_id: uuid.UUID) -> Response:
        """Send the next part. The answer's `Upload-Offset` says how much is here."""
        part = asked(_headers(request))
        with Part(self.row, part.offset, part.checksum) as arriving:
            stream = cast("dict[str, IO[bytes]]", request.data)["stream"]
            while chunk := stream.read(CHUNK_BYTES):
                arriving.write(chunk)
            arriving.finish()
        return Response(status=204, headers=tus.state(self.row))

    @extend_schema(
        operation_id="uploads_delete",
        parameters=[_VERSION],
        responses={204: None, **describe.PROBLEMS},
    )
    def delete(self, request: Request, upload_id: uuid.UUID) -> Response:
        """Throw the upload away, finished or not (tus 1.0.0, termination)."""
        tus.require_version(_headers(request))
        services.delete(self.actor, self.row)
        return Response(status=204, headers={"Tus-Resumable": tus.VERSION})

    def options(  # type: ignore[override]  # the framework hands its own request over
        self, request: Request, *args: Any, **kwargs: Any
    ) -> Response:
        """What of tus is spoken here."""
        return Response(status=204, headers=tus.discovery())
