"""``python -m dummy_app.evaluation``."""

import sys

from dummy_app.training.measuring import evaluate
from loupe.contract.runtime.training import evaluate_main

sys.exit(evaluate_main(sys.argv[1:], evaluate))
