"""What services answered is remembered as long as there is room for it."""

from pathlib import Path

import numpy as np

from loupe.contract.runtime.payload import Payload
from loupe.engine.answers import Answers, pack


def filled(folder: Path, most_bytes: int) -> Answers:
    """Four intervals of ten answers, each of some 1,000 bytes, the first 1 to 10."""
    answers = Answers(folder, remembered=25, most_bytes=most_bytes)
    answers.restore(0)
    for number in range(40):
        if number and number % 10 == 0:
            answers.rotate(number)
        block = pack(Payload(arrays={"x": np.full(125, float(number))}))
        answers.put(number, [(f"r{number}", block)])
    answers.rotate(40)
    return answers


def known(answers: Answers) -> list[int]:
    found = [number for number in range(40) if answers.get(f"r{number}") is not None]
    answers.close()
    return found


def test_at_least_so_many_requests_are_remembered(tmp_path: Path) -> None:
    assert known(filled(tmp_path, 2**30)) == list(range(10, 40))


def test_answers_beyond_their_room_are_forgotten_the_oldest_first(tmp_path: Path) -> None:
    assert known(filled(tmp_path, 25_000)) == list(range(20, 40))
