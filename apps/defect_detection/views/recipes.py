"""The recipe editor: model, views, names and codes as a form; regions, masks and the pixel size
drawn on a picture."""

import json
from typing import Any

from django import forms
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from apps.defect_detection.app import App
from apps.defect_detection.models import Product, View
from apps.defect_detection.schema import OperatingPoint
from apps.defect_detection.services import products, recipes
from apps.defect_detection.services.recipes import Draft
from loupe.contract.runtime.errors import LoupeError
from loupe.host.pages import PageRequest, blame, project_page, say
from loupe.host.people import Action
from loupe.host.results import Result

APP = "defect_detection"
MOST_REFERENCES = 24


class RecipeForm(forms.Form):
    """How a product is inspected."""

    model = forms.ChoiceField(label=gettext_lazy("Model"), required=False)
    views = forms.CharField(
        label=gettext_lazy("Views a part needs"),
        required=False,
        max_length=1600,
        help_text=gettext_lazy("With commas between them, e.g. top, bottom. Empty: one picture."),
    )
    mm_per_pixel = forms.FloatField(
        label=gettext_lazy("Millimetres a pixel covers"),
        required=False,
        min_value=1e-6,
        max_value=1000,
        help_text=gettext_lazy("Empty: not known. Draw a line of known length to measure it."),
    )
    file_names = forms.CharField(
        label=gettext_lazy("What file names say"),
        required=False,
        max_length=200,
        help_text=gettext_lazy(
            "For instance {lot}_{serial}_{view}. {serial:8} takes eight characters, * skips."
        ),
    )
    codes = forms.ChoiceField(
        label=gettext_lazy("Barcodes in the picture"),
        choices=[
            ("off", gettext_lazy("Not read")),
            ("matrix", gettext_lazy("QR and Data Matrix")),
            ("linear", gettext_lazy("Bars (1D)")),
            ("any", gettext_lazy("Any kind")),
        ],
    )
    code_texts = forms.CharField(
        label=gettext_lazy("What a barcode's text says"),
        required=False,
        max_length=200,
        help_text=gettext_lazy("For instance {serial}, or of GS1 *(10){lot}(21){serial}."),
    )
    mask_share = forms.FloatField(
        label=gettext_lazy("A mask leaves a find out from this share of it"),
        min_value=0.01,
        max_value=1,
    )
    note = forms.CharField(label=gettext_lazy("What changed"), required=False, max_length=300)
    areas = forms.CharField(required=False, widget=forms.HiddenInput)
    reference = forms.IntegerField(required=False, widget=forms.HiddenInput)
    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, models: list[str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["model"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [("", _("The project's default")), *((name, name) for name in models)]

    def clean_areas(self) -> dict[str, Any]:
        """Regions and masks as the editor sends them."""
        try:
            found = json.loads(self.cleaned_data["areas"] or "{}")
        except ValueError as error:
            raise forms.ValidationError(_("The areas cannot be read.")) from error
        if not isinstance(found, dict):
            raise forms.ValidationError(_("The areas cannot be read."))
        return {name: found.get(name, []) for name in ("regions", "masks")}

    def draft(self) -> Draft:
        """The recipe that is asked for."""
        said = self.cleaned_data
        return Draft(
            model=said["model"],
            views=said["views"].split(","),
            mm_per_pixel=said["mm_per_pixel"],
            picture={
                **said["areas"],
                "mask_share": said["mask_share"],
                "file_names": said["file_names"],
                "codes": said["codes"],
                "code_texts": said["code_texts"],
            },
            reference=said["reference"],
            note=said["note"],
            seen=said["seen"],
        )


@require_http_methods(["GET", "POST"])
@project_page(Action.MANAGE_MODELS, section="products")
def edit(request: PageRequest, app: str, key: str) -> HttpResponse:
    """Save the next recipe of a product."""
    product = products.find(request.actor, request.project, key)
    names = sorted({model.name for model in recipes.models_to_choose(request.actor, product)})
    now = recipes.point_of(request.actor, product)
    point = OperatingPoint.model_validate(now.data)
    if request.method == "POST":
        form = RecipeForm(names, request.POST)
        if form.is_valid():
            try:
                recipes.save(request.actor, product, form.draft())
                say(request, _("Saved: pictures that come from now on are inspected by it."))
                return HttpResponseRedirect(
                    reverse("defect_detection:product", args=[request.project.slug, key])
                )
            except LoupeError as error:
                blame(form, error, _field(form, error))
    else:
        form = RecipeForm(names, initial=_initial(product, point))
    references = _references(product)
    chosen = _chosen(request, product, references)
    return render(
        request,
        "defect_detection/recipe.html",
        {
            "domain": App,
            "product": product,
            "form": form,
            "references": references,
            "chosen": chosen,
            "editor": _editor(request, form, chosen),
        },
    )


def _field(form: RecipeForm, error: LoupeError) -> str | None:
    """Where to show a refusal: at the field it names, where there is one."""
    named = str(getattr(error, "field", ""))
    return named if named in form.fields and not form.fields[named].widget.is_hidden else None


def _initial(product: Product, point: OperatingPoint) -> dict[str, Any]:
    recipe = product.recipe
    areas = point.picture.model_dump(mode="json", include={"regions", "masks"})
    return {
        "model": recipe.model.name if recipe and recipe.model else "",
        "views": ", ".join(product.views),
        "mm_per_pixel": point.mm_per_pixel,
        "file_names": point.picture.file_names,
        "codes": point.picture.codes,
        "code_texts": point.picture.code_texts,
        "mask_share": point.picture.mask_share,
        "areas": json.dumps(areas),
        "reference": recipe.reference_id if recipe else None,
        "seen": recipe.number if recipe else 0,
    }


def _references(product: Product) -> list[Result]:
    """Pictures to draw on: of the product where there are some, else of the project."""
    own = (
        View.objects.filter(part__product=product)
        .order_by("-pk")
        .values_list("result_id", flat=True)
    )
    ids = list(own[:MOST_REFERENCES])
    rows = Result.objects.filter(project=product.project, app=APP).select_related("item__input")
    if ids:
        return list(rows.filter(pk__in=ids).order_by("-pk"))
    return list(rows.order_by("-pk")[:MOST_REFERENCES])


def _chosen(request: PageRequest, product: Product, references: list[Result]) -> Result | None:
    """The picture in the editor: the one asked for, the recipe's, else the newest."""
    asked = request.GET.get("reference", "") or request.POST.get("reference", "")
    rows = Result.objects.filter(project=product.project, app=APP)
    if asked.isascii() and asked.isdigit() and len(asked) < 19:
        found = rows.filter(pk=int(asked)).first()
        if found is not None:
            return found
    if product.recipe and product.recipe.reference:
        return product.recipe.reference
    return references[0] if references else None


def _editor(request: PageRequest, form: RecipeForm, chosen: Result | None) -> dict[str, Any]:
    """What the script of the editor is told."""
    image = chosen.data["image"] if chosen else {"width": 4, "height": 3}
    picture = (
        reverse("console:picture", args=[request.project.slug, APP, chosen.pk, "full"])
        if chosen
        else ""
    )
    return {
        "picture": picture,
        "width": image["width"],
        "height": image["height"],
        "words": {
            "region": _("Region"),
            "mask": _("Mask"),
            "every": _("every view"),
            "name": _("Name"),
            "view": _("View"),
            "remove": _("Remove"),
            "length": _("How long is this line, in millimetres?"),
            "corners": _("%n corners"),
            "left": _("left, %"),
            "top": _("top, %"),
            "width": _("width, %"),
            "height": _("height, %"),
            "none": _("No area yet: defects count everywhere."),
        },
    }
