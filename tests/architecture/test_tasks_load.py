"""Workers and beat load the modules of tasks in any order, each of them first in some process."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULES = [
    ".".join(path.relative_to(place).with_suffix("").parts)
    for place, pattern in ((ROOT / "platform", "loupe/*/tasks.py"), (ROOT, "apps/*/tasks.py"))
    for path in sorted(place.glob(pattern))
]
FIRST_OF_ALL = """
import importlib, os, sys, django
django.setup()
for name in sys.argv[1:]:
    child = os.fork()
    if not child:
        try:
            importlib.import_module(name)
        except ImportError as error:
            print(f"{name}: {error}", flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""


def test_every_module_of_tasks_can_be_the_first_that_is_loaded() -> None:
    assert len(MODULES) > 8
    paths = os.pathsep.join([str(ROOT / "platform"), str(ROOT)])
    settings = {"DJANGO_SETTINGS_MODULE": "loupe.settings.test", "PYTHONPATH": paths}
    done = subprocess.run(
        [sys.executable, "-c", FIRST_OF_ALL, *MODULES],
        env={**os.environ, **settings},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ""
