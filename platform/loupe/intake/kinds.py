"""Which of an app's kinds of input a file is; by content, never by its name."""

from django.utils.translation import gettext as _

from loupe.blobs.sniff import table
from loupe.contract.app import DomainApp
from loupe.contract.inputs import InputKind
from loupe.intake.errors import EntryRefused
from loupe.plugins.language import spoken

ARCHIVES = frozenset({table.ZIP, table.TAR})
_COMPRESSED = frozenset({table.GZIP, table.BZIP2, table.XZ})


def find(app: type[DomainApp], media_type: str) -> InputKind | None:
    """The kind of input that files of that type are, if the app takes them."""
    return next((kind for kind in app.inputs if media_type in kind.media_types), None)


def require(app: type[DomainApp], media_type: str, size: int) -> InputKind:
    """The kind of a file of that type and size in bytes.

    Raises:
        EntryRefused: the app takes no such file; the sentence lists what it does take.
    """
    if size == 0:
        raise EntryRefused(_("The file is empty (0 bytes). Send it again."), code="empty_file")
    kind = find(app, media_type)
    if kind is None:
        raise _refusal(app, media_type)
    if size > kind.max_bytes:
        raise EntryRefused(
            _("The file has %(given)s bytes; at most %(most)s are taken (%(kind)s).")
            % {
                "given": f"{size:,}",
                "most": f"{kind.max_bytes:,}",
                "kind": spoken(kind.label),
            },
            code="file_too_large",
        )
    return kind


def note(media_type: str, name: str) -> str:
    """A sentence where the name's ending promises another format than the content has."""
    fitting = table.EXTENSIONS.get(media_type)
    ending = name.rpartition(".")[2].lower() if "." in name.rpartition("/")[2] else ""
    if fitting is None or not ending or ending in fitting:
        return ""
    return _("The name ends in .%(ending)s, the content is %(format)s: read as that.") % {
        "ending": ending[:20],
        "format": table.name_of(media_type),
    }


def accepted(app: type[DomainApp]) -> str:
    """The formats the app takes, for sentences."""
    types = (media_type for kind in app.inputs for media_type in kind.media_types)
    return ", ".join(dict.fromkeys(table.name_of(media_type) for media_type in types))


def _refusal(app: type[DomainApp], media_type: str) -> EntryRefused:
    facts = {
        "app": spoken(app.name),
        "formats": accepted(app),
        "format": table.name_of(media_type),
    }
    takes = _("%(app)s takes %(formats)s, alone or in zip and tar archives.") % facts
    if media_type in {table.PICKLE, table.TORCH}:
        why = _(
            "The content is a %(format)s, which can run code when it is read; Loupe never reads "
            "one."
        )
        return EntryRefused(f"{why % facts} {takes}", code="pickle_refused")
    if media_type in {table.SVG, table.HTML, table.XML}:
        why = _("The content is %(format)s, a document that may carry scripts, not a picture.")
        return EntryRefused(f"{why % facts} {takes}", code="markup_refused")
    if media_type in ARCHIVES:
        why = _(
            "The content is an archive inside an archive, which is not opened. Unpack it and send "
            "its files, or put them into one archive."
        )
        return EntryRefused(why, code="nested_archive")
    if media_type in _COMPRESSED:
        why = _("The content is a single file packed with %(format)s. Unpack it first.")
        return EntryRefused(f"{why % facts} {takes}", code="unsupported_type")
    why = _("The content is %(format)s, whatever the name says.")
    return EntryRefused(f"{why % facts} {takes}", code="unsupported_type")
