"""What code without a language said, in the language of the page.

Readers, sandboxes and the engine refuse in English, with a stable code. Each app may bring a table
of its sentences (`DomainApp.sentences`), and the host has one of its own beside this module.
"""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from django.utils.translation import get_language

from loupe.contract.app import DomainApp
from loupe.contract.sentences import Sentence, Sentences, read
from loupe.plugins import registry as apps

OWN = Path(__file__).with_name("sentences.json")


def translated(sentence: str, code: str = "") -> str:
    """`sentence` in the language of the page; as it is where no table knows it."""
    if not (get_language() or "en").startswith("zh"):
        return sentence
    return _in_chinese(str(sentence), code)


@lru_cache(maxsize=4096)
def _in_chinese(sentence: str, code: str) -> str:
    return table().in_chinese(sentence, code) or sentence


@lru_cache(maxsize=1)
def table() -> Sentences:
    """The host's sentences and those of every installed app."""
    found: list[Sentence] = list(read(OWN))
    for app in apps.installed():
        if app.sentences is not None:
            found += read(_package(app) / app.sentences)
    return Sentences(found)


def _package(app: type[DomainApp]) -> Path:
    """The folder of the app's own files; system checks have looked that there is one."""
    spec = find_spec(app.__module__.rpartition(".")[0])
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"App {app.slug} is not installed as files.")
    return Path(spec.origin).parent
