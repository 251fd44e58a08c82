"""A form for any app's operating point, made from its pydantic schema.

Numbers, yes-or-no and choices become fields of their own; what is nested is edited as JSON. The
schema itself has the last word when the point is set.
"""

import json
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from django import forms
from django.utils.translation import gettext_lazy as _
from pydantic import BaseModel
from pydantic.fields import FieldInfo


class PointForm(forms.Form):
    """The fields of the schema, in its order, then a note."""

    note = forms.CharField(label=_("Note"), max_length=300, required=False)
    field_order = None

    def __init__(
        self,
        data: Any = None,
        *,
        schema: type[BaseModel],
        current: Mapping[str, Any],
    ) -> None:
        super().__init__(data)
        self._names = [name for name in schema.model_fields if name != "schema_version"]
        for name in self._names:
            self.fields[name] = field_for(name, schema.model_fields[name], current.get(name))
        self.order_fields([*self._names, "note"])

    def values(self) -> dict[str, Any]:
        """What to validate with the schema."""
        return {
            name: self.cleaned_data[name]
            for name in self._names
            if self.cleaned_data[name] is not None
        }


def field_for(name: str, info: FieldInfo, value: Any) -> forms.Field:
    """The form field for one field of a schema."""
    label = name.replace("_", " ").capitalize()
    help_text = info.description or ""
    common: dict[str, Any] = {"label": label, "initial": value, "required": False}
    kind = info.annotation
    if kind is bool:
        return forms.BooleanField(**common, help_text=help_text)
    if kind is float:
        step = forms.NumberInput(attrs={"step": "any"})
        return forms.FloatField(**common, help_text=help_text, widget=step)
    if kind is int:
        return forms.IntegerField(**common, help_text=help_text)
    if kind is str:
        return forms.CharField(**common, help_text=help_text)
    if get_origin(kind) is Literal:
        choices = [(choice, str(choice)) for choice in get_args(kind)]
        return forms.ChoiceField(**common, help_text=help_text, choices=choices)
    return forms.JSONField(
        label=label,
        required=False,
        initial=value,
        help_text=help_text,
        encoder=_Readable,
        widget=forms.Textarea(attrs={"rows": 8, "class": "code", "spellcheck": "false"}),
    )


class _Readable(json.JSONEncoder):
    """JSON with line breaks and indents."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "indent": 2, "ensure_ascii": False})
