"""Why a review was not taken."""

from loupe.contract.runtime.errors import LoupeError


class UnknownVerb(LoupeError):
    """The app does not offer this verb."""

    code = "unknown_verb"


class Conflict(LoupeError):
    """Somebody else said something about the result in the meantime."""

    code = "review_conflict"


class Signed(LoupeError):
    """The result carries a signature; nothing about it changes any more."""

    code = "result_signed"


class PasswordRefused(LoupeError):
    """A signature needs the signer's own password, and this was not it."""

    code = "password_refused"


class NothingToUndo(LoupeError):
    """No review is left to take back."""

    code = "nothing_to_undo"


class NotAPerson(LoupeError):
    """A review is a person's word: keys and the system give none."""

    code = "not_a_person"


class CorrectionRefused(LoupeError):
    """What a person says should have been found is no valid labels of the app."""

    code = "correction_invalid"


class NeedsSignature(LoupeError):
    """A signature is given about one result at a time, on its own page."""

    code = "signature_needed"


class NothingMatches(LoupeError):
    """No result matches the filters of a bulk call."""

    code = "nothing_selected"


class BulkUnderWay(LoupeError):
    """The same person's last bulk call has not ended."""

    code = "bulk_under_way"


class BulkEnded(LoupeError):
    """The bulk call is in no state for this: it has ended, or was taken back already."""

    code = "bulk_ended"
