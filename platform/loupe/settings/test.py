"""Tests: quick password hashing, a folder of their own, everything else as in production."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

if "LOUPE_VAR" not in os.environ:
    os.environ["LOUPE_VAR"] = os.environ["LOUPE_TEST_VAR"] = tempfile.mkdtemp(prefix="loupe-test-")
    atexit.register(shutil.rmtree, os.environ["LOUPE_VAR"], ignore_errors=True)
elif os.environ["LOUPE_VAR"] == os.environ.get("LOUPE_TEST_VAR"):
    # A parallel test process inherits its parent's folder and takes a part of it for itself.
    os.environ["LOUPE_VAR"] = str(
        Path(os.environ["LOUPE_VAR"]) / os.environ.get("PYTEST_XDIST_WORKER", f"p{os.getpid()}")
    )
    Path(os.environ["LOUPE_VAR"]).mkdir(exist_ok=True)

from loupe.settings.base import *  # noqa: F403

SECRET_KEY = "test-only"  # noqa: S105
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Brings the `flush` that may empty append-only tables between tests.
INSTALLED_APPS = ["loupe.testing.apps.TestingConfig", *INSTALLED_APPS]  # noqa: F405
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):  # type: ignore[attr-defined]  # noqa: F405
    # A file as in production: threads of a test wait for each other's locks instead of failing.
    DATABASES["default"]["TEST"] = {"NAME": str(VAR / "test.sqlite3")}  # noqa: F405
