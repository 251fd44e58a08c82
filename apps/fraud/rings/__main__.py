"""``python -m apps.fraud.rings COLUMNS.npz SCHEME.json OUT.json``: the rings of a table of columns.

A program of its own, so that who asks need not hold the libraries, nor the memory.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from apps.fraud.rings.finding import find_rings
from apps.fraud.scheme import Scheme


def main(argv: list[str]) -> int:
    """Read, find, write."""
    parser = argparse.ArgumentParser(prog="python -m apps.fraud.rings")
    for name in ("columns", "scheme", "out"):
        parser.add_argument(name, type=Path)
    asked = parser.parse_args(argv)
    scheme = Scheme.model_validate_json(asked.scheme.read_bytes())
    with np.load(asked.columns, allow_pickle=False) as kept:
        columns = {name: kept[name] for name in kept.files}
    rings = [ring.as_json() for ring in find_rings(columns, scheme)]
    asked.out.write_text(json.dumps(rings, ensure_ascii=False), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
