"""Error codes are stable: every one the host can raise is in the table and in the documentation."""

import ast
import re
from pathlib import Path

import pytest

from loupe.api.codes import CODES
from tests.host.jobs.stack import ROOT

HOST = ROOT / "platform" / "loupe"
# No address of the API leads there: pages, commands and the engine's own inside, whose errors
# reach callers as the ones of `engine/errors.py`.
NOT_HTTP = (
    "testing", "client/", "supervisor", "plugins", "console", "review",
    "accounts/keys", "accounts/members", "accounts/projects", "accounts/errors",
    "jobs/offline", "jobs/execution", "jobs/attending", "monitoring", "engine/",
)  # fmt: skip
CARRIED = ("engine/errors.py", "accounts/errors.py")
NEVER_ANSWERED = {
    "decode_elsewhere",
    "lease_lost",
    "last_admin",
    "no_proposals",
    "pyramid_damaged",
    "source_not_taken",
    "token",
    "training_failed",
}
"""Raised where no request waits, or by pages and commands only."""
DOCUMENT = ROOT / "docs" / "api.md"


def raised() -> dict[str, str]:
    """Every code named in the host: class attributes ``code`` and arguments ``code=``."""
    found: dict[str, str] = {}
    for path in HOST.rglob("*.py"):
        where = path.relative_to(HOST).as_posix()
        if where.startswith(NOT_HTTP) and where not in CARRIED:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            for value in _codes(node):
                found[value] = where
    return found


def _codes(node: ast.AST) -> list[str]:
    values: list[ast.expr] = []
    if isinstance(node, ast.ClassDef):
        values = [
            statement.value
            for statement in node.body
            if isinstance(statement, ast.Assign)
            and any(isinstance(name, ast.Name) and name.id == "code" for name in statement.targets)
        ]
    elif isinstance(node, ast.Call):
        values = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
    return [
        value.value
        for value in values
        if isinstance(value, ast.Constant) and isinstance(value.value, str)
    ]


def documented() -> dict[str, int]:
    """The rows ``| `code` | status |`` of the table of errors."""
    rows = re.findall(r"^\| `([a-z_0-9]+)` \| (\d{3}) \|", DOCUMENT.read_text(), re.MULTILINE)
    return {code: int(status) for code, status in rows}


def test_every_code_the_host_raises_is_in_the_table() -> None:
    known = CODES.keys() | NEVER_ANSWERED
    missing = {code: where for code, where in raised().items() if code not in known}
    assert not missing


def test_documentation_and_table_are_one() -> None:
    assert documented() == {code: row.status for code, row in CODES.items()}


@pytest.mark.parametrize("path", ["problems.py", "codes.py"])
def test_there_is_a_host_to_read(path: str) -> None:
    assert (Path(HOST) / "api" / path).exists()
