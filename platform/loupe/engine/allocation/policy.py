"""The declared policy: devices with their memory, and what models get of them.

As a file, for ``--policy``::

    {"devices": {"cuda:0": {"memory_bytes": 40000000000}, "cpu": {"memory_bytes": 4294967296}},
     "fallback": ["cuda:0", "cpu"],
     "models": [{"match": "my_app.*", "share": 3, "pinned": true, "replicas": 2},
                {"match": "*.nightly", "share": 1, "devices": ["cpu"]}]}

The first rule whose pattern fits a model's wire name holds. Without a rule a model has one share,
may leave, and goes to the first device of the fallback order that it can run on. With replicas it
goes to as many of its devices, and each call to the one that does least.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from loupe.contract.runtime.errors import LoupeError

CPU = "cpu"


class PolicyRefused(LoupeError):
    """The policy says something that cannot be."""

    code = "policy_refused"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What models get whose wire name fits a pattern.

    Attributes:
        match: a pattern with ``*`` and ``?``.
        share: weight beside the other models that want the same device at the same time.
        pinned: once loaded it is not dropped to make room.
        devices: in this order; empty: the policy's fallback order.
        replicas: on how many devices of one type it is at the same time, where there are as many.
    """

    match: str = "*"
    share: float = 1.0
    pinned: bool = False
    devices: tuple[str, ...] = ()
    replicas: int = 1


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Everything that is declared.

    Attributes:
        memory_bytes: by device, what resident models may take together; None: as much as there is.
        fallback: devices in the order of preference.
        rules: the first one that fits holds.
    """

    memory_bytes: Mapping[str, int | None] = field(default_factory=lambda: {CPU: 4 * 2**30})
    fallback: tuple[str, ...] = (CPU,)
    rules: tuple[Rule, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be carried out."""
        for device in (*self.fallback, *(name for rule in self.rules for name in rule.devices)):
            if device not in self.memory_bytes:
                raise PolicyRefused(
                    f"The policy names the device {device!r}; 'devices' has "
                    f"{', '.join(self.memory_bytes) or 'none'}. Add it there."
                )
        for rule in self.rules:
            if not 0 < rule.share < float("inf"):
                raise PolicyRefused(
                    f"The rule for {rule.match!r} gives a share of {rule.share:g}; shares are "
                    "positive numbers."
                )
            if rule.replicas < 1:
                raise PolicyRefused(
                    f"The rule for {rule.match!r} gives {rule.replicas} replicas; give 1 or more."
                )
        if not self.fallback:
            raise PolicyRefused("'fallback' is empty; name at least one device, such as 'cpu'.")

    def rule(self, model: str) -> Rule:
        """The rule that holds for a model."""
        return next((rule for rule in self.rules if fnmatchcase(model, rule.match)), Rule())

    def devices_of(self, model: str) -> tuple[str, ...]:
        """Where a model may be, in order of preference."""
        return self.rule(model).devices or self.fallback

    @property
    def shares_declared(self) -> bool:
        """Whether models have different shares, so that their order matters."""
        return bool(self.rules)


def read_policy(path: Path) -> Policy:
    """Read the file.

    Raises:
        PolicyRefused: it cannot be read, or a field has another form; it is named.
    """
    try:
        said = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise PolicyRefused(f"{path} cannot be read: {error}.") from error
    _known(said, {"devices", "fallback", "models"}, str(path))
    devices = said.get("devices", {})
    if not isinstance(devices, dict) or not devices:
        raise PolicyRefused(f"{path}: 'devices' must name at least one device.")
    memory: dict[str, int | None] = {}
    for name, about in devices.items():
        _known(about, {"memory_bytes"}, f"{path}: device {name!r}")
        nbytes = about.get("memory_bytes")
        if nbytes is not None and (not isinstance(nbytes, int) or nbytes < 1):
            raise PolicyRefused(f"{path}: 'memory_bytes' of {name!r} is {nbytes!r}; give bytes.")
        memory[name] = nbytes
    return Policy(
        memory_bytes=memory,
        fallback=_names(said.get("fallback", list(devices)), f"{path}: 'fallback'"),
        rules=tuple(_rule(each, str(path)) for each in said.get("models", [])),
    )


def _rule(said: Any, where: str) -> Rule:
    _known(
        said, {"match", "share", "pinned", "devices", "replicas"}, f"{where}: a rule of 'models'"
    )
    match, share = said.get("match"), said.get("share", 1)
    if not isinstance(match, str) or not match:
        raise PolicyRefused(f"{where}: a rule of 'models' has no 'match'; write a pattern.")
    if isinstance(share, bool) or not isinstance(share, int | float):
        raise PolicyRefused(f"{where}: the share of {match!r} is {share!r}; give a number.")
    if not isinstance(said.get("pinned", False), bool):
        raise PolicyRefused(f"{where}: 'pinned' of {match!r} must be true or false.")
    replicas = said.get("replicas", 1)
    if isinstance(replicas, bool) or not isinstance(replicas, int):
        raise PolicyRefused(
            f"{where}: 'replicas' of {match!r} is {replicas!r}; give a whole number."
        )
    return Rule(
        match=match,
        share=float(share),
        pinned=said.get("pinned", False),
        devices=_names(said.get("devices", []), f"{where}: 'devices' of {match!r}"),
        replicas=replicas,
    )


def _known(said: Any, fields: set[str], where: str) -> None:
    if not isinstance(said, dict):
        raise PolicyRefused(f"{where} must be a JSON object.")
    if unknown := sorted(set(said) - fields):
        raise PolicyRefused(
            f"{where} has the field {unknown[0]!r}; allowed are {', '.join(sorted(fields))}."
        )


def _names(said: Any, where: str) -> tuple[str, ...]:
    if not isinstance(said, list) or not all(isinstance(name, str) for name in said):
        raise PolicyRefused(f"{where} must be a list of names of devices.")
    return tuple(said)
