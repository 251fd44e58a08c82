"""What an app says about its labels, called with the types the contract promises."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from pydantic import BaseModel, ValidationError

from loupe.contract.labelling import Labelling, Layout
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.steps import load
from loupe.datasets.errors import DatasetRefused, LabelsRefused, NoLabelling
from loupe.plugins import registry as apps
from loupe.plugins.language import spoken


def labelling_of(app: str) -> Labelling:
    """How datasets of `app` look.

    Raises:
        UnknownApp: no app has that slug.
        NoLabelling: it has no datasets.
    """
    domain = apps.get(app)
    if domain.labelling is None:
        raise NoLabelling(_("%(app)s has no datasets.") % {"app": spoken(domain.name)})
    return domain.labelling


def layout_of(app: str, key: str) -> Layout | None:
    """The layout of that key; None for an empty key: whichever is recognised.

    Raises:
        DatasetRefused: the app has no such layout.
    """
    layouts = labelling_of(app).layouts
    found = next((each for each in layouts if each.key == key), None)
    if found is None and key:
        known = ", ".join(each.key for each in layouts)
        raise DatasetRefused(
            _("layout=%(layout)r is not one of %(known)s.") % {"layout": key[:60], "known": known},
            code="layout_unknown",
        )
    return found


def about(labelling: Labelling, data: object) -> BaseModel:
    """What holds for the whole dataset, as the app's schema.

    Raises:
        DatasetRefused: it is not valid.
    """
    try:
        return labelling.about_schema.model_validate(data)
    except ValidationError as error:
        raise DatasetRefused(first_of(error), code="about_invalid") from error


def about_sent(labelling: Labelling, sent: Mapping[str, Sequence[str]]) -> BaseModel:
    """What the fields of the app's form say, or the JSON in the field ``about`` without one.

    Raises:
        DatasetRefused: it is not valid.
    """
    if labelling.about_from is None:
        text = "".join(sent.get("about", ())[:1]) or "{}"
        try:
            return about(labelling, json.loads(text))
        except (ValueError, RecursionError) as error:
            raise DatasetRefused(
                _("The description is no JSON: %(why)s.") % {"why": error}, code="about_invalid"
            ) from error
    try:
        found: BaseModel = load(labelling.about_from)(sent)
    except ValidationError as error:
        raise DatasetRefused(first_of(error), code="about_invalid") from error
    except InputRefused as error:
        raise DatasetRefused(error.message, code="about_invalid") from error
    return found


def labels(labelling: Labelling, data: object, dataset: BaseModel) -> BaseModel:
    """One record's labels as the app's schema, checked against the dataset's `about`.

    Raises:
        LabelsRefused: they are not valid or do not fit.
    """
    try:
        found = labelling.schema.model_validate(data)
    except ValidationError as error:
        raise LabelsRefused(first_of(error)) from error
    try:
        load(labelling.check)(found, dataset)
    except InputRefused as error:
        raise LabelsRefused(error.message, code=error.code) from error
    return found


def stored(model: BaseModel) -> dict[str, Any]:
    """A model as the JSON that is kept."""
    data: dict[str, Any] = model.model_dump(mode="json")
    return data


def count(labelling: Labelling, data: BaseModel) -> dict[str, int]:
    """Labels of each class."""
    return {str(name): int(number) for name, number in load(labelling.count)(data).items()}


def merge(labelling: Labelling, mine: BaseModel, other: BaseModel) -> BaseModel:
    """`mine`, extended by what only `other` has.

    Raises:
        DatasetRefused: both together are not valid.
    """
    try:
        merged: BaseModel = load(labelling.merge)(mine, other)
    except ValidationError as error:
        raise DatasetRefused(first_of(error), code="about_invalid") from error
    return merged


def of_model(labelling: Labelling, manifest: Mapping[str, Any]) -> BaseModel:
    """What a dataset made for a model holds.

    Raises:
        DatasetRefused: the manifest's words cannot be a dataset's.
    """
    try:
        found: BaseModel = load(labelling.of_model)(manifest)
    except ValidationError as error:
        raise DatasetRefused(first_of(error), code="about_invalid") from error
    return found


def first_of(error: ValidationError) -> str:
    """The first thing that is wrong, as a sentence with its place."""
    first = error.errors(include_url=False, include_context=False)[0]
    text = str(first["msg"]).removeprefix("Value error, ")
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {text}" if place else text
