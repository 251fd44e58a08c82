"""Names of inputs as sent: made safe to show and store, or refused. They never become paths."""

import unicodedata

from django.utils.translation import gettext as _

from loupe.intake.errors import EntryRefused

MAX_LENGTH = 500
_BURIED = {"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini", ".git"}


def clean(name: str) -> str:
    """The relative name with ``/`` between folders, in Unicode's composed form.

    Raises:
        EntryRefused: it leaves its folder, is absolute, too long, or holds control characters.
    """
    if any(ord(char) < 32 or ord(char) == 127 or "\ud800" <= char <= "\udfff" for char in name):
        raise EntryRefused(
            _("The name holds control characters. Rename the file and send it again."),
            code="bad_name",
        )
    slashed = unicodedata.normalize("NFC", name).replace("\\", "/")
    if slashed.startswith("/") or (len(slashed) > 1 and slashed[1] == ":"):
        raise EntryRefused(
            _("The name is absolute; names must be relative to the folder that is sent."),
            code="absolute_name",
        )
    parts = [part for part in slashed.split("/") if part not in {"", "."}]
    if ".." in parts:
        raise EntryRefused(
            _("The name climbs out of its folder with '..'. Pack the archive from its top folder."),
            code="path_traversal",
        )
    cleaned = "/".join(parts)
    if not cleaned:
        raise EntryRefused(_("The name is empty. Give the file a name."), code="bad_name")
    if len(cleaned) > MAX_LENGTH:
        raise EntryRefused(
            _("The name has %(given)s characters; at most %(most)s are kept. Shorten it.")
            % {"given": len(cleaned), "most": MAX_LENGTH},
            code="name_too_long",
        )
    return cleaned


def is_litter(name: str) -> bool:
    """Whether a name is what operating systems leave in folders: passed over in silence."""
    parts = name.replace("\\", "/").split("/")
    return any(part in _BURIED for part in parts) or parts[-1].startswith("._")


def shown(name: str) -> str:
    """A form of any name, also a refused one, that fits the database and the page."""
    printable = "".join(char if char.isprintable() else "\ufffd" for char in name)
    if len(printable) > MAX_LENGTH - 20:
        printable = printable[: MAX_LENGTH - 21] + "…"
    return printable or "\ufffd"


class Used:
    """The names given away in one submission."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def claim(self, name: str) -> None:
        """Take `name` for an input.

        Raises:
            EntryRefused: another input has it.
        """
        if name in self._names:
            raise EntryRefused(
                _(
                    "Two files are called %(name)r; the first was taken. Rename this one and send "
                    "it again."
                )
                % {"name": name},
                code="duplicate_name",
            )
        self._names.add(name)

    def distinct(self, name: str) -> str:
        """Take a name like `name` that is still free, for an input that was refused."""
        base, number = shown(name), 1
        candidate = base
        while candidate in self._names:
            number += 1
            candidate = f"{base} ({number})"
        self._names.add(candidate)
        return candidate
