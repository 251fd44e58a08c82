"""What no code of ours may do, and what no file may mention."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.tree import python_files, text_of, tracked

UNSAFE_IMPORTS = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal"}
MACHINE_PATHS = re.compile(
    r"/(?:work|home|Users)/[a-z]|/root/|--(?:extra-)?index-url|"
    r"https?://[^/\s]*\b(?:registry|packages|mirrors?|simple)\b",
    re.IGNORECASE,
)
OURS = ("platform", "apps", "core_kernels")
# Reads what is in an Ultralytics checkpoint without running it: every name it looks up is its own.
INERT_READER = "apps/defect_detection/conversion/inert.py"


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Every call in a file with the dotted name of what is called."""
    for node in ast.walk(ast.parse(text_of(path))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_nothing_of_ours_imports_a_pickle_reader() -> None:
    found = []
    for path in python_files(*OURS):
        for node in ast.walk(ast.parse(text_of(path))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            found += [
                f"{path}: {name}" for name in names if name.partition(".")[0] in UNSAFE_IMPORTS
            ]
    assert found == [f"{INERT_READER}: pickle"]


def test_the_inert_reader_looks_every_name_up_by_itself() -> None:
    tree = ast.parse(text_of(Path(INERT_READER)))
    used = {
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node).startswith("pickle.")
    }
    assert "pickle.Unpickler" in used
    assert used <= {"pickle.Unpickler", "pickle.UnpicklingError"}
    readers = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and "pickle.Unpickler" in map(ast.unparse, node.bases)
    ]
    assert readers
    for reader in readers:
        methods = {node.name for node in reader.body if isinstance(node, ast.FunctionDef)}
        assert "find_class" in methods


def test_weights_and_yaml_are_never_read_by_readers_that_run_code() -> None:
    found = []
    for path in python_files(*OURS):
        for name, call in calls(path):
            options = {each.arg: ast.unparse(each.value) for each in call.keywords}
            if name == "torch.load" and options.get("weights_only") != "True":
                found.append(f"{path}:{call.lineno} torch.load without weights_only=True")
            if name in {"yaml.load", "yaml.unsafe_load", "yaml.full_load"}:
                found.append(f"{path}:{call.lineno} {name}")
            if name in {"numpy.load", "np.load"} and options.get("allow_pickle") == "True":
                found.append(f"{path}:{call.lineno} {name} with pickles")
            if name in {"eval", "exec"}:
                found.append(f"{path}:{call.lineno} {name}")
    assert found == []


def test_input_is_never_validated_by_assert() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path in python_files(*OURS)
        if "testing" not in path.parts
        for node in ast.walk(ast.parse(text_of(path)))
        if isinstance(node, ast.Assert)
    ]
    assert found == []


def test_no_blind_except() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path in python_files(*OURS)
        for node in ast.walk(ast.parse(text_of(path)))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) == "BaseException")
        and not any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
    ]
    assert found == []


def test_no_file_names_a_machine_or_a_registry() -> None:
    allowed = {Path(__file__).name}
    found = [
        f"{path}: {match.group()}"
        for path in tracked()
        if path.name not in allowed
        and "vendor" not in path.parts
        and path.suffix not in {".png", ".jpg", ".onnx", ".safetensors", ".mo", ".woff2", ".gz"}
        for match in [MACHINE_PATHS.search(text_of(path))]
        if match
    ]
    assert found == []
