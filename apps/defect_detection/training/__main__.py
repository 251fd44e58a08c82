"""``python -m apps.defect_detection.training``; see `loupe.contract.runtime.training`."""

import sys

from apps.defect_detection.training.config import TrainingConfig
from apps.defect_detection.training.training import train
from loupe.contract.runtime.training import train_main

if __name__ == "__main__":
    sys.exit(train_main(sys.argv[1:], train, TrainingConfig))
