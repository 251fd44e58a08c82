"""Every example of docs/api.md is run against a real server."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.host.api.server import new_key
from tests.host.jobs.stack import ROOT
from tests.processes import Site

pytestmark = [pytest.mark.slow, pytest.mark.serial]

TEXT = (ROOT / "docs" / "api.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Inputs under the names the page uses, of an app every test installation has."""
    found = tmp_path_factory.mktemp("documentation")
    (found / "image.png").write_text(json.dumps({"value": 7}))
    (found / "second.png").write_text(json.dumps({"value": 50}))
    return found


def test_shell_examples_work_one_after_the_other(site: Site, folder: Path) -> None:
    settings, *examples = blocks("sh")
    assert settings.startswith("export LOUPE=")
    assert len(examples) >= 7
    environment = {
        "LOUPE": site.url,
        "KEY": new_key(site),
        "APP": "dummy_app",
        "VERB": "measure",
        "FORMAT": "lines",
    }
    for example in examples:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", example],
            env=os.environ | environment,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == 0, f"{example}\n{done.stdout}\n{done.stderr}"


def test_python_example_works(site: Site, folder: Path) -> None:
    (example,) = blocks("python")
    code = f"url, key, app, verb = {site.url!r}, {new_key(site)!r}, 'dummy_app', 'measure'\n"
    done = subprocess.run(
        [sys.executable, "-c", code + example],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT / "platform")},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert "2 of 2" in done.stdout
