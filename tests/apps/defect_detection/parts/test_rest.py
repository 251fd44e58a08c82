"""REST of products, stations, parts and quality: policies, refusals, what is answered."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern

from apps.defect_detection.api.urls import urlpatterns
from apps.defect_detection.models import Part, Recipe
from loupe.accounts.models import Role
from loupe.accounts.policy import LOWEST_ROLE, SCOPES, Action
from loupe.api import limits
from tests.apps.defect_detection.parts.conftest import Plant, picture

MINE = ("products", "stations", "parts", "quality")


@pytest.fixture(autouse=True)
def unlimited() -> Any:
    limits.set_rate(100_000)
    yield
    limits.set_rate(10_000)


def addresses() -> list[tuple[str, str, Action]]:
    """Method, address and action of every endpoint of this slice."""
    found = []
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        route = str(pattern.pattern)
        if not route.startswith(MINE):
            continue
        view: Any = pattern.callback.cls  # type: ignore[attr-defined]
        for method, action in view.policy.items():
            found.append((method, route, action))
    return found


def path_of(plant: Plant, route: str) -> str:
    key = "line-1" if route.startswith("stations") else "bracket"
    part = Part.objects.filter(project=plant.project).first()
    filled = route.replace("<slug:key>", key).replace("<int:part_id>", str(part.pk if part else 1))
    return plant.api(filled.replace("<int:finding_id>", "1"))


def test_every_endpoint_asks_its_policy_of_roles_and_scopes(full: Plant) -> None:
    ranks = list(Role)
    people = {role: full.client(role.value) for role in Role}
    keys = {scope: full.key(scope) for scope in sorted(SCOPES)}
    stranger, anyone = full.client("stranger"), Client()
    for method, route, action in addresses():
        path, name = path_of(full, route), f"{method} {route}"
        for role, client in people.items():
            enough = ranks.index(role) >= ranks.index(LOWEST_ROLE[action])
            status = client.generic(method, path, "{}", "application/json").status_code
            assert (status != 403) == enough, (name, role, status)
        for scope, key in keys.items():
            status = anyone.generic(method, path, "{}", "application/json", **key).status_code
            assert (status != 403) == (scope == action.value), (name, scope, status)
        hidden = f"{path}?project={full.project.slug}"
        assert stranger.generic(method, hidden, "{}", "application/json").status_code == 404, name
        assert anyone.generic(method, path, "{}", "application/json").status_code == 401, name


def test_every_endpoint_is_described() -> None:
    described = Client().get("/api/v1/openapi.json").json()["paths"]
    for method, route, _action in addresses():
        plain = route.replace("<slug:key>", "{key}").replace("<int:part_id>", "{part_id}")
        plain = plain.replace("<int:finding_id>", "{finding_id}")
        assert method.lower() in described[f"/api/v1/defect_detection/{plain}"], route


def test_a_product_its_recipe_and_a_station_are_made_by_rest(plant: Plant) -> None:
    client, key = Client(), plant.key("view", "manage_models", "submit")

    def post(path: str, body: Any) -> Any:
        return client.post(plant.api(path), body, content_type="application/json", **key)

    assert post("products", {"key": "lid", "name": "Lid"}).status_code == 201
    assert post("products", {"key": "lid", "name": "Lid"}).status_code == 409
    recipe = {
        "views": ["top"],
        "mm_per_pixel": 0.05,
        "picture": {"file_names": "{serial}", "codes": "matrix"},
        "settings": {"threshold": 0.4, "review_from": 0.2},
        "expected_recipe": 0,
    }
    made = post("products/lid/recipes", recipe)
    assert made.status_code == 201, made.content
    assert made.json()["picture"]["codes"] == "matrix"
    assert post("products/lid/recipes", recipe).status_code == 409
    stored = Recipe.objects.get(product__key="lid")
    assert stored.operating_point.data["threshold"] == 0.4
    wrong = post("products/lid/recipes", {"picture": {"file_names": "{serial"}})
    assert wrong.status_code == 400
    assert "nothing closes" in wrong.content.decode()
    assert post("stations", {"key": "line-9", "name": "Line 9"}).status_code == 201
    runs = post("stations/line-9/run", {"product": "lid", "lot": "L1"}).json()
    assert (runs["product"], runs["lot"]) == ("lid", "L1")
    assert post("stations/line-9/run", {"product": "nothing"}).status_code == 404


def test_parts_are_listed_page_by_page_without_repeats(full: Plant) -> None:
    client, key = Client(), full.key("view")
    seen, cursor = [], ""
    while True:
        page = client.get(full.api(f"parts?limit=3{cursor}"), **key).json()
        seen += [part["serial"] for part in page["parts"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert sorted(seen) == ["A0", "A1", "A2", "A3", "A4", "A5", "B1"]
    assert client.get(full.api("parts?cursor=abc"), **key).status_code == 400
    only = client.get(full.api("parts?outcome=fail&lot=L0"), **key).json()["parts"]
    assert [part["serial"] for part in only] == ["A0"]


def test_a_finding_is_reported_by_a_business_system_and_withdrawn(full: Plant) -> None:
    client, key = Client(), full.key("view", "submit")
    part = full.part("A1")
    path = full.api(f"parts/{part.pk}/findings")
    made = client.post(path, {"label": "crack"}, content_type="application/json", **key)
    assert made.status_code == 201
    shown = client.get(full.api(f"parts/{part.pk}"), **key).json()
    assert (shown["escaped"], shown["findings"][0]["label"]) == (True, "crack")
    assert client.get(full.api("quality"), **key).json()["escape"]["count"] == 1
    taken = client.post(f"{path}/{made.json()['id']}/withdraw", **key)
    assert taken.json()["withdrawn_at"]
    assert not client.get(full.api(f"parts/{part.pk}"), **key).json()["escaped"]
    late = {"label": "crack", "found_at": "2999-01-01T00:00:00Z"}
    refused = client.post(path, late, content_type="application/json", **key)
    assert refused.status_code == 400


@pytest.mark.parametrize("path", ["parts", "quality", "stations/line-1", "products"])
def test_queries_do_not_grow_with_the_parts(full: Plant, path: str) -> None:
    client, key = Client(), full.key("view")
    client.get(full.api(path), **key)

    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert client.get(full.api(path), **key).status_code == 200
        return len(asked)

    few = queries()
    full.send(*(picture(f"L3_C{n}_top.jpg", 0.9) for n in range(15)), station="line-1")
    assert queries() == few
