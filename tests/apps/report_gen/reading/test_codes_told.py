"""The page on reading tells every code that a study or a file of it can be refused or warned by."""

import ast
from pathlib import Path

from apps.report_gen.reading import sentences

APP = Path(sentences.__file__).parents[1]
PAGE = APP.parents[1] / "docs" / "report_gen.md"
SAYING = {"refusal": 0, "warning": 0, "note": 0, "faulty": 1}
"""Which argument of a call is the code."""


def codes() -> set[str]:
    found = set()
    for place in ("reading", "deid", "bundles/sorting.py"):
        path = APP / place
        for file in [path] if path.is_file() else path.rglob("*.py"):
            for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                name = getattr(getattr(call, "func", None), "id", "")
                if isinstance(call, ast.Call) and name in SAYING:
                    given = [*call.args, *([None] * 2)][SAYING[name]]
                    if isinstance(given, ast.Constant):
                        found.add(str(given.value))
    return found


def test_every_code_stands_in_the_page() -> None:
    found = codes()
    assert {"gantry_tilt", "mixed_patients", "decompression_bomb"} <= found
    assert len(found) > 40
    page = PAGE.read_text(encoding="utf-8")
    assert sorted(each for each in found if f"`{each}`" not in page) == []
