"""``manage.py index-cases defect_detection``: every confirmed result into the search for its like.

Pages take in the newest by themselves; this is for thousands at once, or after a change of model.
Needs the engine. Exit status: 0 done, 2 not.
"""

import argparse
import sys
from collections.abc import Sequence

from apps.defect_detection.similar import keeping
from loupe.contract.runtime.errors import LoupeError
from loupe.host import commands

DONE, FAILED = 0, 2


def main(argv: Sequence[str]) -> int:
    """Catch up, or start anew with the model that is in production now."""
    parser = argparse.ArgumentParser(prog="manage.py index-cases defect_detection")
    parser.add_argument("--project", help="its slug; not needed where there is only one")
    parser.add_argument(
        "--anew", action="store_true", help="with the backbone of the present default model"
    )
    asked = parser.parse_args(argv)
    try:
        project = commands.project_named(asked.project)
        if asked.anew:
            keeping.start_anew(project)
        embedder = keeping.embedder_of(project)
        kept = keeping.catch_up(embedder)
    except LoupeError as error:
        print(f"{error.message} ({error.code})", file=sys.stderr)
        return FAILED
    print(f"{kept} results taken in, seen by {embedder.version}.")
    return DONE
