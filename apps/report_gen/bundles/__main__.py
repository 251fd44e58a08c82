"""``python -m apps.report_gen.bundles``: sort and de-identify raw files in a process of its own.

Told by one JSON object on standard input (paths, the folder for bundles, the key of pseudonyms in
hex, language, clinical text), answers by one on standard output. It reads what it was given and
writes below the folder, and gives up everything else before it looks at the first file. What it
answers names patients: it goes through a pipe to whoever asked, and nowhere else.
"""

import json
import resource
import sys
from pathlib import Path
from typing import Any, Final

# Libraries that pydicom and nibabel import when they first need them: later there is no way to.
import nibabel
import pydicom.encoders
import pydicom.pixels

from apps.report_gen.bundles.sorting import Sorter
from apps.report_gen.deid.pseudonyms import Pseudonyms
from apps.report_gen.reading.faults import Fault
from loupe.contract.runtime.confinement import confine
from loupe.contract.runtime.errors import InputRefused

MEMORY_BYTES: Final = 6 << 30
MOST_FAULTS: Final = 200
LOADED: Final = (nibabel, pydicom.encoders, pydicom.pixels)


def told(fault: Fault) -> dict[str, str]:
    """A fault for the sender."""
    text = fault.text()
    return {"name": fault.name, "code": fault.code, "en": text.en, "zh": text.zh}


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """Do what is asked."""
    folder = Path(asked["folder"])
    paths = [Path(each) for each in asked["paths"]]
    language = "zh" if asked.get("language") == "zh" else "en"
    sorter = Sorter(
        paths,
        folder,
        Pseudonyms(bytes.fromhex(asked["key"])),
        language="zh" if language == "zh" else "en",
        clinical=asked.get("clinical", {}),
    )
    made = sorter.bundles()
    return {
        "studies": [
            {
                "path": each.path.name,
                "manifest": each.manifest.model_dump(mode="json"),
                "person": each.person,
                "uids": each.uids,
                "sources": sorted(each.sources),
                "files": each.files,
                "bytes": each.bytes,
            }
            for each in made
        ],
        "faults": [told(each) for each in sorter.faults[:MOST_FAULTS]],
        "left_out": len(sorter.faults),
    }


def main() -> int:
    """Read the question, confine, answer."""
    asked = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    confine([Path(each) for each in asked["paths"]], [Path(asked["folder"])])
    try:
        made: dict[str, Any] = answer(asked)
    except InputRefused as error:
        made = {"refused": {"code": error.code, "message": error.message}}
    except MemoryError:
        made = {"refused": {"code": "decode_memory", "message": "The study needs too much memory."}}
    json.dump(made, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
