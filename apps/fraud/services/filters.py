"""Filters of the lists, read from addresses by pages and REST alike."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar, Self

from django.utils.translation import gettext as _

from apps.fraud.services.errors import Unusable


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What was chosen; every empty field lets all through. Subclasses name the fields."""

    CHOICES: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    @classmethod
    def read(cls, given: Mapping[str, str]) -> Self:
        """From a query; unknown names are left alone.

        Raises:
            Unusable: a value is not one of those allowed, or holds U+0000.
        """
        values = {one.name: str(given.get(one.name, "")).strip()[:500] for one in fields(cls)}
        for name, allowed in cls.CHOICES.items():
            if values[name] and values[name] not in allowed:
                raise Unusable(
                    _("%(name)s=%(value)r is not one of %(allowed)s.")
                    % {"name": name, "value": values[name][:40], "allowed": ", ".join(allowed)},
                    field=name,
                )
        if any("\x00" in value for value in values.values()):
            raise Unusable(_("A filter holds the character U+0000: leave it out."))
        return cls(**values)

    def chosen(self) -> dict[str, str]:
        """Those that are set, for addresses."""
        return {
            one.name: getattr(self, one.name) for one in fields(self) if getattr(self, one.name)
        }
