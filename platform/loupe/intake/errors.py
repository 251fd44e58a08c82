"""Why something sent in was refused. Each code is stable; docs/intake.md lists them."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from loupe.contract.runtime.errors import InputRefused


class EntryRefused(InputRefused):
    """One file, or one entry of an archive, cannot be used; the others can."""

    code = "entry_refused"


class ArchiveRefused(InputRefused):
    """A whole archive cannot be used: damaged, hostile or beyond a limit."""

    code = "archive_refused"


class UploadTooLarge(InputRefused):
    """The request's body is larger than LOUPE_MAX_UPLOAD_BYTES; HTTP answers 413."""

    code = "too_large"


class TooManyFiles(InputRefused):
    """More files in one submission than LOUPE_MAX_FILES."""

    code = "too_many_files"


class FolderRefused(InputRefused):
    """A folder cannot be watched."""

    code = "folder_refused"


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """One input that was not taken: its name, a stable code and a sentence."""

    name: str
    code: str
    message: str


class SubmissionRefused(InputRefused):
    """Nothing in a submission can be used; `reasons` holds one refusal per input."""

    code = "nothing_usable"
    _SHOWN = 20

    def __init__(self, message: str, *, reasons: tuple[Refusal, ...], code: str | None = None):
        shown = [f"{reason.name}: {reason.message}" for reason in reasons[: self._SHOWN]]
        if len(reasons) > self._SHOWN:
            shown.append(_("and %(count)s more.") % {"count": len(reasons) - self._SHOWN})
        super().__init__("\n".join([message, *shown]), code=code)
        self.reasons = reasons
