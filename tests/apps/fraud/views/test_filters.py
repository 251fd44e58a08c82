"""Filters and tags of one name mean one thing on every page: no library hides another's."""

from importlib import import_module

import pytest

LIBRARIES = (
    "loupe.console.templatetags.loupe",
    "apps.fraud.templatetags.fraud",
    "apps.fraud.templatetags.trials",
)


@pytest.mark.parametrize("kind", ["filters", "tags"])
def test_no_library_of_the_pages_hides_anothers_words(kind: str) -> None:
    seen: dict[str, str] = {}
    for name in LIBRARIES:
        for word in getattr(import_module(name).register, kind):
            assert word not in seen, f"{word} of {name} hides that of {seen[word]}"
            seen[word] = name
