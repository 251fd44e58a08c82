"""``bench report-intake``: objects a second from two dcmtk senders at once.

Loupe's node (encrypted, synced, in the database) and plain pynetdicom handlers take the same files
in the same run, in turns: one that decodes data set and pixels and saves, which the goal names, and
one that saves without looking at the pixels. First every instance must be on the disk, byte for
byte as it was sent. Needs dcmtk's ``storescu``.
"""

import argparse
import hashlib
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from apps.report_gen.benchmarks import scans
from apps.report_gen.benchmarks.dicom_node import (
    ROOT,
    DicomNode,
    cpu_seconds,
    free_port,
    running,
)

GOAL_RATE: Final = 120.0
GOAL_RATIO: Final = 1.4
PDU: Final = 131_072
"""What dcmtk sends at most."""
_SMALL_PDU: Final = 16_382
"""pynetdicom's own default."""
_DECODING: Final = "decoding"
_SAVING: Final = "saving"
_SMALL: Final = "decoding-small-pdu"
PEERS: Final = {
    _DECODING: (PDU, "decode"),
    _SAVING: (PDU, "save"),
    _SMALL: (_SMALL_PDU, "decode"),
}
"""Plain handlers: their largest PDU and what they do with an object."""
_NEVER_QUIET: Final = {"LOUPE_DICOM_QUIET_SECONDS": "3600"}
_READ_BACK: Final = """
import hashlib
from apps.report_gen.clinical import installed
from apps.report_gen.models import ClinicalObject
for row in ClinicalObject.objects.all():
    with installed.store().open(row.sealed) as stream:
        content = stream.read()
    at = 144 + int.from_bytes(content[140:144], "little")
    print(hashlib.sha256(content[at:]).hexdigest())
"""


def main(argv: Sequence[str]) -> int:
    """Print one JSON line; 0 where nothing was lost and the goals were met."""
    asked = _parser().parse_args(argv)
    if shutil.which("storescu") is None:
        print(
            "storescu is missing: install dcmtk (Debian: apt-get install dcmtk).", file=sys.stderr
        )
        return 2
    with tempfile.TemporaryDirectory(prefix="loupe-intake-", dir=asked.folder) as name:
        report = measure(Path(name), asked.instances, asked.rounds)
    print(json.dumps(report, indent=1))
    return 0 if report["lost"] == 0 and report["met"] else 1


def measure(folder: Path, instances: int, rounds: int) -> dict[str, object]:
    """Rates, their ratios, what was lost, and memory."""
    sent = [made(folder / f"sender-{at}", instances) for at in range(2)]
    ours = Side()
    early = Side()
    plain = {name: Side() for name in PEERS}
    memory: list[list[int]] = []
    lost = 0
    for at in range(rounds):
        with running(folder / f"node-{at}", _NEVER_QUIET) as node:
            with watched(node) as seen:
                ours.take(sent, node.port, "LOUPE", node.cpu_seconds)
            memory.append(seen)
            lost += missing(sent, node)
        shutil.rmtree(folder / f"node-{at}")
        unsynced = {**_NEVER_QUIET, "LOUPE_DICOM_SYNC_EACH": "0"}
        with running(folder / f"early-{at}", unsynced) as node:
            early.take(sent, node.port, "LOUPE", node.cpu_seconds)
        shutil.rmtree(folder / f"early-{at}")
        for name, (pdu, work) in PEERS.items():
            target = folder / f"plain-{at}-{name}"
            with plain_handler(target, pdu, work) as (port, pid):
                plain[name].take(sent, port, "PLAIN", partial(cpu_seconds, pid))
            shutil.rmtree(target)
    ratio = ours.ratio(plain[_DECODING])
    return {
        "instances": 2 * instances,
        "bytes_each": _size(sent[0]),
        "lost": lost,
        "loupe_per_s": ours.rate(),
        "plain_per_s": plain[_DECODING].rate(),
        "ratio": ratio,
        "plain_saving_only_per_s": plain[_SAVING].rate(),
        "ratio_to_saving_only": ours.ratio(plain[_SAVING]),
        "loupe_not_synced_per_s": early.rate(),
        "ratio_not_synced": early.ratio(plain[_DECODING]),
        "plain_with_its_default_pdu_per_s": plain[_SMALL].rate(),
        "cpu_ms_each": {
            "loupe": ours.cpu(),
            "plain": plain[_DECODING].cpu(),
            "plain_saving_only": plain[_SAVING].cpu(),
        },
        "rounds": {
            "loupe": ours.all(),
            "plain": plain[_DECODING].all(),
            "plain_saving_only": plain[_SAVING].all(),
        },
        "memory_mib": {
            "before": [one[0] >> 20 for one in memory],
            "half_way": [one[len(one) // 2] >> 20 for one in memory],
            "most": [max(one) >> 20 for one in memory],
        },
        "goal": f"at least {GOAL_RATE:.0f} a second and {GOAL_RATIO} times the plain handler that "
        "decodes and saves",
        "met": ours.rate() >= GOAL_RATE and ratio >= GOAL_RATIO,
    }


class Side:
    """Objects a second and processor seconds an object of one side, a pair for each round."""

    def __init__(self) -> None:
        self._rates: list[float] = []
        self._cpu: list[float] = []

    def take(
        self, folders: Sequence[Path], port: int, title: str, cpu: Callable[[], float]
    ) -> None:
        """Send to it; `cpu` gives its processor seconds so far."""
        count = sum(len(list(folder.iterdir())) for folder in folders)
        before = cpu()
        self._rates.append(count / send(folders, port, title))
        self._cpu.append((cpu() - before) / count)

    def rate(self) -> float:
        """Median of the rounds, a second."""
        return round(statistics.median(self._rates), 1)

    def ratio(self, peer: "Side") -> float:
        """Median of the rounds' ratios: this side's rate to the peer's."""
        pairs = zip(self._rates, peer._rates, strict=True)
        return round(statistics.median(mine / theirs for mine, theirs in pairs), 2)

    def cpu(self) -> float:
        """Median of the rounds, milliseconds an object."""
        return round(1e3 * statistics.median(self._cpu), 2)

    def all(self) -> list[float]:
        """Each round's rate."""
        return [round(one, 1) for one in self._rates]


def made(folder: Path, instances: int) -> Path:
    """A study of 512×512 images."""
    return scans.write(folder, scans.values(instances, 512))


def send(folders: Sequence[Path], port: int, title: str) -> float:
    """Seconds until every sender has been answered for every file.

    Raises:
        SystemExit: a sender says that something was not taken.
    """
    start = time.perf_counter()
    senders = [
        subprocess.Popen(
            ["storescu", "-R", "-pdu", str(PDU), "-aec", title, "-aet", f"SENDER{at}",
             "127.0.0.1", str(port), "--scan-directories", str(folder)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )
        for at, folder in enumerate(folders)
    ]  # fmt: skip
    said = [sender.communicate()[1] for sender in senders]
    took = time.perf_counter() - start
    for sender, text in zip(senders, said, strict=True):
        if sender.returncode:
            raise SystemExit(f"storescu failed: {text.decode(errors='replace')[-1000:]}")
    return took


def missing(folders: Sequence[Path], node: DicomNode) -> int:
    """Data sets that were sent and are not kept byte for byte, once the database knows all."""
    wanted = {digest(path) for folder in folders for path in folder.iterdir()}
    kept: set[str] = set()
    until = time.monotonic() + 60
    while time.monotonic() < until:
        kept = set(node.python(_READ_BACK).split())
        if len(kept) >= len(wanted):
            break
        time.sleep(1)
    return len(wanted - kept)


def digest(path: Path) -> str:
    """SHA-256 of a file's data set, without its file meta."""
    content = path.read_bytes()
    at = 144 + int.from_bytes(content[140:144], "little")
    return _sha256(content[at:])


@contextmanager
def plain_handler(folder: Path, pdu: int, work: str) -> Iterator[tuple[int, int]]:
    """A plain handler that does `work` in a process of its own: port, process id."""
    folder.mkdir()
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "apps/report_gen/benchmarks/plain_storage.py"),
         str(port), str(folder), str(pdu), work],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _answered(port, process)
        yield port, process.pid
    finally:
        process.kill()
        process.wait()


@contextmanager
def watched(node: DicomNode) -> Iterator[list[int]]:
    """Bytes of memory of the node: before, every half second, and after.

    To ask takes a dozen milliseconds of processor time: more often, and the rate would suffer.
    """
    seen = [node.memory()]
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(0.5):
            seen.append(node.memory())

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()
        seen.append(node.memory())


def _answered(port: int, process: "subprocess.Popen[bytes]") -> None:
    echo = ["echoscu", "127.0.0.1", str(port)]
    until = time.monotonic() + 60
    while subprocess.run(echo, capture_output=True, check=False).returncode:
        if time.monotonic() > until or process.poll() is not None:
            raise SystemExit("The plain handler does not start.")
        time.sleep(0.1)


def _size(folder: Path) -> int:
    return next(folder.iterdir()).stat().st_size


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench report-intake", description=__doc__)
    parser.add_argument("--instances", type=int, default=300, help="of each of two senders")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where to work; the disk that is measured")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
