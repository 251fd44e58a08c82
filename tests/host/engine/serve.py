"""The engine with the tiny app: ``python -m tests.host.engine.serve --socket …``."""

import sys

from loupe.engine.__main__ import main
from tests.host.engine.tiny.app import App

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], {App.slug: App}))
