"""How the app's pages write figures."""

from django import template

register = template.Library()


@register.filter
def share(value: float | None) -> str:
    """A share between 0 and 1 as a percentage with the digits that mean something."""
    if value is None:
        return "–"
    percent = value * 100
    digits = 0 if percent >= 99.95 or percent == 0 else 1 if percent >= 1 else 2
    return f"{percent:.{digits}f} %"
