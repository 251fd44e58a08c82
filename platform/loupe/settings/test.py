"""Tests: quick password hashing, no throttles by accident, everything else as in production."""

from loupe.settings.base import *  # noqa: F403

SECRET_KEY = "test-only"  # noqa: S105
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
