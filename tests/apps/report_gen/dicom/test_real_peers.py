"""The node against other people's programs: dcmtk's and Orthanc."""

import contextlib
import hashlib
import secrets
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import dcmread

from apps.report_gen.benchmarks.dicom_node import DicomNode, running
from tests.apps.report_gen.dicom import peers
from tests.apps.report_gen.dicom.peers import made, rows, storescu, until

pytestmark = [pytest.mark.serial, pytest.mark.slow]

COMPLETE = "select state from report_gen_study where complete_at is not null and files = ?"


@pytest.fixture(scope="module")
def node() -> Iterator[DicomNode]:
    with (
        peers.fresh() as var,
        running(var, {"LOUPE_DICOM_QUIET_SECONDS": "2"}) as one,
    ):
        yield one


def digests(folder: Path) -> set[str]:
    return {
        hashlib.sha256(peers.data_set(path.read_bytes())).hexdigest() for path in folder.iterdir()
    }


def kept(node: DicomNode) -> set[str]:
    return {value.hex() for value in peers.kept(node).values()}


def images(node: DicomNode) -> int:
    return int(rows(node, "select count(*) from report_gen_clinicalobject")[0][0])


def test_a_study_of_storescu_is_kept_byte_for_byte_and_complete_when_it_is_quiet(
    node: DicomNode, tmp_path: Path
) -> None:
    folder, _uid = made(tmp_path / "a", count=7)
    assert storescu(node, folder) == 0
    assert until(lambda: rows(node, COMPLETE, 7), "completeness") == [("waiting",)]
    assert digests(folder) <= kept(node)
    peer = rows(node, "select title, last_address from report_gen_dicompeer where title = 'CT1'")
    assert peer == [("CT1", "127.0.0.1")]


def test_the_same_study_again_is_kept_once(node: DicomNode, tmp_path: Path) -> None:
    folder, _uid = made(tmp_path / "a", count=5)
    assert storescu(node, folder) == 0
    until(lambda: rows(node, COMPLETE, 5), "completeness")
    before = images(node)
    assert storescu(node, folder) == 0
    repeats = "select repeats, open from report_gen_arrival where images = 5"
    until(lambda: rows(node, repeats) == [(5, 0)], "the count of repeats")
    assert images(node) == before
    assert len(rows(node, COMPLETE, 5)) == 1


def test_the_same_instance_with_other_pixels_is_kept_too_and_flagged(
    node: DicomNode, tmp_path: Path
) -> None:
    folder, _uid = made(tmp_path / "a", count=3)
    assert storescu(node, folder) == 0
    changed = dcmread(folder / "001.dcm")
    changed.PixelData = secrets.token_bytes(len(changed.PixelData))
    changed.save_as(folder / "001.dcm")
    assert storescu(node, folder) == 0
    conflicts = "select conflicts, repeats, images from report_gen_arrival where conflicts > 0"
    until(lambda: rows(node, conflicts) == [(1, 2, 4)], "the conflict")
    assert rows(node, "select count(*) from report_gen_clinicalobject where conflict") == [(2,)]


@pytest.mark.parametrize("syntax", ["-xi", "-xb", "-xd"])
def test_every_uncompressed_or_deflated_syntax_is_taken(
    node: DicomNode, tmp_path: Path, syntax: str
) -> None:
    folder, _uid = made(tmp_path / "a", count=2)
    before = images(node)
    assert storescu(node, folder, syntax) == 0
    until(lambda: images(node) == before + 2, "arrival")


def test_echo_is_answered_and_any_called_title_will_do(node: DicomNode) -> None:
    echo = ["echoscu", "-aec", "WHOEVER", "127.0.0.1", str(node.port)]
    assert subprocess.run(echo, capture_output=True, check=False).returncode == 0


def test_what_is_no_study_is_answered_with_cannot_understand(
    node: DicomNode, tmp_path: Path
) -> None:
    folder, _uid = made(tmp_path / "a", count=1)
    image = dcmread(folder / "000.dcm")
    del image.StudyInstanceUID
    image.save_as(folder / "000.dcm")
    done = subprocess.run(
        ["storescu", "-v", "-R", "127.0.0.1", str(node.port), str(folder / "000.dcm")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "CannotUnderstand" in done.stdout + done.stderr


def test_a_transfer_that_is_cut_leaves_nothing_and_the_node_goes_on(
    node: DicomNode, tmp_path: Path
) -> None:
    folder, _uid = made(tmp_path / "a", count=1)
    image = dcmread(folder / "000.dcm")
    image.Rows = image.Columns = 4096
    image.PixelData = secrets.token_bytes(2 * 4096 * 4096)
    image.save_as(folder / "000.dcm")
    before = images(node)
    with cutting(node.port, after=5_000_000) as port:
        broken = subprocess.run(
            ["storescu", "-R", "127.0.0.1", str(port), str(folder / "000.dcm")],
            capture_output=True, check=False, timeout=240,
        )  # fmt: skip
    assert broken.returncode != 0
    store = node.var / "clinical"
    for kept_nowhere in ("incoming", "inbox"):
        until(lambda name=kept_nowhere: not list((store / name).iterdir()), "tidying up")  # type: ignore[misc]
    assert images(node) == before
    assert storescu(node, folder) == 0
    until(lambda: images(node) == before + 1, "arrival after the cut")


def test_a_flood_of_connections_leaves_room_for_who_comes_after(
    node: DicomNode, tmp_path: Path
) -> None:
    flood = []
    for _ in range(200):
        one = socket.socket()
        one.connect(("127.0.0.1", node.port))
        flood.append(one)
    until(lambda: sum(_is_closed(one) for one in flood) >= 100, "an end of those beyond the limit")
    for one in flood:
        one.close()
    folder, _uid = made(tmp_path / "a", count=2)
    until(lambda: storescu(node, folder) == 0, "a sender's turn")


def test_after_a_kill_in_mid_transfer_everything_answered_is_there(tmp_path: Path) -> None:
    folder, _uid = made(tmp_path / "a", count=50)
    with peers.fresh() as var, running(var, {"LOUPE_DICOM_QUIET_SECONDS": "2"}) as one:
        sender = subprocess.Popen(
            ["storescu", "-v", "-R", "127.0.0.1", str(one.port), "--scan-directories", str(folder)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        answered = 0
        assert sender.stdout is not None
        for line in sender.stdout:
            answered += "Received Store Response (Success)" in line
            if answered == 20:
                break
        one.kill()
        answered += sender.communicate()[0].count("Received Store Response (Success)")
        assert answered >= 20
        one.start()
        until(lambda: images(one) >= answered, "recovery of what was answered")
        assert kept(one) <= digests(folder)
        assert storescu(one, folder) == 0
        until(lambda: kept(one) == digests(folder), "the rest")
        until(lambda: rows(one, COMPLETE, 50), "completeness")


def test_a_full_disk_is_answered_with_out_of_resources(tmp_path: Path) -> None:
    folder, _uid = made(tmp_path / "a", count=1)
    with peers.fresh() as var, running(var, {"LOUPE_MIN_FREE_BYTES": str(1 << 60)}) as one:
        done = subprocess.run(
            ["storescu", "-v", "-R", "127.0.0.1", str(one.port), str(folder / "000.dcm")],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "OutOfResources" in done.stdout + done.stderr
        assert images(one) == 0


def test_an_object_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    folder, _uid = made(tmp_path / "a", count=1)
    with peers.fresh() as var, running(var, {"LOUPE_DICOM_MAX_OBJECT_BYTES": "5000"}) as one:
        done = subprocess.run(
            ["storescu", "-v", "-R", "127.0.0.1", str(one.port), str(folder / "000.dcm")],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "OutOfResources" in done.stdout + done.stderr


def test_unknown_titles_are_refused_noted_and_let_in_when_somebody_allows_them(
    tmp_path: Path,
) -> None:
    folder, _uid = made(tmp_path / "a", count=1)
    with peers.fresh() as var, running(var, {"LOUPE_DICOM_ANYONE": "no"}) as one:
        assert storescu(one, folder, title="STRANGER") != 0
        noted = "select title, allowed, refused from report_gen_dicompeer"
        until(lambda: rows(one, noted) == [("STRANGER", 0, 1)], "the note of it")
        peers.add_peer(one, "STRANGER", 104, allowed=True)
        until(lambda: storescu(one, folder, title="STRANGER") == 0, "being let in")


def test_orthanc_sends_a_study_and_gets_a_report_back(node: DicomNode, tmp_path: Path) -> None:
    folder, _uid = made(tmp_path / "a", count=6, patient="ORTHANC-1")
    with peers.orthanc(tmp_path / "orthanc", node) as other:
        peers.add_peer(node, "ORTHANC", other.dicom_port)
        other.take(folder)
        assert other.send("loupe")["FailedInstancesCount"] == 0
        until(lambda: rows(node, COMPLETE, 6), "completeness")
        assert digests(folder) <= kept(node)
        report = tmp_path / "report.dcm"
        report.write_bytes(peers.structured_report(dcmread(folder / "000.dcm")))
        posted = node.python(
            "from pathlib import Path\n"
            "from apps.report_gen.dicom import outbox\n"
            "from apps.report_gen.models import Study\n"
            "from loupe.host.people import SYSTEM\n"
            "study = Study.objects.get(files=6, complete_at__isnull=False)\n"
            f"print(len(outbox.post(SYSTEM, study, {{'SR': Path({str(report)!r}).read_bytes()}})))"
        )
        assert posted == "1"
        until(lambda: "SR" in other.modalities(), "the report's return")
        sent = "select state, tries from report_gen_sending where label = 'SR'"
        until(lambda: rows(node, sent) == [("sent", 1)], "the outbox's word of it")


@pytest.mark.parametrize("how", ["move", "get"])
def test_an_earlier_study_is_fetched_from_orthanc(
    node: DicomNode, tmp_path: Path, how: str
) -> None:
    patient = f"PRIOR-{how}"
    earlier, _uid = made(tmp_path / "old", count=3, patient=patient, date="20200101")
    other_patient, _uid = made(tmp_path / "else", count=2, patient="SOMEBODY", date="20200101")
    folder, _uid = made(tmp_path / "new", count=8, patient=patient, date="20240101")
    with peers.orthanc(tmp_path / "orthanc", node) as archive:
        archive.take(earlier)
        archive.take(other_patient)
        peers.add_peer(node, "ORTHANC", archive.dicom_port, priors=how)
        assert storescu(node, folder, title=f"CT-{how}") == 0
        until(lambda: digests(earlier) <= kept(node), "the earlier study")
        assert not digests(other_patient) & kept(node)
        peers.add_peer(node, "ORTHANC", archive.dicom_port, priors="")


def test_an_earlier_study_is_moved_from_dcmtks_archive(node: DicomNode, tmp_path: Path) -> None:
    earlier, _uid = made(tmp_path / "old", count=3, patient="PRIOR-Q", date="20200101")
    folder, _uid = made(tmp_path / "new", count=9, patient="PRIOR-Q", date="20240101")
    with peers.dcmqrscp(tmp_path / "qr", node, sorted(earlier.iterdir())) as port:
        peers.add_peer(node, "ARCHIVE", port, priors="move")
        assert storescu(node, folder) == 0
        until(lambda: digests(earlier) <= kept(node), "the earlier study")
        peers.add_peer(node, "ARCHIVE", port, priors="")


def test_no_file_of_the_installation_holds_a_planted_name(node: DicomNode, tmp_path: Path) -> None:
    name, patient = "Quenneville^Odette", "MRN-PLANTED-88213"
    folder, uid = made(tmp_path / "a", count=11, name=name, patient=patient)
    assert storescu(node, folder) == 0
    until(lambda: rows(node, COMPLETE, 11), "completeness")
    words = [name.encode(), b"Quenneville", patient.encode(), uid.encode()]
    found = []
    for path in node.var.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # the node goes on and moves its files
            if path.is_file() and any(word in path.read_bytes() for word in words):
                found.append(path)
    assert found == []


def test_the_node_ends_when_it_is_told_to() -> None:
    with peers.fresh() as var, running(var) as one:
        assert one.process is not None
        below = one.processes()[1:]
        one.process.send_signal(signal.SIGTERM)
        assert one.process.wait(120) == 0
        for pid in below:
            assert not Path(f"/proc/{pid}").exists()


class cutting:  # noqa: N801 - reads as a word in `with`
    """A relay to the node that breaks the connection after some bytes."""

    def __init__(self, port: int, after: int) -> None:
        self._port, self._after = port, after
        self._listening = socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> int:
        threading.Thread(target=self._relay, daemon=True).start()
        return int(self._listening.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self._listening.close()

    def _relay(self) -> None:
        client, _ = self._listening.accept()
        server = socket.create_connection(("127.0.0.1", self._port))

        def back() -> None:
            while data := server.recv(65536):
                client.sendall(data)

        threading.Thread(target=back, daemon=True).start()
        passed = 0
        while passed < self._after and (data := client.recv(65536)):
            server.sendall(data)
            passed += len(data)
        for one in (server, client):
            one.shutdown(socket.SHUT_RDWR)
            one.close()


def _is_closed(one: socket.socket) -> bool:
    one.setblocking(False)
    try:
        return one.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
