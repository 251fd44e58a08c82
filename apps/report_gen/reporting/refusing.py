"""Why an edit of a report was refused."""

from loupe.contract.runtime.errors import InputRefused


class EditRefused(InputRefused):
    """An edit that names what is not there, or says what a report cannot say."""

    code = "edit_refused"
