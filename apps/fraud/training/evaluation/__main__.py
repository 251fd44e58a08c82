"""``python -m apps.fraud.training.evaluation``; see `loupe.contract.runtime.training`."""

import sys

from apps.fraud.training.evaluation.evaluating import evaluate
from loupe.contract.runtime.training import evaluate_main

if __name__ == "__main__":
    sys.exit(evaluate_main(sys.argv[1:], evaluate))
