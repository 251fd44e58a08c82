"""``python -m apps.report_gen.reading study.zip``: the verdict on every series, as one JSON line.

Ends with 0 where a series can be read, 1 where all are refused, 2 where a path is not there.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from apps.report_gen.reading.studies import gate
from apps.report_gen.reading.verdicts import SeriesVerdict, Status
from loupe.contract.runtime.payload import JsonValue


def judged(verdicts: Sequence[SeriesVerdict]) -> dict[str, JsonValue]:
    """The answer of `predict --json` for a study that is not read further: its status is that of
    the chosen series, `refused` where there is none."""
    status = next((each.status for each in verdicts if each.chosen), Status.REFUSED)
    return {"status": status.value, "series": [each.as_json() for each in verdicts]}


def main(arguments: Sequence[str]) -> int:
    """Judge the paths given and print."""
    parser = argparse.ArgumentParser(prog="python -m apps.report_gen.reading")
    parser.add_argument("paths", nargs="+", type=Path)
    paths: list[Path] = parser.parse_args(arguments).paths
    for path in paths:
        if not path.exists():
            sys.stderr.write(f"{path} is not there; give files, folders or zips.\n")
            return 2
    answer = judged(gate(paths))
    sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
    return int(answer["status"] == Status.REFUSED.value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
