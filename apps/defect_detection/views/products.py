"""Products: the list, making one, and one product with the history of its recipes."""

from django import forms
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from apps.defect_detection.app import App
from apps.defect_detection.services import products, recipes
from loupe.contract.runtime.errors import LoupeError
from loupe.host.pages import PageRequest, blame, project_page, say, say_refused
from loupe.host.people import Action, require


class ProductForm(forms.Form):
    """A new product."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    key = forms.CharField(
        label=gettext_lazy("Key"),
        max_length=60,
        help_text=gettext_lazy("What cameras and business systems call it, e.g. bracket-7."),
    )


@require_http_methods(["GET", "POST"])
@project_page(section="products")
def listing(request: PageRequest, app: str) -> HttpResponse:
    """Every product; engineers make new ones."""
    form = ProductForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        require(request.actor, Action.MANAGE_MODELS, request.project)
        if form.is_valid():
            try:
                made = products.create(request.actor, request.project, **form.cleaned_data)
                say(request, _("Made. Now say how it is inspected."))
                return _to("recipe", request, made.key)
            except LoupeError as error:
                blame(form, error, getattr(error, "field", "") or None)
    return render(
        request,
        "defect_detection/products.html",
        {
            "domain": App,
            "form": form,
            "products": list(products.listing(request.actor, request.project)[:500]),
        },
    )


@require_http_methods(["GET"])
@project_page(section="products")
def page(request: PageRequest, app: str, key: str) -> HttpResponse:
    """One product: how it is inspected now, and every recipe before."""
    product = products.find(request.actor, request.project, key)
    return render(
        request,
        "defect_detection/product.html",
        {
            "domain": App,
            "product": product,
            "decides": recipes.version_of(request.actor, product),
            "history": list(recipes.history(request.actor, product)[:100]),
        },
    )


@require_POST
@project_page(Action.MANAGE_MODELS)
def change(request: PageRequest, app: str, key: str) -> HttpResponse:
    """Rename, archive or bring back."""
    try:
        product = products.find(request.actor, request.project, key)
        archived = request.POST.get("archived")
        products.change(
            request.actor,
            product,
            name=request.POST.get("name") or None,
            archived=None if archived is None else archived == "yes",
        )
        say(request, _("Saved."))
    except LoupeError as error:
        say_refused(request, error)
    return _to("product", request, key)


def _to(name: str, request: PageRequest, key: str) -> HttpResponse:
    address = reverse(f"defect_detection:{name}", args=[request.project.slug, key])
    return HttpResponseRedirect(address)
