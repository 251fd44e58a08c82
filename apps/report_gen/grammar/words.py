"""The words of a language: what one has to supply so that reports can be written in it."""

from collections.abc import Mapping
from dataclasses import dataclass

from apps.report_gen.findings import Lobe, Side


@dataclass(frozen=True, kw_only=True)
class Words:
    """One language.

    Patterns hold the fields ``{name}`` (one of `names`), ``{place}`` (of a finding), ``{size}``,
    ``{count}`` and ``{list}`` (of names, denied); every pattern of a form carries the same fields,
    so that no wording says more than another.

    Attributes:
        code: ``en`` or ``zh``.
        names: several words for each kind; the first is used in lists.
        plural: of focal kinds.
        lobes, sides: places in words; `sides` of a lung or chest, `flanks` of what is beside.
        found: by what is told of a kind: ``focal``, ``lobed``, ``sided`` or ``plain``.
        summary: the same, and ``several`` for more than one focal finding.
        joins: between the last two of a list of places, of denied names, and between others.
    """

    code: str
    names: Mapping[str, tuple[str, ...]]
    plural: Mapping[str, str]
    lobes: Mapping[Lobe, str]
    sides: Mapping[Side, str]
    found: Mapping[str, tuple[str, ...]]
    possible: tuple[str, ...]
    none_of: tuple[str, ...]
    yes: tuple[str, ...]
    no: tuple[str, ...]
    unsure: tuple[str, ...]
    summary: Mapping[str, tuple[str, ...]]
    nothing: tuple[str, ...]
    joins: tuple[str, str, str]
    title: bool
    """A sentence begins with a capital letter."""
