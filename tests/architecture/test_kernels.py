"""Every operation has the same files, and importing its face loads no compiler."""

import subprocess
import sys
import tomllib

import pytest

from tests.architecture.tree import ROOT, text_of, tracked

KERNELS = ROOT / "core_kernels"
# An operation's face is the file that registers its implementations.
OPERATIONS = sorted(
    path.stem
    for path in (KERNELS / "dispatch").glob("*.py")
    if path.stem != "registry" and "register(" in path.read_text(encoding="utf-8")
)


def test_there_are_operations() -> None:
    assert "add_norm" in OPERATIONS


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_has_formula_implementation_test_benchmark_and_page(operation: str) -> None:
    needed = [
        ROOT / f"core_kernels/reference/{operation}.py",
        ROOT / f"core_kernels/benchmarks/{operation}.py",
        ROOT / f"tests/kernels/test_{operation}.py",
        ROOT / f"docs/kernels/{operation}.md",
    ]
    assert [str(path) for path in needed if not path.exists()] == []
    fast = [KERNELS / folder / f"{operation}.py" for folder in ("triton_ops", "cpu_ops")]
    assert any(path.exists() for path in fast)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_page_has_the_formula_a_picture_the_floor_and_who_uses_it(operation: str) -> None:
    page = (ROOT / f"docs/kernels/{operation}.md").read_text(encoding="utf-8")
    for part in ("## Formula", "## Picture", "## Floor", "## Implementations", "Used by "):
        assert part in page
    assert f"python -m core_kernels.benchmarks {operation}" in page
    assert f"](kernels/{operation}.md)" in (ROOT / "docs/kernels.md").read_text(encoding="utf-8")


def test_importing_every_face_loads_neither_triton_nor_numba() -> None:
    code = (
        "import importlib, sys\n"
        f"for name in {OPERATIONS!r}: importlib.import_module('core_kernels.dispatch.' + name)\n"
        "print([name for name in ('triton', 'numba', 'polars', 'xgboost', 'transformers') "
        "if name in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


def test_tests_of_kernels_run_without_the_host() -> None:
    """`tests/gpu.sh` runs them where neither Django nor the host's plugins are installed."""
    found = [
        str(path)
        for path in tracked()
        if path.parts[:2] == ("tests", "kernels") and path.suffix == ".py"
        for line in text_of(path).splitlines()
        if line.startswith(("import django", "from django", "import loupe", "from loupe"))
    ]
    assert found == []


def test_tuned_configurations_are_packaged() -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert told["tool"]["setuptools"]["package-data"]["core_kernels"] == ["tuned/*/*.json"]
