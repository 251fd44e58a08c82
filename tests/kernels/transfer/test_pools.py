"""Blocks go round within the pool's limit, and none is with two users."""

import threading

import pytest
import torch

from core_kernels.errors import ArgumentRefused, PoolExhausted
from core_kernels.transfer.pools import MemoryPool, rounded


@pytest.fixture(params=["host", "device"])
def pool(request: pytest.FixtureRequest, device: torch.device) -> MemoryPool:
    """64 KiB, of pinned host memory or on the device."""
    if request.param == "host":
        return MemoryPool(65536, pinned=True)
    return MemoryPool(65536, device)


def test_a_block_that_came_back_is_handed_out_again(pool: MemoryPool) -> None:
    with pool.take(5000) as block:
        place = block.tensor((8192,), torch.uint8).data_ptr()
    with pool.take(6000) as block:
        assert block.tensor((8192,), torch.uint8).data_ptr() == place
    assert pool.usage() == {"held": 8192, "in_use": 0, "limit": 65536}


def test_two_blocks_in_use_never_share_memory(pool: MemoryPool) -> None:
    first, second = pool.take(4096), pool.take(4096)
    first.tensor((1024,), torch.float32).fill_(1)
    second.tensor((1024,), torch.float32).fill_(2)
    assert float(first.tensor((1024,), torch.float32).sum()) == 1024


def test_the_limit_holds_and_says_what_is_in_use(pool: MemoryPool) -> None:
    blocks = [pool.take(16384) for _ in range(4)]
    with pytest.raises(PoolExhausted, match="65536 of 65536 are in use"):
        pool.take(1)
    blocks.pop().give_back()
    pool.take(100).give_back()
    assert pool.usage()["held"] <= 65536


def test_kept_blocks_of_another_size_make_room(pool: MemoryPool) -> None:
    for block in [pool.take(16384) for _ in range(4)]:
        block.give_back()
    with pool.take(32768):
        assert pool.usage()["held"] <= 65536


def test_giving_back_twice_does_not_hand_a_block_out_twice(pool: MemoryPool) -> None:
    block = pool.take(4096)
    block.give_back()
    block.give_back()
    assert (
        pool.take(4096).tensor((1,), torch.uint8).data_ptr()
        != pool.take(4096).tensor((1,), torch.uint8).data_ptr()
    )


def test_a_tensor_larger_than_its_block_is_refused(pool: MemoryPool) -> None:
    with pool.take(4096) as block, pytest.raises(ArgumentRefused, match="has 4100 bytes"):
        block.tensor((1025,), torch.float32)


def test_a_closed_pool_lets_go_of_what_comes_back(pool: MemoryPool) -> None:
    block = pool.take(4096)
    pool.take(8192).give_back()
    pool.close()
    assert pool.usage()["held"] == 4096
    block.give_back()
    assert pool.usage()["held"] == 0


def test_many_threads_get_blocks_of_their_own(pool: MemoryPool) -> None:
    wrong: list[int] = []

    def use(number: int) -> None:
        for _ in range(50):
            with pool.take(4096) as block:
                mine = block.tensor((512,), torch.int64)
                mine.fill_(number)
                if not bool((mine == number).all()):
                    wrong.append(number)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert pool.usage()["in_use"] == 0


def test_host_memory_is_pinned_where_there_is_a_gpu() -> None:
    with MemoryPool(8192, pinned=True).take(4096) as block:
        assert block.tensor((4096,), torch.uint8).is_pinned() == torch.cuda.is_available()


def test_sizes_are_powers_of_two_and_then_steps() -> None:
    assert [rounded(size) for size in (1, 4096, 4097, 2**24, 2**24 + 1)] == [
        4096, 4096, 8192, 2**24, 2**25,
    ]  # fmt: skip
