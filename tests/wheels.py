"""``python tests/wheels.py NAME …``: packages that this Python lacks, and how to get them.

For machines without a network: what is missing is said with the versions of
``requirements/lock.txt``, and how to fetch it elsewhere. Exits with 1 when something is missing.
"""

import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LOCK = Path(__file__).resolve().parents[1] / "requirements" / "lock.txt"


def missing(names: list[str], pins: dict[str, str]) -> list[str]:
    """Of `names`, those that are not installed, as requirements.

    Raises:
        KeyError: a missing one is not among `pins`.
    """
    wanted = []
    for name in names:
        try:
            version(name)
        except PackageNotFoundError:
            wanted.append(f"{name}=={pins[name.lower()]}")
    return wanted


def pinned(lock: str) -> dict[str, str]:
    """Names in small letters to versions, of the text of a lock file."""
    lines = [line.partition("==") for line in lock.splitlines() if not line.startswith("#")]
    return {name.strip().lower(): pin.strip() for name, _, pin in lines if pin}


def main(names: list[str]) -> int:
    """Say what is missing."""
    wanted = missing(names, pinned(LOCK.read_text()))
    if wanted:
        here = f"{sys.version_info.major}.{sys.version_info.minor}"
        sys.stderr.write(
            f"Python {here} here lacks {', '.join(wanted)}. Where there is a network:\n"
            f"  python3 -m pip download --no-deps --only-binary=:all: --python-version {here} "
            f"-d wheels {' '.join(wanted)}\n"
            "and here: python3 -m pip install --no-index --no-deps --target site wheels/*.whl, "
            "then put site on PYTHONPATH.\n"
        )
    return 1 if wanted else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
