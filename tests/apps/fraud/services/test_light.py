"""What runs in web and workers loads no numerical framework."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
CODE = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "loupe.settings.test"
import django
django.setup()
import loupe.urls
import apps.fraud.assembling, apps.fraud.decide, apps.fraud.exports, apps.fraud.row
import apps.fraud.views.rules, apps.fraud.views.thresholds, apps.fraud.views.scheme
import apps.fraud.views.rates, apps.fraud.services.measuring, apps.fraud.services.scheme_effects
import apps.fraud.services.explanation_work, apps.fraud.services.fitting_work
import apps.fraud.views.explanations, apps.fraud.tasks, apps.fraud.api.urls
import apps.fraud.services.following, apps.fraud.services.outbox, apps.fraud.services.ringing
HEAVY = {"torch", "xgboost", "sklearn", "numba", "torch_geometric", "pyarrow", "polars", "scipy"}
print(sorted(HEAVY & set(sys.modules)))
"""


def test_pages_decisions_and_schedules_load_no_numerical_framework() -> None:
    found = subprocess.run(
        [sys.executable, "-c", CODE], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"
