"""Opening a prepared artefact, here or on another machine."""

import logging
from collections.abc import Sequence
from pathlib import Path

from core_kernels.errors import ArtefactRefused, KernelError, RuntimeMissing
from core_kernels.runtimes.artefact import Artefact
from core_kernels.runtimes.base import Runtime
from core_kernels.runtimes.measuring import fastest, measure
from core_kernels.runtimes.parity import compare
from core_kernels.runtimes.ports import Values, example_of
from core_kernels.runtimes.registry import RuntimeKind, named, runtimes

log = logging.getLogger(__name__)


def open_artefact(
    artefact: Artefact | Path,
    *,
    runtime: str | None = None,
    device: str = "cpu",
    precision: str = "fp32",
    threads: int | None = None,
    prove: bool = True,
) -> Runtime:
    """Load a network.

    Args:
        artefact: a folder, whose files are checked, or one that was opened before.
        runtime: by name; without one the artefact's own choice, which was measured when it was
            prepared for such a device, or else the quickest of those measured here.
        prove: compare the first answer with the probe that the artefact carries.

    Raises:
        ArtefactRefused: the artefact is damaged, or this machine answers its probe otherwise.
        RuntimeMissing: the runtime asked for, or every one, cannot run it; all are listed.
    """
    held = artefact if isinstance(artefact, Artefact) else Artefact.open(artefact)
    offered = runtimes()
    if runtime is None:
        runtime = _shipped_choice(held, device, precision, offered) or fastest(
            measure(held, [held.probe()], device=device, precision=precision, threads=threads)
        )
        log.info("%s on %s in %s: %s", held.folder.name, device, precision, runtime)
    kind = named(runtime, held.formats, device, precision, offered)
    opened = kind.opener()(held, device=device, precision=precision, threads=threads)
    if prove:
        try:
            _prove(held, opened)
        except KernelError:
            opened.close()
            raise
    return opened


def example_inputs(artefact: Artefact, batch: int = 1) -> Values:
    """Inputs of an artefact to measure with."""
    return example_of(artefact.inputs, batch)


def _shipped_choice(
    artefact: Artefact, device: str, precision: str, offered: Sequence[RuntimeKind]
) -> str | None:
    """What the manifest chose for such a device, if it can run here."""
    chosen = artefact.manifest.get("choice", {})
    name = chosen.get(f"{device.partition(':')[0]}-{precision}") if chosen else None
    if name is None:
        return None
    try:
        return named(str(name), artefact.formats, device, precision, offered).name
    except RuntimeMissing as error:
        log.info("the artefact's own choice is not to be had here: %s", error)
        return None


def _prove(artefact: Artefact, runtime: Runtime) -> None:
    parity = compare(runtime, [artefact.probe()])
    if not parity.held:
        raise ArtefactRefused(
            f"{runtime.name} on {runtime.device} answers the probe of {artefact.folder.name} with "
            f"an error of {parity.error:.1e}; at most {parity.tolerance:.1e} is allowed in "
            f"{runtime.precision}. Choose another runtime, or prepare the module on this machine."
        )
