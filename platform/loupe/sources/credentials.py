"""Answers a camera's ``WWW-Authenticate``: Basic (RFC 7617) or Digest (RFC 7616, and 2069)."""

import base64
import hashlib
import secrets
from collections.abc import Iterable
from urllib.request import parse_http_list, parse_keqv_list

_HASHES = {"md5": "md5", "sha-256": "sha256"}


def authorization(
    challenges: Iterable[str], username: str, password: str, method: str, path: str
) -> str | None:
    """The value of ``Authorization`` for the strongest challenge that is understood; None: none.

    Args:
        challenges: every ``WWW-Authenticate`` header of the refusal.
        path: what is asked for, query included, as in the request line.
    """
    offered = {
        scheme.lower(): rest
        for scheme, _, rest in (challenge.strip().partition(" ") for challenge in challenges)
    }
    if "digest" in offered:
        found = _digest(offered["digest"], username, password, method, path)
        if found is not None:
            return found
    if "basic" in offered:
        raw = f"{username}:{password}".encode()
        return "Basic " + base64.b64encode(raw).decode()
    return None


def _digest(challenge: str, username: str, password: str, method: str, path: str) -> str | None:
    try:
        asked = parse_keqv_list(parse_http_list(challenge))
    except (ValueError, IndexError):
        return None
    named = asked.get("algorithm", "MD5")
    algorithm, session = named.lower().removesuffix("-sess"), named.lower().endswith("-sess")
    if algorithm not in _HASHES or not {"realm", "nonce"} <= asked.keys():
        return None
    offers = {word.strip() for word in asked.get("qop", "").split(",")}
    if "qop" in asked and "auth" not in offers:
        return None

    def hashed(text: str) -> str:
        # What the protocol says; MD5 guards nothing here that plain HTTP would not give away.
        return hashlib.new(_HASHES[algorithm], text.encode(), usedforsecurity=False).hexdigest()

    realm, nonce, mine, count = asked["realm"], asked["nonce"], secrets.token_hex(8), "00000001"
    secret = hashed(f"{username}:{realm}:{password}")
    if session:
        secret = hashed(f"{secret}:{nonce}:{mine}")
    request = hashed(f"{method}:{path}")
    fields = {"username": username, "realm": realm, "nonce": nonce, "uri": path}
    if "qop" in asked:
        fields["response"] = hashed(f"{secret}:{nonce}:{count}:{mine}:auth:{request}")
        fields["cnonce"] = mine
    else:
        fields["response"] = hashed(f"{secret}:{nonce}:{request}")
    if "opaque" in asked:
        fields["opaque"] = asked["opaque"]
    quoted = ", ".join(f'{name}="{_escaped(value)}"' for name, value in fields.items())
    plain = f", algorithm={named}"
    if "qop" in asked:
        plain += f", qop=auth, nc={count}"
    return f"Digest {quoted}{plain}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
