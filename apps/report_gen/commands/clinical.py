"""``manage.py clinical check|rotate|erase|retain|replay``: looking after the clinical store.

    manage.py clinical check                       # opens every file that the database names
    manage.py clinical rotate                      # a new key seals from now on
    manage.py clinical erase STUDY --why REASON    # forget who one study is about
    manage.py clinical retain --days 365           # forget all that arrived before
    manage.py clinical replay                      # send again what was given up

Exit status: 0 done, 1 files are missing or altered, 2 refused.
"""

import argparse
import sys
import uuid
from collections.abc import Sequence

from apps.report_gen.clinical import erasing, installed, keys
from apps.report_gen.clinical.errors import KeyMissing, Missing, Tampered
from apps.report_gen.dicom import outbox
from apps.report_gen.models import ClinicalObject, Study
from apps.report_gen.services.retaining import MOST_DAYS
from loupe.contract.runtime.errors import LoupeError
from loupe.host import commands
from loupe.host.people import SYSTEM

DONE, DAMAGED, REFUSED = 0, 1, 2


def main(argv: Sequence[str]) -> int:
    """Do one of the verbs."""
    asked = _parser().parse_args(argv)
    try:
        if asked.verb == "check":
            return _check()
        if asked.verb == "rotate":
            made = keys.rotate_file(installed.key_file())
            installed.forget()
            print(f"The key {made.newest} seals from now on. Restart Loupe, then back up the file.")
        elif asked.verb == "erase":
            study = Study.objects.select_related("project").filter(pk=asked.study).first()
            if study is None:
                print(f"There is no study {asked.study}.", file=sys.stderr)
                return REFUSED
            print(f"{erasing.erase(SYSTEM, study, asked.why)} files erased.")
        else:
            project = commands.project_named(asked.project)
            if asked.verb == "retain":
                print(f"{erasing.erase_old(project, asked.days)} studies erased.")
            else:
                print(f"{outbox.replay(SYSTEM, project)} will be sent again.")
    except (LoupeError, commands.UnknownProject) as error:
        print(error, file=sys.stderr)
        return REFUSED
    return DONE


def _check() -> int:
    """Open every file to its end; name what does not."""
    store = installed.store()
    bad = count = 0
    for name in ClinicalObject.objects.values_list("sealed", flat=True).iterator(chunk_size=2_000):
        count += 1
        try:
            with store.open(name) as stream:
                while stream.read(1 << 20):
                    pass
        except (Tampered, Missing, KeyMissing) as error:
            bad += 1
            print(f"{error.message} ({error.code})")
    print(f"{count} files, {bad} missing or altered.")
    return DAMAGED if bad else DONE


def _days(text: str) -> int:
    """A period; 0 days or fewer would forget everybody, and nothing brings that back."""
    found = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if not 1 <= found <= MOST_DAYS:
        raise argparse.ArgumentTypeError(
            f"{text[:40]!r} is no period: a whole number of days from 1 to {MOST_DAYS:,} is needed"
        )
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="clinical", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("check", help="open every file that the database names")
    verbs.add_parser("rotate", help="a new key seals from now on; old ones still open")
    erase = verbs.add_parser("erase", help="forget who one study is about")
    erase.add_argument("study", type=uuid.UUID)
    erase.add_argument("--why", required=True)
    retain = verbs.add_parser("retain", help="forget who studies are about that are older")
    retain.add_argument("--days", type=_days, required=True)
    retain.add_argument("--project")
    replay = verbs.add_parser("replay", help="send again what was given up")
    replay.add_argument("--project")
    return parser
