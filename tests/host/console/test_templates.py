"""Templates obey the content security policy and are translated."""

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]


def _script(name: str) -> ModuleType:
    """A file of scripts/, which is no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(name)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


messages = _script("messages")

TEMPLATES = sorted(
    path
    for place in (ROOT / "platform", ROOT / "apps")
    for path in place.rglob("templates/**/*.html")
)
FORBIDDEN = {
    "an inline style": re.compile(r"\sstyle\s*="),
    "a style element": re.compile(r"<style\b"),
    "an inline script": re.compile(r"<script(?![^>]*\bsrc=)[^>]*>"),
    "an event attribute": re.compile(r"\son[a-z]+\s*=\s*[\"']"),
    "an address of another machine": re.compile(r"(?:src|href|action)=[\"'](?:https?:)?//"),
    "evaluated htmx": re.compile(r"hx-on|hx-vals=[\"']js:|hx-trigger=[\"'][^\"']*\["),
}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_template_holds_nothing_the_policy_refuses(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [what for what, pattern in FORBIDDEN.items() if pattern.search(text)] == []


@pytest.mark.parametrize(
    "place", messages.PLACES, ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_every_string_people_see_is_in_chinese(place: Path) -> None:
    assert messages.missing(place) == []


@pytest.mark.parametrize(
    "place", messages.PLACES, ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_a_translation_keeps_the_placeholders(place: Path) -> None:
    file = messages.catalogue(place)
    if not file.exists():
        return
    pattern = re.compile(r"%\(\w+\)[a-z]|%%\w+")
    for entry in messages.polib.pofile(str(file)):
        for translated in [entry.msgstr, *entry.msgstr_plural.values()]:
            if translated:
                assert sorted(pattern.findall(translated)) == sorted(pattern.findall(entry.msgid))


@pytest.mark.parametrize(
    "place", messages.PLACES, ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_chinese_sentences_have_chinese_punctuation(place: Path) -> None:
    file = messages.catalogue(place)
    if not file.exists():
        return
    narrow = re.compile(r"[\u4e00-\u9fff][,:;!?](?=[\s\u4e00-\u9fff]|$)|[,:;!?(][\u4e00-\u9fff]")
    said = [
        translated
        for entry in messages.polib.pofile(str(file))
        for translated in [entry.msgstr, *entry.msgstr_plural.values()]
    ]
    assert [text for text in said if narrow.search(text)] == []


def test_a_planted_string_is_found_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "ROOT", tmp_path)
    folder = tmp_path / "place" / "templates"
    folder.mkdir(parents=True)
    (folder / "page.html").write_text('{% load i18n %}{% translate "Unheard of" %}')
    assert "no translation: 'Unheard of'" in messages.missing(tmp_path / "place")
