"""Keys and clients for a running installation (the fixture `site`)."""

import json

import httpx

from tests.processes import Site


def new_key(site: Site, project: str = "line", *scopes: str) -> str:
    """Make a key in a project of the installation; no scopes: all of them."""
    made = site.python(
        "import django, json; django.setup()\n"
        "from loupe.accounts import keys, projects\n"
        "from loupe.accounts.models import Project\n"
        "from loupe.accounts.policy import SCOPES, SYSTEM\n"
        f"slug, scopes = {project!r}, {scopes!r} or sorted(SCOPES)\n"
        "project = Project.objects.filter(slug=slug).first()\n"
        "project = project or projects.create(SYSTEM, slug, slug)\n"
        "print(json.dumps(keys.create(SYSTEM, project, 'test', scopes, 'never')[1]))"
    )
    return str(json.loads(made))


def http(site: Site, key: str, timeout_s: float = 60.0) -> httpx.Client:
    """A plain client with a key."""
    return httpx.Client(
        base_url=site.url, headers={"Authorization": f"Api-Key {key}"}, timeout=timeout_s
    )
