"""The part of YAML that data descriptions need: maps, lists, words and numbers.

Built from the parser's events, so that no tag constructs anything, no alias multiplies anything and
depth is bounded. Every scalar stays text.
"""

from collections.abc import Iterator
from typing import TypeAlias

import yaml

from loupe.contract.runtime.errors import InputRefused

LARGEST = 2**20
DEEPEST = 8

Plain: TypeAlias = str | list["Plain"] | dict[str, "Plain"]


def read(text: str, name: str) -> dict[str, Plain]:
    """The map that `text` holds.

    Raises:
        InputRefused: not YAML, not a map, too large or deep, with aliases, tags or a key twice.
    """
    if len(text) > LARGEST:
        raise InputRefused(
            f"{name} has {len(text):,} characters; a data description has at most {LARGEST:,}.",
            code="bad_yaml",
        )
    try:
        events = (
            event
            for event in yaml.parse(text, Loader=yaml.SafeLoader)
            if not isinstance(
                event,
                yaml.StreamStartEvent
                | yaml.StreamEndEvent
                | yaml.DocumentStartEvent
                | yaml.DocumentEndEvent,
            )
        )
        first = next(events, None)
        found = _value(first, events, name, 0) if first is not None else {}
        if next(events, None) is not None:
            raise _refused(name, "holds several documents; one is meant")
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        raise _refused(name, f"is no YAML{where}: {getattr(error, 'problem', error)}") from None
    if not isinstance(found, dict):
        raise _refused(name, "holds no map of keys and values")
    return found


def _value(event: yaml.Event, events: Iterator[yaml.Event], name: str, depth: int) -> Plain:
    if depth > DEEPEST:
        raise _refused(name, f"is nested deeper than {DEEPEST} levels")
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        raise _refused(name, "uses anchors and aliases, which are not read")
    tag = getattr(event, "tag", None)
    if tag is not None and not str(tag).startswith("tag:yaml.org,2002:"):
        raise _refused(name, f"uses the tag {tag!r}, which is not read")
    if tag is not None and str(tag).startswith("tag:yaml.org,2002:python"):
        raise _refused(name, f"uses the tag {tag!r}, which could run code and is not read")
    if isinstance(event, yaml.ScalarEvent):
        return str(event.value)
    if isinstance(event, yaml.SequenceStartEvent):
        items: list[Plain] = []
        while not isinstance(inner := next(events), yaml.SequenceEndEvent):
            items.append(_value(inner, events, name, depth + 1))
        return items
    pairs: dict[str, Plain] = {}
    while not isinstance(inner := next(events), yaml.MappingEndEvent):
        key = _value(inner, events, name, depth + 1)
        if not isinstance(key, str):
            raise _refused(name, "has a key that is no word")
        if key in pairs:
            raise _refused(name, f"has the key {key[:60]!r} twice")
        pairs[key] = _value(next(events), events, name, depth + 1)
    return pairs


def _refused(name: str, why: str) -> InputRefused:
    return InputRefused(f"{name} {why}.", code="bad_yaml")
