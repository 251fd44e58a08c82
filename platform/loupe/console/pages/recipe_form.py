"""The form that starts a training: the data, the model's name, where to begin, and the recipe.

The recipe's fields come from the app's config schema. A field may bring its words for people in
``json_schema_extra``: ``{"en": …, "zh": …, "help_zh": …}`` for its name and Chinese help, and
``{"main": True}`` to stand above the fold.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from loupe.console.pages.point_form import field_for
from loupe.datasets.models import DatasetVersion
from loupe.registry.models import ModelVersion

PREFIX = "recipe_"


class TrainingForm(forms.Form):
    """What to train. `recipe_fields` are drawn folded, `main_fields` openly."""

    dataset = forms.ChoiceField(label=_("Dataset version"))
    model_name = forms.SlugField(
        label=_("Model"),
        max_length=60,
        help_text=_("Small letters, digits, - and _. A known name adds a version."),
    )
    base = forms.ChoiceField(
        label=_("Start from"),
        required=False,
        help_text=_("A model that has seen similar pictures learns faster from few."),
    )
    seed = forms.IntegerField(
        label=_("Seed"),
        min_value=0,
        max_value=2**31 - 1,
        initial=0,
        help_text=_("The same seed and data give the same model on the same device."),
    )

    def __init__(
        self,
        data: Any = None,
        *,
        schema: type[BaseModel],
        versions: Iterable[DatasetVersion],
        sources: Mapping[str, str],
        bases: Iterable[ModelVersion],
        initial: Mapping[str, Any],
    ) -> None:
        super().__init__(data, initial=dict(initial))
        defaults = schema().model_dump(mode="json")
        self._names = [name for name in schema.model_fields if name != "schema_version"]
        self.main_names: set[str] = set()
        for name in self._names:
            info = schema.model_fields[name]
            field = field_for(name, info, defaults.get(name))
            words = _words(info)
            field.label = words.get("zh" if _chinese() else "en") or field.label
            if _chinese() and words.get("help_zh"):
                field.help_text = words["help_zh"]
            self.fields[PREFIX + name] = field
            if words.get("main"):
                self.main_names.add(PREFIX + name)
        dataset, base = self.fields["dataset"], self.fields["base"]
        if isinstance(dataset, forms.ChoiceField):
            frozen = [(str(one.pk), str(one)) for one in versions]
            dataset.choices = [*sources.items(), *frozen]
            if sources:
                dataset.label = _("Data")
        if isinstance(base, forms.ChoiceField):
            base.choices = [
                ("", _("From scratch")),
                *((str(one.pk), f"{one} · {one.get_stage_display()}") for one in bases),
            ]

    def config(self) -> dict[str, Any]:
        """The recipe's values, for the schema to check."""
        given = {name: self.cleaned_data[PREFIX + name] for name in self._names}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def opening(self) -> list[forms.BoundField]:
        """What everybody decides."""
        own = ("dataset", "model_name", "base")
        return [self[name] for name in (*own, *sorted(self.main_names, key=self._order))]

    @property
    def folded(self) -> list[forms.BoundField]:
        """What has a good default."""
        rest = [PREFIX + name for name in self._names if PREFIX + name not in self.main_names]
        return [self["seed"], *(self[name] for name in rest)]

    @property
    def wrong_below(self) -> bool:
        """Whether a folded field has an error, so that the fold opens."""
        return any(field.errors for field in self.folded)

    def _order(self, name: str) -> int:
        return self._names.index(name.removeprefix(PREFIX))


def _words(info: FieldInfo) -> Mapping[str, Any]:
    extra = info.json_schema_extra
    return extra if isinstance(extra, dict) else {}


def _chinese() -> bool:
    return (get_language() or "en").startswith("zh")
