"""What was tried for a training step, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass

TOLERANCE = {"float32": 1e-3, "bfloat16": 3e-2}
"""How far the losses of trial steps may lie from eager's, relative, by what is computed in."""


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One form.

    Attributes:
        form: ``eager``, ``compiled`` or ``graph``.
        milliseconds: median of one step; None if it does not run here.
        error: largest relative difference of its losses from eager's over the trial steps.
        objection: why it is not used: a full sentence, or empty.
    """

    form: str
    milliseconds: float | None = None
    error: float | None = None
    objection: str = ""


@dataclass(frozen=True, kw_only=True)
class StepReport:
    """How a training step runs, and why so.

    Attributes:
        form: the one in use.
        channels_last: weights lie with their channels last, as convolutions on a GPU prefer it.
        autocast: ``bfloat16`` on a GPU, else ``float32``.
        tried: every form, with times and objections.
    """

    form: str
    channels_last: bool
    autocast: str
    tried: tuple[Tried, ...]

    def lines(self) -> list[str]:
        """For people: the choice, then a line for each form."""
        layout = "channels last" if self.channels_last else "as given"
        told = [f"training step: {self.form}, {self.autocast}, weights {layout}"]
        eager = next((one.milliseconds for one in self.tried if one.form == "eager"), None)
        for one in self.tried:
            if one.milliseconds is None:
                told.append(f"  {one.form}: {one.objection}")
                continue
            ratio = f", {eager / one.milliseconds:.2f} × eager" if eager else ""
            error = "" if one.error is None else f", losses apart by {one.error:.1e}"
            told.append(f"  {one.form}: {one.milliseconds:.2f} ms{ratio}{error}. {one.objection}")
        return [line.rstrip() for line in told]


def quickest(tried: Sequence[Tried]) -> str:
    """The quickest form without objection; eager always is one. Pure."""
    able = [
        (one.milliseconds, one.form)
        for one in tried
        if one.milliseconds is not None and not one.objection
    ]
    return min(able)[1] if able else "eager"


def apart(losses: Sequence[float], expected: Sequence[float]) -> float:
    """The largest ``|a − b| / max(|b|, 1e-6)``."""
    return max(
        abs(one - other) / max(abs(other), 1e-6)
        for one, other in zip(losses, expected, strict=True)
    )
