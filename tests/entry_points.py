"""``python tests/entry_points.py FOLDER [APP …]``: apps of this checkout made known, not installed.

Python finds an app by the entry point that an installed package declares. With FOLDER on
``PYTHONPATH`` it finds those that ``pyproject.toml`` declares: of the apps named, or of all.
"""

import sys
import tomllib
from pathlib import Path

GROUP = "loupe.apps"


def main(folder: Path, names: list[str]) -> None:
    """Write the package's metadata into `folder`."""
    declared = Path(__file__).resolve().parents[1] / "pyproject.toml"
    project = tomllib.loads(declared.read_text())["project"]
    name, version, points = project["name"], project["version"], project["entry-points"][GROUP]
    into = folder / f"{name}-{version}.dist-info"
    into.mkdir()
    (into / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = [f"{app} = {points[app]}" for app in names or points]
    (into / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *lines, ""]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
