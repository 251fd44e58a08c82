"""Work shared out to threads."""

import threading

import numpy as np
import pytest

from core_kernels.parts import in_parts


@pytest.mark.parametrize("count", [0, 1, 99, 100, 1001])
def test_parts_cover_every_item_once(count: int) -> None:
    seen = np.zeros(count, np.int64)

    def part(start: int, stop: int) -> None:
        seen[start:stop] += 1

    in_parts(part, count, least=50)
    assert (seen == 1).all()


def test_an_error_in_a_part_reaches_the_caller() -> None:
    def part(start: int, stop: int) -> None:
        if start > 0 or threading.current_thread() is threading.main_thread():
            raise ValueError("of a part")

    with pytest.raises(ValueError, match="of a part"):
        in_parts(part, 1000, least=10)
