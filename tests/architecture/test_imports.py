"""Who may import whom, and that breaking it is noticed."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.tree import ROOT

LINT = "import sys; from importlinter.cli import lint_imports_command; lint_imports_command()"


def settings() -> dict[str, Any]:
    read: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return dict(read["tool"]["importlinter"])


def contract(name: str) -> dict[str, Any]:
    return next(each for each in settings()["contracts"] if each["id"] == name)


def modules_in(folder: str) -> set[str]:
    """Packages and modules directly in a folder."""
    return {
        path.stem
        for path in (ROOT / folder).iterdir()
        if path.name != "__init__.py" and ((path / "__init__.py").exists() or path.suffix == ".py")
    }


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    """import-linter over a tree, without a cache that another tree wrote."""
    return subprocess.run(
        [sys.executable, "-c", LINT, "--no-cache"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "", "PYTHONPATH": f"{root / 'platform'}:{root}", "COLUMNS": "200"},
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code in a place where it may be damaged."""
    root = tmp_path_factory.mktemp("tree")
    for folder in ("apps", "core_kernels", "platform"):
        shutil.copytree(
            ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__", "static")
        )
    shutil.copy(ROOT / "pyproject.toml", root)
    return root


@pytest.mark.slow
def test_the_tree_keeps_every_contract(copy: Path) -> None:
    answer = lint(copy)
    assert answer.returncode == 0, answer.stdout[-3000:]
    assert f"Contracts: {len(settings()['contracts'])} kept, 0 broken" in answer.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "line", "broken"),
    [
        ("platform/loupe/contract/app.py", "import loupe.jobs.models", "from high to low"),
        ("platform/loupe/jobs/services.py", "import loupe.console.urls", "from high to low"),
        ("platform/loupe/ids/__init__.py", "import apps", "Apps stand on the host"),
        ("core_kernels/__init__.py", "import loupe", "both on the kernels"),
        ("platform/loupe/engine/__init__.py", "import django", "free of Django"),
        ("platform/loupe/sandbox/__init__.py", "import celery", "free of Django"),
        ("apps/defect_detection/app.py", "import loupe.jobs.models", "apps see the contract"),
        ("apps/defect_detection/inference/__init__.py", "import django", "without Django"),
        ("platform/loupe/jobs/models.py", "import torch", "no numerical framework"),
    ],
)
def test_a_planted_violation_is_caught(copy: Path, file: str, line: str, broken: str) -> None:
    path = copy / file
    before = path.read_text()
    path.write_text(f"{before}\n{line}\n")
    try:
        answer = lint(copy)
    finally:
        path.write_text(before)
    assert answer.returncode == 1, answer.stdout[-2000:] + answer.stderr
    assert re.search(rf"{broken}.*BROKEN", " ".join(answer.stdout.split()))


def test_no_contract_has_exceptions() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    assert not re.search(r"ignore_imports|unmatched_ignore|exhaustive_ignores", text)


def test_the_hosts_layers_name_every_package() -> None:
    named = {part for layer in contract("host")["layers"] for part in layer.split(" | ")}
    assert named == modules_in("platform/loupe")
    assert contract("host")["exhaustive"] is True


def folder(name: str) -> Path:
    """Where a package of that name lies."""
    return ROOT / name.replace(".", "/")


def test_the_lists_of_apps_match_the_folders() -> None:
    apps = modules_in("apps")
    assert set(contract("apps")["modules"]) == {f"apps.{app}" for app in apps}
    bare = {
        f"apps.{app}.{part}"
        for app in apps
        for part in ("inference", "training")
        if (ROOT / "apps" / app / part).is_dir()
    }
    listed = set(contract("bare")["source_modules"])
    assert listed >= bare
    assert all(
        folder(name).is_dir() or folder(name).with_suffix(".py").is_file() for name in listed
    )


def test_apps_are_kept_from_every_package_but_contract_host_and_testing() -> None:
    forbidden = {
        name.removeprefix("loupe.") for name in contract("contract-only")["forbidden_modules"]
    }
    assert forbidden == modules_in("platform/loupe") - {"contract", "host", "testing"}


def test_all_of_engine_sandbox_and_contract_but_one_file_is_free_of_django() -> None:
    free = set(contract("django-free")["source_modules"])
    assert {"core_kernels", "loupe.engine", "loupe.sandbox", "loupe.contract.runtime"} <= free
    host_side = modules_in("platform/loupe/contract") - {
        name.removeprefix("loupe.contract.") for name in free if name.startswith("loupe.contract.")
    }
    django = {
        module
        for module in host_side
        for path in [ROOT / "platform/loupe/contract" / f"{module}.py"]
        if path.exists()
        and re.search(r"^(from|import) (django|rest_framework)", path.read_text(), re.M)
    }
    assert django <= {"django", "rest"}
