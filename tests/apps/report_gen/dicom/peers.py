"""Real DICOM nodes to talk to: dcmtk's programs and Orthanc, as Debian has them."""

import json
import shutil
import sqlite3
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydicom.dataset import FileDataset

from apps.report_gen.benchmarks.dicom_node import DicomNode, free_port
from tests.apps.report_gen.studies import Taken, base, series

PATIENCE = 240.0


@cache
def _prepared() -> TemporaryDirectory[str]:
    """An installation with its database, made once: that takes longest."""
    folder = TemporaryDirectory(prefix="loupe-dicom-", dir="/tmp")
    DicomNode(Path(folder.name)).python(
        "from loupe.host import commands; commands.prepare_for('report_gen'); "
        "commands.project_named(None)"
    )
    return folder


@contextmanager
def fresh() -> Iterator[Path]:
    """A variable folder with an empty database in it."""
    with TemporaryDirectory(prefix="loupe-dicom-", dir="/tmp") as folder:
        var = Path(folder) / "var"
        shutil.copytree(_prepared().name, var)
        yield var


def made(
    folder: Path,
    *,
    count: int = 4,
    patient: str = "MRN-1",
    name: str = "Muster^Erika",
    date: str = "",
) -> tuple[Path, str]:
    """A study in files; its Study Instance UID."""
    folder.mkdir(parents=True)
    images = series(Taken(count=count))
    for at, image in enumerate(images):
        image.PatientID, image.PatientName, image.StudyDate = patient, name, date
        image.save_as(folder / f"{at:03d}.dcm", enforce_file_format=True)
    return folder, str(images[0].StudyInstanceUID)


def storescu(node: DicomNode, folder: Path, *more: str, title: str = "CT1") -> int:
    """Send every file of a folder with dcmtk; its exit status."""
    return subprocess.run(
        ["storescu", "-R", "-aec", "LOUPE", "-aet", title, *more, "127.0.0.1", str(node.port),
         "--scan-directories", str(folder)],
        capture_output=True, check=False, timeout=240,
    ).returncode  # fmt: skip


def data_set(content: bytes) -> bytes:
    """A file without preamble and file meta."""
    return content[144 + int.from_bytes(content[140:144], "little") :]


def rows(node: DicomNode, query: str, *values: object) -> list[tuple[Any, ...]]:
    """What the node's database says."""
    with sqlite3.connect(f"file:{node.var / 'loupe.sqlite3'}?mode=ro", uri=True) as base:
        return base.execute(query, values).fetchall()


def until(true: Callable[[], Any], what: str) -> Any:
    """Wait for something; what it was."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = true()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"{what} did not happen in {PATIENCE:.0f} seconds")


def kept(node: DicomNode) -> dict[str, bytes]:
    """SHA-256 of each data set that is kept → its state among the objects; read by the node's own
    store in a process of its own."""
    said = node.python(_KEPT)
    return {line.split()[0]: bytes.fromhex(line.split()[1]) for line in said.splitlines()}


_KEPT = """
import hashlib
from apps.report_gen.clinical import installed
from apps.report_gen.models import ClinicalObject
for row in ClinicalObject.objects.filter(kind="image"):
    with installed.store().open(row.sealed) as stream:
        content = stream.read()
    at = 144 + int.from_bytes(content[140:144], "little")
    print(row.sealed, hashlib.sha256(content[at:]).hexdigest())
"""


def add_peer(node: DicomNode, title: str, port: int, **more: object) -> None:
    """Have the node know another one."""
    node.python(
        "from apps.report_gen.dicom import peers\n"
        "from apps.report_gen.models import DicomPeer\n"
        "from loupe.host.people import SYSTEM\n"
        "from loupe.host import commands\n"
        f"form = peers.PeerForm(title={title!r}, host='127.0.0.1', port={port}, **{more!r})\n"
        "known = DicomPeer.objects.filter(title=form.title).first()\n"
        "peers.change(SYSTEM, known, form) if known else "
        "peers.add(SYSTEM, commands.project_named(None), form)"
    )


class Orthanc:
    """A running Orthanc, asked by its REST interface."""

    def __init__(self, http_port: int, dicom_port: int) -> None:
        self.dicom_port = dicom_port
        self._url = f"http://127.0.0.1:{http_port}"

    def ask(self, path: str, body: bytes | None = None) -> Any:
        """GET, or POST of a body; JSON."""
        request = urllib.request.Request(self._url + path, data=body)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def take(self, folder: Path) -> None:
        """Upload the files of a folder."""
        for path in sorted(folder.iterdir()):
            self.ask("/instances", path.read_bytes())

    def send(self, modality: str) -> Any:
        """C-STORE of every study to a modality."""
        return self.ask(f"/modalities/{modality}/store", json.dumps(self.ask("/studies")).encode())

    def modalities(self) -> set[str]:
        """The modalities of all series it has."""
        return {
            self.ask(f"/series/{one}")["MainDicomTags"]["Modality"] for one in self.ask("/series")
        }


@contextmanager
def orthanc(folder: Path, node: DicomNode) -> Iterator[Orthanc]:
    """Debian's Orthanc, which knows the node."""
    program = shutil.which("Orthanc") or "/usr/sbin/Orthanc"
    http_port, dicom_port = free_port(), free_port()
    folder.mkdir()
    settings = {
        "Name": "Test", "StorageDirectory": str(folder / "db"), "HttpPort": http_port,
        "DicomPort": dicom_port, "DicomAet": "ORTHANC", "DicomCheckCalledAet": False,
        "DicomAlwaysAllowStore": True, "DicomAlwaysAllowFind": True, "DicomAlwaysAllowMove": True,
        "DicomAlwaysAllowGet": True, "AuthenticationEnabled": False, "RemoteAccessAllowed": False,
        "DicomModalities": {"loupe": ["LOUPE", "127.0.0.1", node.port]}, "Plugins": [],
    }  # fmt: skip
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, str(folder / "orthanc.json")], stdout=log, stderr=log, cwd=folder
        )
    peer = Orthanc(http_port, dicom_port)
    try:
        until(lambda: _answers(peer), "Orthanc's start")
        yield peer
    finally:
        process.kill()
        process.wait()


def _answers(peer: Orthanc) -> bool:
    try:
        peer.ask("/system")
    except OSError:
        return False
    return True


@contextmanager
def dcmqrscp(folder: Path, node: DicomNode, files: Sequence[Path]) -> Iterator[int]:
    """dcmtk's archive with some files in it, which may move them to the node; its port."""
    store = folder / "QR"
    store.mkdir(parents=True)
    port = free_port()
    (folder / "dcmqrscp.cfg").write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n"
        "HostTable BEGIN\n"
        f"loupe = (LOUPE, 127.0.0.1, {node.port})\n"
        "HostTable END\nVendorTable BEGIN\nVendorTable END\nAETable BEGIN\n"
        f"ARCHIVE {store} RW (200, 1024mb) ANY\nAETable END\n"
    )
    subprocess.run(["dcmqridx", str(store), *map(str, files)], check=True, capture_output=True)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["dcmqrscp", "-c", str(folder / "dcmqrscp.cfg")], stdout=log, stderr=log
        )
    try:
        echo = ["echoscu", "-aec", "ARCHIVE", "127.0.0.1", str(port)]
        until(
            lambda: subprocess.run(echo, capture_output=True, check=False).returncode == 0,
            "dcmqrscp's start",
        )
        yield port
    finally:
        process.kill()
        process.wait()


def structured_report(image: FileDataset) -> bytes:
    """A small Basic Text SR about the image's patient."""
    report = base("1.2.840.10008.5.1.4.1.1.88.11")
    report.PatientID, report.PatientName = image.PatientID, image.PatientName
    report.StudyInstanceUID, report.SeriesInstanceUID = image.StudyInstanceUID, "2.25.77"
    report.Modality, report.ValueType = "SR", "CONTAINER"
    buffer = BytesIO()
    report.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
