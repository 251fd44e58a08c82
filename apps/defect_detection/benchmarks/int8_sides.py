"""Both sides of ``bench int8``, each in a process of its own that waits for its turn.

``python -m apps.defect_detection.benchmarks.int8_sides SIDE ARTEFACT FLOOR OVERLAP`` reads one JSON
object a line, ``{"how": …, "paths": […]}``, and answers each with another. Every way goes from
files to boxes in source pixels; torch `predict` has its own threads in each of them.

``alone``: one file after the other, ``ms`` of each. ``together``: as many a second as it can:
``seconds`` of all, ``cpu_ms`` of processor time a file, which others on the machine change little.
``boxes``: what it finds, by file.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

from apps.defect_detection.benchmarks.peers import load_batched_peer
from apps.defect_detection.inference.decode import decode
from apps.defect_detection.inference.runner import DetectorRunner
from loupe.contract.runtime.clock import StageClock
from loupe.contract.runtime.payload import Payload

Rows = list[list[float]]
OURS, TORCH = "ours", "torch"
BATCH = 8


class Side:
    """A child process that runs one side when it is asked to."""

    def __init__(self, side: str, artefact: Path, floor: float, overlap: float) -> None:
        command = [sys.executable, "-m", "apps.defect_detection.benchmarks.int8_sides", side]
        self._child = subprocess.Popen(
            [*command, str(artefact), str(floor), str(overlap)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "YOLO_VERBOSE": "0"},
        )

    def __enter__(self) -> "Side":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._child.communicate()

    def ask(self, how: str, paths: Sequence[Path]) -> dict[str, Any]:
        """Let it run over `paths` and wait for its answer.

        Raises:
            RuntimeError: it ended; what it said stands in this process's errors.
        """
        if self._child.stdin is None or self._child.stdout is None:
            raise RuntimeError("The side has no pipes.")
        order = json.dumps({"how": how, "paths": [str(path) for path in paths]})
        self._child.stdin.write(f"{order}\n")
        self._child.stdin.flush()
        line = self._child.stdout.readline()
        if not line:
            raise RuntimeError(f"A side ended with status {self._child.wait()}.")
        answer: dict[str, Any] = json.loads(line)
        return answer


class _Ours:
    """Decoding, letterbox, INT8 network, threshold and NMS as the engine runs them."""

    def __init__(self, artefact: Path, floor: float, overlap: float) -> None:
        manifest = json.loads((artefact / "manifest.json").read_text())
        self._runner = DetectorRunner(artefact, {**manifest, "network": "model.int8.onnx"})
        self._options: dict[str, Any] = {"score_floor": floor, "overlap": overlap}
        self._threads = len(os.sched_getaffinity(0))

    def one(self, path: Path) -> Rows:
        picture = decode(path, {})
        asked = Payload(arrays=picture.arrays, meta=self._options)
        rows: Rows = self._runner.infer([asked], StageClock())[0].arrays["boxes"].tolist()
        return rows

    def all(self, paths: Sequence[Path]) -> None:
        with ThreadPoolExecutor(self._threads) as pool:
            list(pool.map(self.one, paths))


class _Torch:
    """Ultralytics `predict`; many files go in the quicker of batches and one by one."""

    def __init__(self, artefact: Path, floor: float, overlap: float) -> None:
        self._predict = load_batched_peer("torch", artefact)
        self._floor, self._overlap = floor, overlap
        self.batch = 0

    def one(self, path: Path) -> Rows:
        found = self._predict([path], self._floor, self._overlap)[0]
        rows: Rows = found.boxes.data.tolist()
        return rows

    def all(self, paths: Sequence[Path]) -> None:
        if not self.batch:
            seconds = {size: _timed(lambda: self._by(size, paths[:16])) for size in (1, BATCH)}  # noqa: B023
            self.batch = min(seconds, key=lambda size: seconds[size])
        self._by(self.batch, paths)

    def _by(self, size: int, paths: Sequence[Path]) -> None:
        for start in range(0, len(paths), size):
            self._predict(list(paths[start : start + size]), self._floor, self._overlap)


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main(argv: list[str]) -> int:
    """Answer orders until there are no more."""
    kind, artefact, floor, overlap = argv[0], Path(argv[1]), float(argv[2]), float(argv[3])
    side = (_Ours if kind == OURS else _Torch)(artefact, floor, overlap)
    for line in sys.stdin:
        order = json.loads(line)
        paths = [Path(path) for path in order["paths"]]
        answer: dict[str, Any] = {}
        if order["how"] == "alone":
            answer["ms"] = [1e3 * _timed(lambda: side.one(path)) for path in paths]  # noqa: B023
        elif order["how"] == "together":
            if isinstance(side, _Torch) and not side.batch:
                side.all(paths)
            before = time.process_time()
            answer["seconds"] = _timed(lambda: side.all(paths))  # noqa: B023
            answer["cpu_ms"] = 1e3 * (time.process_time() - before) / len(paths)
            answer["batch"] = side.batch if isinstance(side, _Torch) else 1
        else:
            answer["boxes"] = {path.name: side.one(path) for path in paths}
        print(json.dumps(answer), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
