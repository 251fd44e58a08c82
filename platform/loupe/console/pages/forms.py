"""What the pages' forms have in common: errors of services shown at the form."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from loupe.console.said import translated
from loupe.contract.runtime.errors import LoupeError

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


def blame(form: forms.Form, error: LoupeError, field: str | None = None) -> None:
    """Put a service's refusal where the person looks, with its code."""
    form.add_error(field, f"{translated(error.message, error.code)} ({error.code})")


class Reason(forms.Form):
    """Why something is done; the audit log keeps it."""

    reason = forms.CharField(label=_("Why"), max_length=300)


class NamedChoices(forms.MultipleChoiceField):
    """Several of a closed list, as check boxes; `words` say what a name means."""

    widget = forms.CheckboxSelectMultiple

    def __init__(
        self,
        *,
        names: Iterable[str],
        label: "StrOrPromise",
        required: bool = True,
        words: "Mapping[str, StrOrPromise] | None" = None,
    ) -> None:
        said = words or {}
        choices = [
            (name, format_lazy("{} – {}", name, said[name]) if name in said else name)
            for name in names
        ]
        super().__init__(choices=choices, label=label, required=required)
