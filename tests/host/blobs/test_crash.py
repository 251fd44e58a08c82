"""Real kills and a really full disk."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from loupe.blobs import services
from loupe.blobs.backend import backend
from loupe.blobs.errors import DiskFull
from loupe.blobs.models import Blob
from loupe.blobs.writing import Writer
from tests.host.blobs.conftest import stored_files, unfinished_files

ENDLESS = """
import sys
from pathlib import Path
from loupe.blobs import writing
from loupe.blobs.folder import FolderBackend
backend = FolderBackend(Path(sys.argv[1]))
with writing.Writer(backend.new_file()) as writer:
    print("writing", flush=True)
    while True:
        writer.write(b"x" * 65536)
"""


def test_a_kill_in_mid_store_leaves_no_half_blob(root: Path, settings: Settings) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", "import django; django.setup()\n" + ENDLESS, str(root)],
        stdout=subprocess.PIPE,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "loupe.settings.test",
            "LOUPE_MIN_FREE_BYTES": "0",
        },
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == b"writing\n"
        until = time.monotonic() + 90
        while not any(path.stat().st_size for path in unfinished_files(root)):
            assert time.monotonic() < until
            time.sleep(0.01)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert stored_files(root) == []
    assert len(unfinished_files(root)) == 1
    # The next process to store anything sweeps up after the dead one.
    from_elsewhere = (
        "import django; django.setup()\n"
        "import sys; from pathlib import Path; from loupe.blobs.folder import FolderBackend\n"
        "FolderBackend(Path(sys.argv[1])).new_file()"
    )
    subprocess.run(
        [sys.executable, "-c", from_elsewhere, str(root)],
        check=True,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "loupe.settings.test"},
    )
    assert unfinished_files(root) == []


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of its own, so that full means full."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"mounting a small disk needs root: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.django_db
def test_a_full_disk_refuses_the_file_and_keeps_nothing_of_it(
    tmp_path: Path, settings: Settings
) -> None:
    settings.MIN_FREE_BYTES = 0
    with small_disk(tmp_path / "disk", "2m") as disk:
        settings.STORAGE_URL = f"file://{disk / 'blobs'}"
        services.store_bytes(b"fits", "image/png")
        source = tmp_path / "large"
        source.write_bytes(os.urandom(3 * 2**20))
        with pytest.raises(DiskFull, match="bytes free; storing 3,145,728 more"):
            services.store(source, "image/png")
        writer_path = backend().new_file()
        with pytest.raises(DiskFull, match="is full"):
            fill(writer_path)
        assert len(stored_files(disk / "blobs")) == 1
        assert unfinished_files(disk / "blobs") == []
        assert Blob.objects.count() == 1
        services.store_bytes(b"x" * 500_000, "image/png")


def fill(path: Path) -> None:
    with Writer(path) as writer:
        while True:
            writer.write(b"x" * 100_000)
