"""A stack's pixels, in one process where they are plain, in two where they are compressed.

Decoders of compressed images hold the interpreter's lock and may crash on hostile bytes: they run
in forked processes, which write Hounsfield units straight into shared memory. A crash takes a
process with it, never the caller, and names the file.
"""

import json
import mmap
import multiprocessing
import os
from collections.abc import Sequence
from multiprocessing.connection import Connection

import numpy as np
from numpy.typing import NDArray

from apps.report_gen.reading.faults import Fault, Faulty, faulty
from apps.report_gen.reading.headers import Image, is_compressed
from apps.report_gen.reading.limits import Limits
from apps.report_gen.reading.pixels import Place, decode_file
from loupe.contract.text import Text

_NONE = -1


def room_for(shape: tuple[int, int, int]) -> NDArray[np.int16]:
    """An empty volume in memory that forked processes share."""
    count = int(np.prod(shape))
    return np.frombuffer(mmap.mmap(-1, max(2, count * 2)), dtype=np.int16, count=count).reshape(
        shape
    )


def decode(images: Sequence[Image], into: NDArray[np.int16], limits: Limits) -> list[Fault]:
    """Write every image of a stack into `into` [image, row, column]; returns what failed.

    `into` is a view of `room_for`. Bounded memory: one file's bytes and one frame a process.
    """
    files = _by_file(images)
    if not any(is_compressed(each.file.transfer_syntax) for each in images):
        return _decode_here(files, into)
    workers = max(1, min(limits.workers, len(images), os.cpu_count() or 1))
    return _decode_apart(files, into, workers)


def _by_file(images: Sequence[Image]) -> list[list[Place]]:
    files: dict[int, list[Place]] = {}
    for at, image in enumerate(images):
        files.setdefault(id(image.file), []).append((image, at))
    return list(files.values())


def _decode_here(files: Sequence[Sequence[Place]], into: NDArray[np.int16]) -> list[Fault]:
    faults = []
    for places in files:
        try:
            decode_file(places, into)
        except Faulty as error:
            faults.append(error.fault)
    return faults


def _decode_apart(files: list[list[Place]], into: NDArray[np.int16], workers: int) -> list[Fault]:
    """Share the files out among forked processes; several frames of one file are shared out too."""
    shares = _shares(files, workers)
    context = multiprocessing.get_context("fork")
    progress = np.frombuffer(mmap.mmap(-1, 8 * workers), dtype=np.int64)
    progress[:] = _NONE
    running = []
    for number, share in enumerate(shares):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(
            target=_work, args=(share, into, progress, number, theirs), daemon=True
        )
        process.start()
        theirs.close()
        running.append((process, ours, share, number))
    faults: list[Fault] = []
    for process, ours, share, number in running:
        faults += _answer(ours, share)
        process.join()
        ours.close()
        at = int(progress[number])
        if process.exitcode != 0 and at != _NONE:
            faults.append(_crashed(share[at][0][0]))
    return faults


def _shares(files: list[list[Place]], workers: int) -> list[list[list[Place]]]:
    if len(files) < workers:  # many frames of few files
        files = [places[number::workers] for places in files for number in range(workers)]
    return [files[number::workers] for number in range(workers)]


def _work(
    share: Sequence[Sequence[Place]],
    into: NDArray[np.int16],
    progress: NDArray[np.int64],
    number: int,
    answer: Connection,
) -> None:
    """In the forked process: decode, and send what failed as (place in the share, code, words)."""
    for at, places in enumerate(share):
        progress[number] = at
        try:
            decode_file(places, into)
        except Faulty as error:
            answer.send_bytes(json.dumps([at, *_told(error.fault)]).encode())
    progress[number] = _NONE
    answer.close()


def _answer(ours: Connection, share: Sequence[Sequence[Place]]) -> list[Fault]:
    faults: list[Fault] = []
    while True:
        try:
            at, code, *words = json.loads(ours.recv_bytes())
        except (EOFError, OSError):
            return faults
        value, allowed = (Text(en=en, zh=zh) for en, zh in words)
        name = share[at][0][0].file.source.name
        faults.append(faulty(name, code, "PixelData", value, allowed).fault)


def _told(fault: Fault) -> list[str | list[str]]:
    """What `_answer` needs: code, value and what is allowed; the name it knows."""
    return [fault.code, [fault.value, fault.value_zh], [fault.allowed.en, fault.allowed.zh]]


_DECODABLE = Text(en="pixels that can be decoded are needed", zh="需要可解码的像素")


def _crashed(image: Image) -> Fault:
    return faulty(
        image.file.source.name,
        "damaged_pixels",
        "PixelData",
        Text(en="so damaged that the decoder broke off", zh="损坏到解码器中断"),
        _DECODABLE,
    ).fault
