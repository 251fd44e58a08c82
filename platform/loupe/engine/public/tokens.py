"""Who may use the public port: bearer tokens from a file that only this user can read."""

import hashlib
import hmac
import stat
from pathlib import Path

from loupe.contract.runtime.errors import LoupeError
from loupe.engine.errors import RequestRefused, TokenRefused

SHORTEST = 32


class Tokens:
    """Knows tokens by their hash; comparing takes as long for a wrong one as for a right one."""

    def __init__(self, tokens: list[str]) -> None:
        self._digests = [_digest(token) for token in tokens]

    def check(self, authorization: str | None) -> None:
        """Let a request with this ``Authorization`` header in.

        Raises:
            TokenRefused: it is missing, of another scheme, or no known token.
        """
        scheme, _, token = (authorization or "").partition(" ")
        given = _digest(token.strip())
        matches = [hmac.compare_digest(given, known) for known in self._digests]
        if scheme.lower() != "bearer" or not any(matches):
            raise TokenRefused(
                "This port wants the header 'Authorization: Bearer TOKEN' with one of the tokens "
                "in its token file."
            )


def read_tokens(path: Path) -> Tokens:
    """One token a line; empty lines and those that begin with ``#`` are passed over.

    Raises:
        RequestRefused: others can read the file, it has no token, or one is too short.
        LoupeError: it cannot be read.
    """
    try:
        mode = path.stat().st_mode
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LoupeError(f"The token file {path} cannot be read: {error}.") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise RequestRefused(
            f"The token file {path} has mode {stat.S_IMODE(mode):o}; others may read it. Say "
            "`chmod 600` to it."
        )
    tokens = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not tokens or min(map(len, tokens)) < SHORTEST:
        raise RequestRefused(
            f"The token file {path} must hold at least one token, each of {SHORTEST} characters or "
            "more, one a line; `openssl rand -hex 32` makes one."
        )
    return Tokens(tokens)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
