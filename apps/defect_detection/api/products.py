"""Products and their recipes."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from apps.defect_detection.api import present
from apps.defect_detection.api.shapes import (
    ProductChange,
    ProductOrder,
    Products,
    ProductShape,
    RecipeOrder,
    RecipeShape,
)
from apps.defect_detection.models import Product
from apps.defect_detection.services import products, recipes
from apps.defect_detection.services.recipes import Draft
from loupe.host.people import Action
from loupe.host.rest import Endpoint, Shape, answer, describe, idempotent, ordered

MANAGE = Action.MANAGE_MODELS


class RecipeHistory(Shape):
    """A product's recipes, newest first."""

    recipes: list[RecipeShape]


class ProductList(Endpoint):
    """All products of a project."""

    policy: ClassVar = {"GET": Action.VIEW, "POST": MANAGE}

    @extend_schema(
        operation_id="defect_detection_products_list",
        parameters=[describe.PROJECT],
        responses={200: Products, **describe.PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """List products by name, each with its newest recipe."""
        rows = products.listing(self.actor, self.project).select_related(
            "recipe__operating_point__model_version__model"
        )
        return answer(Products(products=[present.product(row) for row in rows[:1000]]))

    @extend_schema(
        operation_id="defect_detection_products_create",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=ProductOrder,
        responses={201: ProductShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Make a product. Its key is the fact `product` of submissions."""
        order = ordered(request, ProductOrder)
        made = products.create(self.actor, self.project, key=order.key, name=order.name)
        location = reverse("defect_detection-api:product", args=[made.key])
        return answer(present.product(made), 201, {"Location": location})


class ProductEndpoint(Endpoint):
    """A view of one product of the project."""

    product: Product

    def locate(self, action: Action, request: Request, **kwargs: Any) -> None:
        super().locate(action, request, **kwargs)
        self.product = products.find(self.actor, self.project, kwargs["key"])


class OneProduct(ProductEndpoint):
    """One product."""

    policy: ClassVar = {"GET": Action.VIEW, "PATCH": MANAGE}

    @extend_schema(
        operation_id="defect_detection_products_get",
        parameters=[describe.PROJECT],
        responses={200: ProductShape, **describe.PROBLEMS},
    )
    def get(self, request: Request, key: str) -> Response:
        """Show a product with its newest recipe."""
        return answer(present.product(self.product))

    @extend_schema(
        operation_id="defect_detection_products_change",
        parameters=[describe.PROJECT],
        request=ProductChange,
        responses={200: ProductShape, **describe.PROBLEMS},
    )
    def patch(self, request: Request, key: str) -> Response:
        """Rename a product, or archive it and bring it back."""
        order = ordered(request, ProductChange)
        changed = products.change(
            self.actor, self.product, name=order.name, archived=order.archived
        )
        return answer(present.product(changed))


class Recipes(ProductEndpoint):
    """How a product is inspected."""

    policy: ClassVar = {"GET": Action.VIEW, "POST": MANAGE}

    @extend_schema(
        operation_id="defect_detection_recipes_list",
        parameters=[describe.PROJECT],
        responses={200: RecipeHistory, **describe.PROBLEMS},
    )
    def get(self, request: Request, key: str) -> Response:
        """List a product's recipes, newest first, at most 200."""
        rows = recipes.history(self.actor, self.product)[:200]
        return answer(RecipeHistory(recipes=[present.recipe(row) for row in rows]))

    @extend_schema(
        operation_id="defect_detection_recipes_create",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=RecipeOrder,
        responses={201: RecipeShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, key: str) -> Response:
        """Save the next recipe; pictures that come from now on are inspected by it."""
        order = ordered(request, RecipeOrder)
        made = recipes.save(
            self.actor,
            self.product,
            Draft(
                model=order.model,
                views=order.views,
                mm_per_pixel=order.mm_per_pixel,
                picture=order.picture.model_dump(mode="json"),
                settings=order.settings,
                reference=order.reference,
                note=order.note,
                seen=order.expected_recipe,
            ),
        )
        return answer(present.recipe(made), 201)
