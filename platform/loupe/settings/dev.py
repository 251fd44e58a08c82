"""`manage.py` and `make up` on one machine: a secret of this checkout's own, plain HTTP."""

import secrets

from loupe.settings.base import *  # noqa: F403
from loupe.settings.base import SECRET_KEY, VAR

if not SECRET_KEY:
    _file = VAR / "secret_key"
    if not _file.exists():
        _file.parent.mkdir(parents=True, exist_ok=True)
        _file.touch(mode=0o600)
        _file.write_text(secrets.token_urlsafe(50))
    SECRET_KEY = _file.read_text()
