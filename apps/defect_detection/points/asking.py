"""What a person asks of the operating point's page: limits, or thresholds by hand, and rules.

Everything stands in the page's address, so that a proposal can be linked to and gone back from.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic import ValidationError

from apps.defect_detection.operating.limits import Limit, Promise
from apps.defect_detection.schema import ClassRule, OperatingPoint, SizeRule

SEVERITIES = (
    ("", gettext_lazy("as the model says")),
    ("critical", gettext_lazy("critical")),
    ("major", gettext_lazy("major")),
    ("minor", gettext_lazy("minor")),
)
WEIGHTS = ("minor", "major", "critical")


def _percent(label: Any) -> forms.FloatField:
    widget = forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"})
    return forms.FloatField(
        label=label, min_value=0.001, max_value=99, required=False, widget=widget
    )


def _millimetres() -> forms.FloatField:
    widget = forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"})
    return forms.FloatField(min_value=0, required=False, widget=widget)


class Ask(forms.Form):
    """Limits in percent, thresholds by hand, and severities by class and size."""

    escape = _percent(gettext_lazy("Escape at most"))
    overkill = _percent(gettext_lazy("Overkill at most"))
    critical = _percent(gettext_lazy("Escape of critical defects at most"))
    confidence = forms.ChoiceField(
        label=gettext_lazy("With confidence"),
        choices=[("95", "95 %"), ("99", "99 %"), ("90", "90 %")],
        required=False,
    )
    by_class = forms.BooleanField(
        label=gettext_lazy("A threshold of its own for each class"), required=False
    )
    every_defect = forms.BooleanField(
        label=gettext_lazy("Every single defect must be found, not only the part"), required=False
    )
    threshold = forms.FloatField(
        label=gettext_lazy("Fail from"), min_value=0.01, max_value=1, required=False
    )
    review_from = forms.FloatField(
        label=gettext_lazy("Ask a person from"), min_value=0.01, max_value=1, required=False
    )
    mm_per_pixel = forms.FloatField(
        label=gettext_lazy("Millimetres a pixel covers"), min_value=1e-6, required=False
    )
    rules = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, classes: Sequence[str], base: OperatingPoint) -> None:
        self.classes, self.base = tuple(classes), base
        super().__init__(data)
        for index, name in enumerate(self.classes):
            rule = base.rule(name)
            shown = sizes_in_columns(base.sizes_of(name))
            self.fields[f"limit_{index}"] = _percent(name)
            self.fields[f"severity_{index}"] = forms.ChoiceField(
                choices=SEVERITIES, required=False, initial=rule.severity or ""
            )
            for column in ("below", *WEIGHTS):
                field = _millimetres()
                field.initial = None if shown is None else shown.get(column)
                field.disabled = shown is None
                self.fields[f"{column}_{index}"] = field
        self.fields["mm_per_pixel"].initial = base.mm_per_pixel

    def clean(self) -> dict[str, Any]:
        """Limits and rules as the operating point's own schemas take them."""
        cleaned: dict[str, Any] = super().clean() or {}
        if self.errors:
            return cleaned
        low, high = cleaned.get("review_from"), cleaned.get("threshold")
        if low is not None and high is not None and low > high:
            self.add_error(
                "review_from", _("People are asked below the threshold: choose at most that.")
            )
            return cleaned
        try:
            self.point = self._ruled()
        except ValidationError as error:
            self.add_error(None, "; ".join(_said(one) for one in error.errors()))
        return cleaned

    @property
    def advanced(self) -> bool:
        """Whether more was asked for than one limit on escapes and one on overkill."""
        said = (
            "critical",
            "by_class",
            "every_defect",
            *(f"limit_{n}" for n in range(len(self.classes))),
        )
        other = self.data.get("confidence") or "95"
        return self.is_bound and (other != "95" or any(self.data.get(name) for name in said))

    @property
    def promise(self) -> Promise | None:
        """The limits that were given; None where there are none."""
        said = self.cleaned_data
        limits = [
            Limit(kind=kind, at_most=said[kind] / 100)
            for kind in ("escape", "overkill")
            if said.get(kind)
        ]
        if said.get("critical"):
            limits.append(Limit(kind="escape", at_most=said["critical"] / 100, severity="critical"))
        limits += [
            Limit(kind="escape", at_most=said[f"limit_{index}"] / 100, label=name)
            for index, name in enumerate(self.classes)
            if said.get(f"limit_{index}")
        ]
        if not limits:
            return None
        return Promise(
            limits=tuple(limits),
            confidence=float(said["confidence"] or 95) / 100,
            by_class=said["by_class"],
            count="defects" if said["every_defect"] else "parts",
        )

    @property
    def by_hand(self) -> OperatingPoint | None:
        """The thresholds that were given by hand; None where there are none."""
        threshold, review = self.cleaned_data["threshold"], self.cleaned_data["review_from"]
        if threshold is None and review is None:
            return None
        high = threshold if threshold is not None else max(review, self.point.threshold)
        low = review if review is not None else high
        rules = {
            name: rule.model_copy(update={"threshold": None, "review_from": None})
            for name, rule in self.point.classes.items()
        }
        return self.point.model_copy(
            update={"threshold": high, "review_from": low, "classes": rules}
        )

    def _ruled(self) -> OperatingPoint:
        """The base with the severities and sizes that were given."""
        said = self.cleaned_data
        if not said["rules"]:
            return self.base
        classes = {}
        for index, name in enumerate(self.classes):
            rule = self.base.rule(name)
            changed: dict[str, Any] = {"severity": said[f"severity_{index}"] or None}
            if not self.fields[f"below_{index}"].disabled:
                columns = {one: said[f"{one}_{index}"] for one in ("below", *WEIGHTS)}
                sizes = sizes_from_columns(columns, changed["severity"] or "major")
                changed["sizes"] = sizes if sizes or rule.sizes is not None else None
            made = ClassRule.model_validate({**rule.model_dump(), **_plain(changed)})
            if made != ClassRule():
                classes[name] = made.model_dump()
        others = {
            name: rule.model_dump()
            for name, rule in self.base.classes.items()
            if name not in self.classes
        }
        return OperatingPoint.model_validate(
            {
                **self.base.model_dump(),
                "mm_per_pixel": said["mm_per_pixel"],
                "classes": {**others, **classes},
            }
        )


def query_of(promise: Promise, classes: Sequence[str]) -> dict[str, str] | None:
    """The words by which the page's address asks for `promise`; None where it cannot."""
    said = {"ask": "limits", "confidence": f"{promise.confidence * 100:g}"}
    if said["confidence"] not in {"90", "95", "99"}:
        return None
    for limit in promise.limits:
        if limit.label and (limit.label not in classes or limit.kind == "overkill"):
            return None
        name = f"limit_{classes.index(limit.label)}" if limit.label else str(limit.kind)
        if limit.severity is not None:
            if limit.severity != "critical":
                return None
            name = "critical"
        said[name] = f"{limit.at_most * 100:.10g}"
    if promise.by_class:
        said["by_class"] = "on"
    if promise.count == "defects":
        said["every_defect"] = "on"
    return said


def _plain(changed: Mapping[str, Any]) -> dict[str, Any]:
    sizes = changed.get("sizes")
    plain = dict(changed)
    if sizes is not None:
        plain["sizes"] = [size.model_dump() for size in sizes]
    return plain


def _said(error: Any) -> str:
    return str(error["ctx"]["error"]) if error["type"] == "value_error" else str(error["msg"])


def sizes_in_columns(sizes: Sequence[SizeRule]) -> dict[str, float] | None:
    """Size rules as a row of a table: below which size a find is no defect, and from which it is
    minor, major or critical. None where they cannot be said so."""
    row: dict[str, float] = {}
    rest = list(sizes)
    if rest and rest[0].severity == "ignore" and rest[0].from_mm == 0:
        if len(rest) == 1:
            return None
        row["below"] = rest[1].from_mm
        rest = rest[1:]
    for size in rest:
        if size.severity in row or size.severity == "ignore":
            return None
        row[size.severity] = size.from_mm
    return row


def sizes_from_columns(row: Mapping[str, float | None], usual: str) -> tuple[SizeRule, ...]:
    """The other way round; what is just above the smallest defect weighs `usual`."""
    starts: dict[float, str] = {}
    below = row.get("below")
    if below:
        starts[0.0] = "ignore"
        starts[below] = usual
    for weight in WEIGHTS:
        start = row.get(weight)
        if start is not None:
            starts[start] = weight
    return tuple(
        SizeRule.model_validate({"from_mm": start, "severity": starts[start]})
        for start in sorted(starts)
    )
