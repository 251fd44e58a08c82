"""Every sentence that a reader, a sandbox or a service says in English has its Chinese.

The calls that make refusals and problems are read from the source; what stands in braces there is
filled with something odd, which must come out of the Chinese again.
"""

import ast
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from loupe.contract.sentences import Sentences, read

ROOT = Path(__file__).resolve().parents[2]
HOST, APP = ROOT / "platform" / "loupe", ROOT / "apps" / "defect_detection"
PLACES = (
    *(APP / name for name in ("layouts", "inference/decode.py", "inference/headers.py")),
    *(APP / name for name in ("inference/tiff.py", "inference/detect.py", "inference/model.py")),
    *(APP / name for name in ("labels.py", "graph.py", "artefact.py", "operating")),
    *(APP / name for name in ("points/evidence.py", "training/collection.py")),
    *(HOST / name for name in ("sandbox/pool.py", "jobs/services.py", "jobs/splitting.py")),
    *(HOST / name for name in ("jobs/execution", "training/harvest.py", "console/pages")),
)
CALLS = {"warn", "refuse", "_refuse", "_refused", "InputRefused", "NotVisible", "JobRefused"}
SLOT = re.compile("\x00")
WORD = re.compile("[a-z]{2}")
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def tables() -> Sentences:
    return Sentences([*read(APP / "sentences.json"), *read(HOST / "console" / "sentences.json")])


def said(node: ast.expr) -> str | None:
    """The text of an argument, every expression in braces a zero character."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = [
            said(value) if isinstance(value, ast.Constant) else "\x00" for value in node.values
        ]
        return "".join(part or "" for part in parts)
    return None


def sentences() -> Iterator[tuple[str, str]]:
    """Where a sentence stands, and the sentence."""
    for place in PLACES:
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Call):
                    continue
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                if name not in CALLS:
                    continue
                for argument in node.args:
                    text = said(argument)
                    # A code is one word, a sentence ends like one; a bare slot is said elsewhere.
                    if text and name == "_refused":
                        text = f"\x00 {text}."
                    if text and " " in text and text[-1] in ".\x00…" and WORD.search(text):
                        yield f"{path.relative_to(ROOT)}:{node.lineno}", text


ALL = sorted(set(sentences()))


def test_the_readers_sentences_are_found_in_the_source() -> None:
    assert len(ALL) > 100


@pytest.mark.parametrize(("place", "text"), ALL, ids=[place for place, _ in ALL])
def test_a_sentence_of_a_reader_has_its_chinese(place: str, text: str) -> None:
    numbers = count(1)
    filled = SLOT.sub(lambda _: f"<{next(numbers)}7>", text)
    found = tables().in_chinese(filled)
    assert found is not None, f"{place}: no Chinese for {text!r}"
    assert CHINESE.search(found)
    assert set(re.findall(r"<\d+7>", found)) == set(re.findall(r"<\d+7>", filled))
