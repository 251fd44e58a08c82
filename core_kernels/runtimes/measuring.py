"""Wall time of runtimes on the machine at hand, and the choice that follows."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from core_kernels.errors import KernelError, RuntimeMissing
from core_kernels.runtimes.artefact import Artefact
from core_kernels.runtimes.base import Runtime
from core_kernels.runtimes.parity import Answer, Parity, compare
from core_kernels.runtimes.ports import Values
from core_kernels.runtimes.registry import able, runtimes

ROUNDS, SECONDS = 3, 0.3
"""Runtimes take turns for so many rounds of so many seconds each, so that all see one machine."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One runtime: milliseconds of a call (None: it was not timed), its parity, and memory."""

    name: str
    milliseconds: float | None
    parity: Parity | None
    nbytes: int = 0
    objection: str = ""

    def to_json(self) -> dict[str, Any]:
        """As a manifest holds it."""
        return asdict(self)


def measure(
    artefact: Artefact,
    answers: Sequence[Answer],
    *,
    device: str = "cpu",
    precision: str = "fp32",
    threads: int | None = None,
    candidates: Sequence[str] | None = None,
) -> list[Measured]:
    """Open the artefact on every runtime that can, compare with the oracle, time those right.

    Args:
        answers: inputs, each with the oracle's outputs; the first one is timed.
        candidates: names of runtimes to try; all by default.

    Returns:
        one of each runtime that could be tried; one that failed says why.
    """
    opened: dict[str, Runtime] = {}
    parities: dict[str, Parity] = {}
    objections: dict[str, str] = {}
    try:
        for kind in able(artefact.formats, device, precision, runtimes()):
            if candidates is not None and kind.name not in candidates:
                continue
            try:
                opened[kind.name] = kind.opener()(
                    artefact, device=device, precision=precision, threads=threads
                )
                parities[kind.name] = compare(opened[kind.name], answers)
            except (KernelError, RuntimeError, OSError, ValueError) as error:
                # A runtime that cannot do it here is one candidate less.
                objections[kind.name] = (str(error).splitlines() or [type(error).__name__])[0]
        right = {name: opened[name] for name, parity in parities.items() if parity.held}
        times = timed(right, answers[0][0]) if right else {}
        sizes = {name: runtime.nbytes for name, runtime in opened.items()}
    finally:
        for runtime in opened.values():
            runtime.close()
    return [
        Measured(
            name=name,
            milliseconds=times.get(name),
            parity=parities.get(name),
            nbytes=sizes.get(name, 0),
            objection=objections.get(name, ""),
        )
        for name in dict.fromkeys((*parities, *objections))
    ]


def timed(
    runtimes: Mapping[str, Runtime], given: Values, *, seconds: float | None = None
) -> dict[str, float]:
    """Median milliseconds of one call with `given`, arrays in to arrays out, for each runtime.

    Args:
        seconds: of each turn; `SECONDS` by default.
    """
    for runtime in runtimes.values():
        for _ in range(2):
            runtime(given)
    taken: dict[str, list[float]] = {name: [] for name in runtimes}
    for _ in range(ROUNDS):
        for name, runtime in runtimes.items():
            until = time.perf_counter() + (SECONDS if seconds is None else seconds)
            count = 0
            while count < 3 or time.perf_counter() < until:
                start = time.perf_counter()
                runtime(given)
                taken[name].append((time.perf_counter() - start) * 1e3)
                count += 1
    return {name: median(times) for name, times in taken.items()}


def fastest(measured: Sequence[Measured]) -> str:
    """The name of the quickest runtime that held parity. Pure; a tie goes to the first name.

    Raises:
        RuntimeMissing: none did; each is listed with its reason.
    """
    able = sorted(
        (one.milliseconds, one.name)
        for one in measured
        if one.milliseconds is not None and one.parity is not None and one.parity.held
    )
    if able:
        return able[0][1]
    listed = "; ".join(f"{one.name}: {one.objection or _error(one)}" for one in measured)
    raise RuntimeMissing(
        f"No runtime gives the module's own answers: {listed or 'none was tried'}. Look at the "
        "errors, or ask for another precision."
    )


def _error(one: Measured) -> str:
    return f"error {one.parity.error:.1e}" if one.parity else "not compared"
