"""The operations page names every variable there is, and commands that exist."""

import re
from pathlib import Path

from django.core.management import get_commands

from loupe.plugins.registry import installed

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "operations.md").read_text()
READ = re.compile(r'env\.(?:text|flag|number|words|networks|folder|database)\(\s*"([A-Z_]+)"')


def test_every_variable_the_settings_read_is_in_the_table_and_no_other() -> None:
    read = {"DJANGO_SETTINGS_MODULE"}
    for file in (ROOT / "platform" / "loupe" / "settings").glob("*.py"):
        read.update(READ.findall(file.read_text()))
    named = set(re.findall(r"^\| `([A-Z_]+)` \|", PAGE, re.MULTILINE))
    assert read == named
    assert len(read) > 25


def test_every_command_on_the_page_exists() -> None:
    named = set(re.findall(r"manage\.py ([\w-]+)", PAGE))
    assert {"up", "createkey", "auditverify", "blobs", "createsuperuser"} <= named
    of_apps = {command.name for app in installed() for command in app.commands}
    assert named <= set(get_commands()) | of_apps
