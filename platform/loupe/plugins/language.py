"""An app's words in the language of the person who is being answered."""

from django.utils.translation import get_language

from loupe.contract.text import Text


def spoken(text: Text) -> str:
    """`text` in the active language."""
    return text.in_language(get_language() or "en")
