"""Keeps the Chinese catalogues: ``python scripts/messages.py`` after a string was added or changed.

Collects every translatable string of the host and of each app (Python and templates, without
gettext's own tools), merges them into ``locale/zh_Hans/LC_MESSAGES/django.po`` keeping what is
translated, and writes the compiled ``django.mo`` beside it. Strings without a translation are
listed; ``--check`` only compares and lists.
"""

import ast
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import polib
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[1]
PLACES = (ROOT / "platform" / "loupe", *sorted((ROOT / "apps").glob("*/")))
CALLS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy"}
_TEMPLATE_CALL = re.compile(
    r"""\b(gettext|ngettext|_)\(\s*u?(?P<one>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|\"{3}.*?\"{3})"""
    r"""(?:\s*,\s*u?(?P<many>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"))?""",
    re.DOTALL,
)


@dataclass(frozen=True, order=True)
class Message:
    """One string to translate, with its plural where it has one."""

    text: str
    plural: str = ""


def collect(place: Path) -> dict[Message, set[str]]:
    """Every message below `place`, with the files it stands in."""
    found: dict[Message, set[str]] = {}
    for path in sorted(place.rglob("*.py")):
        for message in _of_python(path.read_text(encoding="utf-8")):
            found.setdefault(message, set()).add(path.relative_to(ROOT).as_posix())
    for path in sorted((*place.rglob("templates/**/*.html"), *place.rglob("templates/**/*.txt"))):
        for message in _of_template(path.read_text(encoding="utf-8"), path.name):
            found.setdefault(message, set()).add(path.relative_to(ROOT).as_posix())
    return found


def _of_python(source: str) -> list[Message]:
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else None
        name = node.func.id if isinstance(node.func, ast.Name) else name
        texts = [
            argument.value
            for argument in node.args
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
        ]
        if name in CALLS and texts:
            plural = texts[1] if name.startswith("ngettext") and len(texts) > 1 else ""
            found.append(Message(texts[0], plural))
    return found


def _of_template(source: str, origin: str) -> list[Message]:
    found = []
    for match in _TEMPLATE_CALL.finditer(templatize(source, origin=origin)):
        many = ast.literal_eval(match["many"]) if match["many"] else ""
        one = ast.literal_eval(match["one"])
        if one:
            found.append(Message(one, many))
    return found


def catalogue(place: Path) -> Path:
    """Where the Chinese of a place is kept."""
    return place / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"


def missing(place: Path) -> list[str]:
    """Messages without a translation, and translations without a message."""
    file = catalogue(place)
    known = polib.pofile(str(file)) if file.exists() else polib.POFile()
    entries = {(entry.msgid, entry.msgid_plural): entry for entry in known}
    wanted = collect(place)
    problems = [
        f"no translation: {message.text!r}"
        for message in sorted(wanted)
        if (entry := entries.get((message.text, message.plural))) is None or not entry.translated()
    ]
    asked = {(message.text, message.plural) for message in wanted}
    problems += [f"no longer used: {key[0]!r}" for key in sorted(entries) if key not in asked]
    compiled = file.with_suffix(".mo")
    if wanted and (not compiled.exists() or compiled.read_bytes() != known.to_binary()):
        problems.append(f"{compiled.relative_to(ROOT)} is not what the catalogue compiles to")
    return problems


def merge(place: Path) -> None:
    """Write the catalogue anew, keeping translations."""
    wanted = collect(place)
    file = catalogue(place)
    if not wanted:
        return
    old = polib.pofile(str(file)) if file.exists() else polib.POFile()
    entries = {(entry.msgid, entry.msgid_plural): entry for entry in old}
    new = polib.POFile(wrapwidth=100)
    new.metadata = {
        "Language": "zh_Hans",
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": "nplurals=1; plural=0;",
    }
    for message, files in sorted(wanted.items()):
        entry = entries.get((message.text, message.plural)) or polib.POEntry(
            msgid=message.text,
            msgid_plural=message.plural,
            msgstr_plural={0: ""} if message.plural else {},
        )
        entry.occurrences = [(name, "") for name in sorted(files)]
        entry.flags = ["python-format"] if "%(" in message.text else []
        new.append(entry)
    file.parent.mkdir(parents=True, exist_ok=True)
    new.save(str(file))
    file.with_suffix(".mo").write_bytes(polib.pofile(str(file)).to_binary())


def main(arguments: list[str]) -> int:
    """Merge unless ``--check``; say what is missing."""
    problems = []
    for place in PLACES:
        if "--check" not in arguments:
            merge(place)
        problems += [f"{place.relative_to(ROOT)}: {problem}" for problem in missing(place)]
    print("\n".join(problems) or "Everything is translated.")
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
