"""Text that documents can hold: without characters that XML and PDF have no place for."""

import re
from typing import Any

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


def printable(value: Any) -> Any:
    """JSON with every forbidden character of its texts replaced by U+FFFD.

    >>> printable({"a": ["x\\x00y"]})
    {'a': ['x\ufffdy']}
    """
    if isinstance(value, str):
        return _FORBIDDEN.sub("\ufffd", value)
    if isinstance(value, dict):
        return {printable(key): printable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [printable(one) for one in value]
    return value
