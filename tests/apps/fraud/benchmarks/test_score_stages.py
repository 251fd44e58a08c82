"""The bench says of its slowest batches in which stage they were, and what they did there."""

import gc
import mmap
import time

from apps.fraud.benchmarks.score_stages import MOST, Stages


def test_waiting_work_faults_and_garbage_are_told_apart() -> None:
    stages = Stages()
    with stages.collections(), stages.batch() as batch:
        time.sleep(0.05)
        batch.done("waiting")
        until = time.thread_time() + 0.05
        while time.thread_time() < until:
            pass
        batch.done("working")
        fresh = mmap.mmap(-1, 64 * mmap.PAGESIZE)
        fresh.write(b"x" * len(fresh))
        batch.done("fresh memory")
        gc.collect()
        batch.done("collecting")
    (told,) = stages.slowest()
    kinds = told["stages"]
    assert isinstance(kinds, dict)
    clock, worked, _, _, by_itself, _ = kinds["waiting"]
    assert clock >= 50
    assert worked < 25
    assert by_itself >= 1
    assert kinds["working"][1] >= 50
    assert kinds["fresh memory"][2] >= 1
    assert float(str(told["garbage_ms"])) > 0
    assert gc.callbacks.count(stages._collecting) == 0


def test_the_slowest_batches_are_kept_the_slowest_first() -> None:
    stages = Stages()
    for number in range(MOST + 5):
        with stages.batch() as batch:
            time.sleep(1.5 if number == 3 else 0)
            batch.done(str(number))
    told = stages.slowest()
    assert len(told) == MOST
    assert list(told[0]["stages"]) == ["3"]  # type: ignore[arg-type]
    times = [float(str(one["ms"])) for one in told]
    assert times == sorted(times, reverse=True)
