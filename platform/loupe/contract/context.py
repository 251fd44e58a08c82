"""What parsing and live state must know of a project beside the bytes: its declarations."""

from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

from loupe.contract.runtime.payload import JsonValue


class Context(Protocol):
    """Says what holds in a project: which columns mean what, which currency is its own."""

    def __call__(self, project_id: UUID, facts: Mapping[str, str]) -> Mapping[str, JsonValue]:
        """Plain JSON of a few kilobytes; the same arguments SHALL give the same answer as long as
        nothing was changed by people.

        SHALL be quick: it may run once a second for every project and set of facts. The host keeps
        the answer for a second. `facts` are the completed ones of `CheckFacts`. ``manage.py
        predict`` without a project calls nothing and takes the facts it was given for the answer.
        """
