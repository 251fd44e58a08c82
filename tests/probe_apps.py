"""A pytest plugin that installs the probe apps as real distributions before Django starts.

They go into a folder of their own (never into the environment, where `make up` would show them),
named by the hash of their sources, and that folder onto the path of this and every child process.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

PROBES = Path(__file__).parent / "probes"


def sources_hash() -> str:
    """Changes whenever a probe's file does."""
    digest = hashlib.sha256()
    for path in sorted(PROBES.rglob("*")):
        parts = path.relative_to(PROBES).parts
        built = {"__pycache__", "build"} & set(parts) or any(".egg-info" in part for part in parts)
        if path.is_file() and not built:
            digest.update("/".join(parts).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def install() -> Path:
    """The folder with all probes installed; made once per state of their sources."""
    base = Path(tempfile.gettempdir()) / f"loupe-probes-{os.getuid()}"
    base.mkdir(mode=0o700, exist_ok=True)
    target = base / sources_hash()
    with (base / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (target / "complete").exists():
            return target
        with tempfile.TemporaryDirectory() as copies:
            for probe in sorted(path for path in PROBES.iterdir() if path.is_dir()):
                copy = Path(copies) / probe.name
                subprocess.run(["cp", "-r", str(probe), str(copy)], check=True)
                options = [
                    "--quiet",
                    "--no-deps",
                    "--no-index",
                    "--no-build-isolation",
                    "--upgrade",
                ]
                command = [sys.executable, "-m", "pip", "install", *options]
                subprocess.run([*command, "--target", str(target), str(copy)], check=True)
        (target / "complete").touch()
    return target


FOLDER = install()
sys.path.insert(0, str(FOLDER))
os.environ["PYTHONPATH"] = os.pathsep.join(
    part for part in (str(FOLDER), os.environ.get("PYTHONPATH", "")) if part
)
