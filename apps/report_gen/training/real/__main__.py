"""``python -m apps.report_gen.training.real``; see `loupe.contract.runtime.training`."""

import sys

from apps.report_gen.training.real.config import TrainingConfig
from apps.report_gen.training.real.training import train
from loupe.contract.runtime.training import train_main

if __name__ == "__main__":
    sys.exit(train_main(sys.argv[1:], train, TrainingConfig))
