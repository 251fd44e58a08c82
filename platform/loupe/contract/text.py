"""Words an app shows to people, in every language Loupe speaks."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Text:
    """The same words in English and Simplified Chinese."""

    en: str
    zh: str

    def __str__(self) -> str:
        return self.en

    def in_language(self, language_code: str) -> str:
        """The words for a Django language code; English where it is not Chinese."""
        return self.zh if language_code.startswith("zh") else self.en
