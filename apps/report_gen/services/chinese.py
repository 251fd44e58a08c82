"""Chinese for what was refused in English, for rows that keep both."""

from django.utils import translation

from loupe.host.pages import translated


def in_chinese(sentence: str, code: str = "") -> str:
    """The sentence as Chinese pages say it; as it is where no table knows it."""
    with translation.override("zh-hans"):
        return translated(sentence, code)
