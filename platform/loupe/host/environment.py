"""Typed readers of the environment, for settings of apps: a wrong value stops with a sentence."""

from loupe.settings.env import flag, number, text, words

__all__ = ["flag", "number", "text", "words"]
