"""A small CSV file as a person uploads it, read whole: its lines, or why it cannot be read."""

import csv
import io
from typing import NamedTuple

from django.utils.translation import gettext as _

from apps.fraud.services.errors import Unusable

DELIMITERS = ",;\t"


class Lines(NamedTuple):
    """The fields of each line, the header first, and what parts them."""

    fields: list[list[str]]
    delimiter: str


def lines_of(data: bytes, most_bytes: int) -> Lines:
    """UTF-8 text in lines; the delimiter is the one that the first line has most of.

    Raises:
        Unusable: it is larger than `most_bytes`, not text, or no CSV.
    """
    if len(data) > most_bytes:
        raise Unusable(
            _("The file has %(size)s bytes; at most %(most)s are read.")
            % {"size": len(data), "most": most_bytes},
            field="file",
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unusable(_("The file is not UTF-8 text."), field="file") from error
    if "\x00" in text:
        raise Unusable(_("The file is not UTF-8 text."), field="file")
    delimiter = max(DELIMITERS, key=text.partition("\n")[0].count)
    try:
        return Lines(list(csv.reader(io.StringIO(text), delimiter=delimiter)), delimiter)
    except csv.Error as error:
        raise Unusable(
            _("The file is no CSV: %(why)s.") % {"why": str(error)}, field="file"
        ) from error
