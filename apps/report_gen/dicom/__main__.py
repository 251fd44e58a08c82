"""The node as a process of its own: ``python -m apps.report_gen.dicom``, started by ``up``."""

import sys
from importlib import import_module

import django


def main() -> int:
    """Run until told to stop; returns the exit status."""
    django.setup()
    # Models may be imported only now.
    code: int = import_module("apps.report_gen.dicom.node").run()
    return code


if __name__ == "__main__":
    sys.exit(main())
