"""Which of an app's kinds of input a file is; by content, never by its name."""

from loupe.blobs.sniff import table
from loupe.contract.app import DomainApp
from loupe.contract.inputs import InputKind
from loupe.intake.errors import EntryRefused

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
        raise EntryRefused("The file is empty (0 bytes). Send it again.", code="empty_file")
    kind = find(app, media_type)
    if kind is None:
        raise _refusal(app, media_type)
    if size > kind.max_bytes:
        raise EntryRefused(
            f"The file has {size:,} bytes; {kind.label} may have at most {kind.max_bytes:,}.",
            code="file_too_large",
        )
    return kind


def note(media_type: str, name: str) -> str:
    """A sentence where the name's ending promises another format than the content has."""
    fitting = table.EXTENSIONS.get(media_type)
    ending = name.rpartition(".")[2].lower() if "." in name.rpartition("/")[2] else ""
    if fitting is None or not ending or ending in fitting:
        return ""
    return f"The name ends in .{ending}, the content is {table.name_of(media_type)}: read as that."


def accepted(app: type[DomainApp]) -> str:
    """The formats the app takes, for sentences."""
    types = (media_type for kind in app.inputs for media_type in kind.media_types)
    return ", ".join(dict.fromkeys(table.name_of(media_type) for media_type in types))


def _refusal(app: type[DomainApp], media_type: str) -> EntryRefused:
    takes = f"{app.name} takes {accepted(app)}, alone or in zip and tar archives."
    if media_type in {table.PICKLE, table.TORCH}:
        return EntryRefused(
            f"The content is a {table.name_of(media_type)}, which can run code when it is read; "
            f"Loupe never reads one. {takes}",
            code="pickle_refused",
        )
    if media_type in {table.SVG, table.HTML, table.XML}:
        return EntryRefused(
            f"The content is {table.name_of(media_type)}, a document that may carry scripts, not a "
            f"picture. {takes}",
            code="markup_refused",
        )
    if media_type in ARCHIVES:
        return EntryRefused(
            "The content is an archive inside an archive, which is not opened. Unpack it and send "
            "its files, or put them into one archive.",
            code="nested_archive",
        )
    if media_type in _COMPRESSED:
        return EntryRefused(
            f"The content is a single file packed with {table.name_of(media_type)}. Unpack it "
            f"first. {takes}",
            code="unsupported_type",
        )
    return EntryRefused(
        f"The content is {table.name_of(media_type)}, whatever the name says. {takes}",
        code="unsupported_type",
    )
