"""``python -m apps.fraud.embedding``: a generation of embeddings, from a folder of stored columns.

Who asks (`apps.fraud.services.embeddings`) holds no numerical framework. The folder has
``columns.npz``, and ``labels.jsonl`` with a list of id, label and time on each line. What came of
it is told as one JSON object.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np

from apps.fraud.embedding.making import Labels, made
from apps.fraud.inference.embeddings import ENCODER, folder_of
from apps.fraud.scheme import Scheme
from apps.fraud.training.encoder import Encoder

COLUMNS, LABELS = "columns.npz", "labels.jsonl"
NICE = 10
"""What scores payments goes first."""


def main(argv: list[str]) -> int:
    """Read, make, write."""
    parser = argparse.ArgumentParser(prog="python -m apps.fraud.embedding")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--artefact", type=Path, required=True)
    parser.add_argument("--project", required=True, help="its id")
    parser.add_argument("--moment", type=int, required=True, help="milliseconds since 1970")
    parser.add_argument("--keep", type=int, required=True, help="generations that stay")
    asked = parser.parse_args(argv)
    os.nice(NICE)
    manifest = json.loads((asked.artefact / "manifest.json").read_bytes())
    encoder = Encoder.read(asked.artefact / ENCODER)
    with np.load(asked.folder / COLUMNS, allow_pickle=False) as kept:
        columns = {name: kept[name] for name in kept.files}
    scheme = Scheme.model_validate(manifest["scheme"])
    generation, rows = made(encoder, scheme, columns, _labels(asked.folder / LABELS), asked.moment)
    file = generation.write(folder_of(asked.artefact, asked.project), asked.keep)
    entities = {key: len(each) for key, each in generation.keys.items()}
    told = {"transactions": rows, "entities": entities, "bytes": file.stat().st_size}
    print(json.dumps(told))
    return 0


def _labels(file: Path) -> Labels:
    with file.open(encoding="utf-8") as lines:
        said = [json.loads(line) for line in lines]
    return {str(name): (int(label), int(known)) for name, label, known in said}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
