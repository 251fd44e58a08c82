"""``python -m apps.fraud.training``; see `loupe.contract.runtime.training`."""

import sys

from apps.fraud.training.config import TrainingConfig
from apps.fraud.training.training import train
from loupe.contract.runtime.training import train_main

if __name__ == "__main__":
    sys.exit(train_main(sys.argv[1:], train, TrainingConfig))
