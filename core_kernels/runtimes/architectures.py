"""Architectures that a manifest may name. A name is looked up here and never imported as code.

A distribution or an app calls `register`, or names a function that does so under the entry-point
group ``core_kernels.architectures``. Those of torchvision's classifiers are known as
``torchvision/<name>``.
"""

import threading
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from pkgutil import resolve_name
from typing import Any

from core_kernels.errors import ArgumentRefused, ArtefactRefused

GROUP = "core_kernels.architectures"
Build = Callable[..., Any]
"""Called with the manifest's arguments; returns a `torch.nn.Module` with random weights."""

_TORCHVISION = "torchvision/"
_lock = threading.RLock()
_known: dict[str, str | Build] = {}
_asked_others = False


def register(name: str, build: str | Build) -> None:
    """Let manifests name an architecture.

    Args:
        name: e.g. ``detector/yolo11n``.
        build: ``module:function``, imported when it is first asked for, or the function.

    Raises:
        ArgumentRefused: another one has that name.
    """
    with _lock:
        if name.startswith(_TORCHVISION) or _known.get(name, build) != build:
            raise ArgumentRefused(
                f"There is an architecture {name!r} already; choose another name."
            )
        _known[name] = build


def unregister(name: str) -> None:
    """Take an architecture away; unknown names are ignored."""
    with _lock:
        _known.pop(name, None)


def known() -> tuple[str, ...]:
    """Names that were registered, those of installed distributions included."""
    global _asked_others
    with _lock:
        if not _asked_others:
            _asked_others = True
            for point in entry_points(group=GROUP):
                point.load()()
        return tuple(sorted(_known))


def build(name: str, arguments: Mapping[str, Any]) -> Any:
    """The module of that name with random weights.

    Raises:
        ArtefactRefused: the name is unknown, or the arguments are not its own.
    """
    names = known()
    try:
        if name.startswith(_TORCHVISION):
            models = resolve_name("torchvision.models")
            short = name.removeprefix(_TORCHVISION)
            if short in models.list_models(module=models):
                return models.get_model(short, weights=None, **arguments)
        elif name in names:
            found = _known[name]
            made = resolve_name(found) if isinstance(found, str) else found
            return made(**arguments)
    except (TypeError, ValueError) as error:
        raise ArtefactRefused(
            f"The architecture {name!r} cannot be built with {dict(arguments)!r}: {error}."
        ) from error
    raise ArtefactRefused(
        f"The architecture {name!r} is unknown here; known are torchvision/<name> and: "
        f"{', '.join(names) or 'none'}."
    )
