"""Keeps pydicom from telling values: its warnings quote them, and values name people.

Nothing is lost: what cannot be used is told as a `Fault` to the sender alone.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from pydicom import config

_LOGGERS = ("pydicom", "openjpeg", "openjpeg.decode", "openjpeg.encode", "libjpeg", "nibabel")


@contextmanager
def quiet() -> Iterator[None]:
    """Within it, values are neither validated nor logged by the libraries that read them.

    Concerns the whole process; reading belongs into a process of its own.
    """
    settings = config.settings
    reading, writing = settings.reading_validation_mode, settings.writing_validation_mode
    settings.reading_validation_mode = settings.writing_validation_mode = config.IGNORE
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    disabled = [each.disabled for each in loggers]
    try:
        for each in loggers:
            each.disabled = True
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        settings.reading_validation_mode = reading
        settings.writing_validation_mode = writing
        for each, before in zip(loggers, disabled, strict=True):
            each.disabled = before
