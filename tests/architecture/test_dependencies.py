"""Every dependency is explained, pinned, and the only provider of what it provides."""

import json
import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions, version
from importlib.util import find_spec

import pytest

from loupe.contract.runtime import offline
from tests.architecture.tree import ROOT, text_of

LOCK = ROOT / "requirements" / "lock.txt"


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def direct() -> list[str]:
    """The names in the .in files."""
    lines = [
        line.partition("#")[0].strip()
        for file in ("base.in", "dev.in")
        for line in (ROOT / "requirements" / file).read_text().splitlines()
    ]
    return [canonical(re.split(r"[\[=<>~! ]", line)[0]) for line in lines if line]


def locked() -> dict[str, str]:
    """Version by name, as pinned."""
    lines = [line for line in LOCK.read_text().splitlines() if not line.startswith("#")]
    return {canonical(name): pin for name, _, pin in (line.partition("==") for line in lines)}


def test_every_direct_dependency_is_explained_once() -> None:
    rows = re.findall(
        r"^\| ([\w-]+) \| [^|]+ \| [^|]+ \| [^|]+ \|$",
        (ROOT / "docs/dependencies.md").read_text(),
        re.M,
    )
    assert sorted(canonical(row) for row in rows if row != "package") == sorted(direct())


def vendored() -> dict[str, tuple[str, str]]:
    """Version and licence, by name, of every library of others that lies in the tree.

    They are recorded in ``vendor.json``.
    """
    file = ROOT / "platform/loupe/console/static/vendor/vendor.json"
    return {
        str(entry["package"]): (str(entry["version"]), str(entry["licence"]))
        for entry in json.loads(file.read_text(encoding="utf-8"))
    }


def test_every_library_in_the_tree_is_explained_with_its_version_and_licence() -> None:
    text = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| ([@\w./-]+) \| ([\d.]+) \| (.+) \| ([\w.-]+) \| (.+) \|$", text, re.MULTILINE
    )
    assert {name: (number, licence) for name, number, _, licence, _ in rows} == vendored()
    assert len(rows) == len(vendored())


def test_every_direct_dependency_is_pinned() -> None:
    assert set(direct()) <= set(locked())


def test_the_lock_holds_exact_versions_and_nothing_else() -> None:
    lines = LOCK.read_text().splitlines()[1:]
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.+!]+", line)] == []


def test_the_lock_is_complete() -> None:
    """What each pinned package needs here is pinned too, but for what is left out on purpose."""
    left_out = {"opencv-python", "openvino-telemetry"}
    pins = locked()
    missing = set()
    for name in pins:
        try:
            needs = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        for need in needs:
            if ";" in need and "extra" in need.partition(";")[2]:
                continue
            if ";" in need:
                continue  # for another system or Python
            missing.add(canonical(re.split(r"[\[=<>~!; (]", need)[0]))
    assert missing - set(pins) - left_out == set()


def test_this_environment_is_the_locked_one() -> None:
    names = ("django", "celery", "torch", "ultralytics", "openvino", "numpy")
    assert {name: version(name) for name in names} == {name: locked()[name] for name in names}


@pytest.mark.parametrize("name", ["crontab", "opencv-python", "openvino-telemetry"])
def test_harmful_packages_are_not_pinned(name: str) -> None:
    assert name not in locked()


def test_cv2_has_one_provider() -> None:
    assert set(packages_distributions()["cv2"]) == {"opencv-python-headless"}


def test_openvino_cannot_report_its_use() -> None:
    assert find_spec("openvino_telemetry") is None


def test_no_requirement_names_a_server_to_install_from() -> None:
    for file in ("base.in", "dev.in", "lock.txt"):
        text = (ROOT / "requirements" / file).read_text()
        assert not re.search(r"https?:|index-url|find-links|@ ", text), file


def test_libraries_are_kept_from_reaching_out() -> None:
    assert offline.VARIABLES["YOLO_OFFLINE"] == "1"
    assert offline.VARIABLES["YOLO_AUTOINSTALL"] == "0"
    assert offline.VARIABLES["HF_HUB_OFFLINE"] == "1"
    assert "stay_offline()" in (ROOT / "manage.py").read_text()


def test_the_licence_is_the_agpl_in_full() -> None:
    text = text_of(ROOT / "LICENSE")
    assert text.lstrip().startswith("GNU AFFERO GENERAL PUBLIC LICENSE")
    assert "END OF TERMS AND CONDITIONS" in text
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"] == "AGPL-3.0-or-later"
