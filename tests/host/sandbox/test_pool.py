"""A sandboxed child takes at most one input with it, and says which and why."""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loupe.contract.runtime.errors import InputRefused, ModelRefused, TemporarilyUnavailable
from loupe.sandbox.pool import SandboxPool
from loupe.sandbox.slab import Slab

PARSERS = "tests.host.sandbox.parsers"
MEMORY = 256 * 2**20


@pytest.fixture(scope="module")
def pool() -> Iterator[SandboxPool]:
    with SandboxPool(1, memory_bytes=MEMORY, timeout_s=120) as pool:
        yield pool


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "board.jpg"
    path.write_bytes(b"\x03rest")
    return path


def pid_of(pool: SandboxPool, photo: Path) -> int:
    """The process id of the pool's only child."""
    pid = pool.parse(f"{PARSERS}:nothing", photo, {}).payload.meta["pid"]
    assert isinstance(pid, int)
    return pid


def test_arrays_and_meta_come_back_as_the_function_made_them(
    pool: SandboxPool, photo: Path
) -> None:
    parsed = pool.parse(f"{PARSERS}:ramp", photo, {"count": 1000})
    np.testing.assert_array_equal(
        parsed.payload.arrays["values"], np.arange(1000, dtype=np.float32) * 3
    )
    np.testing.assert_array_equal(parsed.payload.arrays["pair"], [[1], [2]])
    assert parsed.payload.meta["name"] == "board.jpg"


def test_the_child_writes_into_the_slab_it_is_given(pool: SandboxPool, photo: Path) -> None:
    with Slab.private(8192) as slab:
        parsed = pool.parse(f"{PARSERS}:ramp", photo, {"count": 1000}, slab)
        assert parsed.slab is slab
        np.testing.assert_array_equal(
            slab.array("float32", (1000,)), np.arange(1000, dtype=np.float32) * 3
        )


def test_a_slab_that_is_too_small_is_replaced_by_a_leased_one(
    pool: SandboxPool, photo: Path
) -> None:
    asked = []

    def lease(nbytes: int) -> Slab:
        asked.append(nbytes)
        return Slab.private(nbytes)

    with Slab.private(64) as slab:
        parsed = pool.parse(f"{PARSERS}:ramp", photo, {"count": 5000}, slab, lease=lease)
        assert parsed.slab is not slab
        assert asked == [20032 + 64]
        assert parsed.payload.arrays["values"][-1] == 4999 * 3


def test_a_slab_of_the_last_size_is_offered_and_none_is_left_open(photo: Path) -> None:
    leased: list[Slab] = []

    def lease(nbytes: int) -> Slab:
        leased.append(Slab.private(nbytes))
        return leased[-1]

    with SandboxPool(1, memory_bytes=MEMORY, timeout_s=120) as pool:
        first = pool.parse(f"{PARSERS}:ramp", photo, {"count": 1000}, lease=lease)
        same = pool.parse(f"{PARSERS}:ramp", photo, {"count": 1000}, lease=lease)
        assert [first.slab, same.slab] == leased
        larger = pool.parse(f"{PARSERS}:ramp", photo, {"count": 9000}, lease=lease)
        assert larger.payload.arrays["values"][-1] == 8999 * 3
        assert [slab.open for slab in leased] == [True, True, False, True]
        pool.parse(f"{PARSERS}:nothing", photo, {}, lease=lease)
        with pytest.raises(InputRefused):
            pool.parse(f"{PARSERS}:refuse", photo, {}, lease=lease)
        assert not any(slab.open for slab in leased[4:])


def test_slabs_offered_in_turn_each_get_their_own_answer(pool: SandboxPool, photo: Path) -> None:
    slabs = [Slab.private(8192), Slab.private(8192), Slab.private(32 * 2**20)]
    counts = (1000, 500, 700)
    for index in (0, 0, 1, 0, 2, 1, 1, 2, 0):
        slab, count = slabs[index], counts[index]
        slab.array("uint8", (slab.nbytes,))[:] = 0
        assert pool.parse(f"{PARSERS}:ramp", photo, {"count": count}, slab).slab is slab
        expected = np.arange(count, dtype=np.float32) * 3
        np.testing.assert_array_equal(slab.array("float32", (count,)), expected)
    for slab in slabs:
        slab.close()


def test_a_child_keeps_one_small_slab_in_memory_and_no_large_one(
    pool: SandboxPool, photo: Path
) -> None:
    pid = pid_of(pool, photo)
    for nbytes in (8192, 16384, 8192, 64 * 2**20):
        with Slab.private(nbytes) as slab:
            pool.parse(f"{PARSERS}:ramp", photo, {"count": 100}, slab)
    # The child lets go of a slab after it has answered, so the last one may linger for a moment.
    deadline = time.monotonic() + 60
    while not (sizes := _slabs_mapped(pid)) <= [16 * 2**20] and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(sizes) <= 1
    assert all(size <= 16 * 2**20 for size in sizes)


def _slabs_mapped(pid: int) -> list[int]:
    """Bytes of each slab in ``/proc/PID/maps``."""
    maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
    ranges = [line.split()[0].split("-") for line in maps if "loupe-private" in line]
    return [int(end, 16) - int(start, 16) for start, end in ranges]


def test_a_child_is_kept_between_calls(pool: SandboxPool, photo: Path) -> None:
    assert pid_of(pool, photo) == pid_of(pool, photo)


def test_a_refusal_carries_its_code_and_sentence_and_spares_the_child(
    pool: SandboxPool, photo: Path
) -> None:
    before = pid_of(pool, photo)
    with pytest.raises(InputRefused, match="upside down; turn it around") as refused:
        pool.parse(f"{PARSERS}:refuse", photo, {})
    assert refused.value.code == "upside_down"
    assert pid_of(pool, photo) == before


@pytest.mark.parametrize("bomb", ["bomb", "creeping_bomb"])
def test_a_memory_bomb_is_refused_by_name(pool: SandboxPool, photo: Path, bomb: str) -> None:
    with pytest.raises(InputRefused, match=r"board.jpg needs more than 256 MiB of memory") as hit:
        pool.parse(f"{PARSERS}:{bomb}", photo, {})
    assert hit.value.code == "decode_memory"


@pytest.mark.parametrize("function", ["hang", "hang_in_c"])
def test_a_hanging_child_is_stopped_and_replaced(
    pool: SandboxPool, photo: Path, function: str
) -> None:
    before = pid_of(pool, photo)
    with pytest.raises(InputRefused, match=r"board.jpg took more than 0.5 s") as late:
        pool.parse(f"{PARSERS}:{function}", photo, {}, timeout_s=0.5)
    assert late.value.code == "decode_timeout"
    assert pid_of(pool, photo) != before


def test_a_crashing_child_is_named_after_the_file_and_replaced(
    pool: SandboxPool, photo: Path
) -> None:
    with pytest.raises(InputRefused, match=r"board.jpg crashed its decoder") as crashed:
        pool.parse(f"{PARSERS}:crash", photo, {})
    assert crashed.value.code == "decode_crashed"
    assert pool.parse(f"{PARSERS}:ramp", photo, {"count": 2}).payload.arrays["values"][1] == 3


def test_kill_9_in_the_middle_of_a_parse_fails_that_input_alone(
    pool: SandboxPool, photo: Path, tmp_path: Path
) -> None:
    marker = tmp_path / "pid"

    def kill() -> None:
        while not (marker.exists() and marker.read_text()):
            time.sleep(0.01)
        os.kill(int(marker.read_text()), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(InputRefused) as crashed:
        pool.parse(f"{PARSERS}:hang_in_c", photo, {"marker": str(marker)})
    killer.join()
    assert crashed.value.code == "decode_crashed"
    assert pool.parse(f"{PARSERS}:ramp", photo, {"count": 2}).payload.arrays["values"][1] == 3


def test_an_exception_the_function_should_not_raise_fails_the_input(
    pool: SandboxPool, photo: Path
) -> None:
    with pytest.raises(InputRefused, match=r"board.jpg could not be decoded: ZeroDivisionError"):
        pool.parse(f"{PARSERS}:raises", photo, {})


def test_code_that_cannot_be_imported_is_not_blamed_on_the_file(
    pool: SandboxPool, photo: Path
) -> None:
    with pytest.raises(TemporarilyUnavailable, match=r"cannot import tests\.host\.nowhere:parse"):
        pool.parse("tests.host.nowhere:parse", photo, {})


def test_a_picture_comes_back_as_bytes(pool: SandboxPool, photo: Path) -> None:
    assert pool.render(f"{PARSERS}:picture", photo, {"times": 100_000}) == b"\x03rest" * 100_000


def test_any_function_can_be_called_with_paths_and_json(
    pool: SandboxPool, photo: Path, tmp_path: Path
) -> None:
    manifest = pool.call(f"{PARSERS}:check_model", [tmp_path, photo, "net.onnx"])
    assert manifest == {"name": "net.onnx", "classes": ["a", "b"]}
    assert (tmp_path / "weights").read_bytes() == photo.read_bytes()
    with pytest.raises(ModelRefused, match=r"net\.onnx has the wrong opset"):
        pool.call(f"{PARSERS}:refuse_model", [tmp_path, photo, "net.onnx"])


def test_a_child_sees_no_secrets_no_network_and_leaves_no_core(
    pool: SandboxPool, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOUPE_SECRET_KEY", "hush")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy")
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        SandboxPool(1, memory_bytes=MEMORY) as fresh,
    ):
        port = server.getsockname()[1]
        meta = fresh.parse(f"{PARSERS}:surroundings", photo, {"port": port}).payload.meta
    seen: dict[str, Any] = dict(meta)
    assert not {"LOUPE_SECRET_KEY", "HTTPS_PROXY", "HOME"} & set(seen["environment"])
    assert seen["core"] == 0
    assert seen["files"] <= 64
    if not seen["isolated"]:
        pytest.skip("this kernel lets no ordinary user make a network namespace")
    assert seen["connected"] is False


def test_a_child_is_replaced_after_its_share_of_calls(photo: Path) -> None:
    with SandboxPool(1, memory_bytes=MEMORY, restart_after=3) as pool:
        pids = [pid_of(pool, photo) for _ in range(6)]
    assert pids[0] == pids[1] == pids[2]
    assert pids[3] == pids[4] == pids[5] != pids[0]


def test_two_children_work_at_once(photo: Path) -> None:
    with SandboxPool(2, memory_bytes=MEMORY, timeout_s=120) as pool:
        pool.warm([f"{PARSERS}:meet"])
        both = [photo.parent / "a", photo.parent / "b"]
        threads = [
            threading.Thread(
                target=pool.parse,
                args=(f"{PARSERS}:meet", photo, {"mine": str(mine), "theirs": str(theirs)}),
            )
            for mine, theirs in (both, both[::-1])
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=100)
        assert not any(thread.is_alive() for thread in threads)


def test_closing_a_pool_ends_its_children(photo: Path) -> None:
    pool = SandboxPool(1, memory_bytes=MEMORY)
    pid = pid_of(pool, photo)
    pool.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_text_comes_back_as_the_function_made_it(pool: SandboxPool, photo: Path) -> None:
    arrays = pool.parse(f"{PARSERS}:words", photo, {}).payload.arrays
    assert arrays["words"].tolist() == [["ab", "中文字"], ["", "𝄞"]]
    assert arrays["none"].tolist() == []
    assert arrays["numbers"].tolist() == [0, 1]


def test_what_only_pretends_to_be_text_is_refused(pool: SandboxPool, photo: Path) -> None:
    with pytest.raises(InputRefused, match="damaged or hostile"):
        pool.parse(f"{PARSERS}:no_words", photo, {})


def test_objects_do_not_leave_the_sandbox(pool: SandboxPool, photo: Path) -> None:
    with pytest.raises(InputRefused, match="cannot leave the sandbox"):
        pool.parse(f"{PARSERS}:objects", photo, {})
