"""``python -m dummy_app.training``."""

import sys

from dummy_app.training.fitting import train
from dummy_app.training.recipe import Recipe
from loupe.contract.runtime.training import train_main

sys.exit(train_main(sys.argv[1:], train, Recipe))
