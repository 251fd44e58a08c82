"""What the dummy app runs on a timetable, on the command line and as a process."""

import sys
import time


def nightly(project_id: str, options: dict[str, object]) -> str:
    """One sentence for the schedule's history."""
    return f"counted the night of {project_id}"


def greet(arguments: list[str]) -> int:
    """``manage.py greet dummy_app NAME``"""
    sys.stdout.write(f"hello {' '.join(arguments)}\n")
    return 0


def bench_nothing(arguments: list[str]) -> int:
    """``manage.py bench nothing``: times an empty loop against itself."""
    start = time.perf_counter()
    for _ in range(1000):
        pass
    sys.stdout.write(f"ratio 1.0 ({time.perf_counter() - start:.6f} s)\n")
    return 0
