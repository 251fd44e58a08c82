"""Where code lies and how it is named."""

import json
import os
import re
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from tests.architecture.tree import ROOT, python_files, text_of, tracked

VAGUE = {"utils", "util", "helpers", "helper", "common", "misc"}
LONGEST_FILE = 400
LARGEST_TREE = 40 * 2**20


def test_platform_is_a_container_without_python_files_of_its_own() -> None:
    assert [path for path in (ROOT / "platform").iterdir() if path.suffix == ".py"] == []


@pytest.mark.parametrize("folder", [".", "platform"])
def test_import_platform_gives_the_standard_library(folder: str) -> None:
    code = "import platform; print(platform.__file__, platform.system())"
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT / folder, capture_output=True, text=True, check=True
    )
    assert str(ROOT) not in answer.stdout
    assert answer.stdout.rstrip().endswith("Linux")


def test_the_host_contains_no_apps_slug() -> None:
    built_in = {
        point.name for point in entry_points(group="loupe.apps") if point.value.startswith("apps.")
    }
    assert built_in
    slugs = re.compile("|".join(sorted(built_in | {"defect_detection", "fraud", "report_gen"})))
    found = [
        str(path)
        for path in tracked()
        if path.parts[0] == "platform"
        and "locale" not in path.parts
        and "vendor" not in path.parts
        and slugs.search(text_of(path))
    ]
    assert found == []


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert [str(path) for path in python_files() if path.stem in VAGUE] == []


def test_no_python_file_is_longer_than_400_lines() -> None:
    long = {
        str(path): count
        for path in python_files()
        if "migrations" not in path.parts and (count := text_of(path).count("\n")) > LONGEST_FILE
    }
    assert long == {}


def test_every_folder_of_tests_is_a_package() -> None:
    folders = {path.parent for path in python_files("tests") if "probes" not in path.parts}
    assert [
        str(each) for each in sorted(folders) if not (ROOT / each / "__init__.py").exists()
    ] == []


def test_the_tracked_tree_is_under_40_mb() -> None:
    sizes = {path: (ROOT / path).stat().st_size for path in tracked()}
    largest = sorted(sizes, key=sizes.__getitem__)[-5:]
    assert sum(sizes.values()) < LARGEST_TREE, largest


def test_declaring_packages_imports_nothing() -> None:
    code = (
        "import json, sys; before = set(sys.modules); import loupe, loupe.contract;"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=dict(os.environ),
    )
    assert json.loads(answer.stdout) == ["loupe", "loupe.contract"]
