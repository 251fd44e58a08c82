"""``python -m apps.report_gen.training.real.evaluation``; see `loupe.contract.runtime.training`."""

import sys

from apps.report_gen.training.real.evaluation.evaluating import evaluate
from loupe.contract.runtime.training import evaluate_main

if __name__ == "__main__":
    sys.exit(evaluate_main(sys.argv[1:], evaluate))
