"""Models: list, upload, promote, retire, thresholds."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from loupe.api.shapes.models import (
    ModelDetail,
    ModelPage,
    ModelShape,
    OperatingPointPage,
    OperatingPointShape,
    VersionShape,
)
from loupe.api.shapes.trainings import PromotedShape
from loupe.client.pages import every
from loupe.client.transport import Transport


class Models:
    """The models the key's project can use."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, *, app: str = "") -> Iterator[ModelShape]:
        """All models, newest first."""
        for page in every(self._transport, "models", ModelPage, app=app):
            yield from page.models

    def get(self, model_id: int) -> ModelDetail:
        """One model with its versions."""
        return self._transport.get(f"models/{model_id}", ModelDetail)

    def upload(self, app: str, name: str, path: str | Path) -> VersionShape:
        """Upload a model file as the next version of `name`.

        Raises:
            Refused: the file is not one Loupe can run safely.
        """
        source = Path(path)
        raw = source.read_bytes()
        response = self._transport.send(
            "POST",
            "models",
            {"app": app, "name": name, "filename": source.name},
            lambda: {"content": raw},
            {"Content-Type": "application/octet-stream"},
        )
        return VersionShape.model_validate_json(response.content)

    def promote(self, model_id: int, number: int, reason: str) -> PromotedShape:
        """Put a candidate into production, or ask for it: `waiting` is then the wish.

        Raises:
            Conflict: a condition of promotion does not hold.
        """
        order = {"version": number, "reason": reason}
        return self._transport.post(f"models/{model_id}/promote", PromotedShape, order)

    def roll_back(self, model_id: int, reason: str) -> VersionShape:
        """Put the version before back into production."""
        return self._transport.post(f"models/{model_id}/rollback", VersionShape, {"reason": reason})

    def retire(self, model_id: int, number: int, reason: str) -> VersionShape:
        """Take a version out of use."""
        return self._stage(model_id, number, "retired", reason)

    def operating_points(self, model_id: int, number: int) -> Iterator[OperatingPointShape]:
        """Thresholds of a version, newest first."""
        path = f"models/{model_id}/versions/{number}/operating-points"
        for page in every(self._transport, path, OperatingPointPage):
            yield from page.operating_points

    def set_operating_point(
        self, model_id: int, number: int, data: dict[str, Any], note: str = ""
    ) -> OperatingPointShape:
        """Set new thresholds for the project."""
        path = f"models/{model_id}/versions/{number}/operating-points"
        return self._transport.post(path, OperatingPointShape, {"data": data, "note": note})

    def _stage(self, model_id: int, number: int, stage: str, reason: str) -> VersionShape:
        path = f"models/{model_id}/versions/{number}/stage"
        return self._transport.post(path, VersionShape, {"stage": stage, "reason": reason})
