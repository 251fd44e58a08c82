"""``python -m apps.defect_detection.training.evaluation``.

See `loupe.contract.runtime.training`.
"""

import sys

from apps.defect_detection.training.evaluation.evaluating import evaluate
from loupe.contract.runtime.training import evaluate_main

if __name__ == "__main__":
    sys.exit(evaluate_main(sys.argv[1:], evaluate))
