"""torch as it is: every operation launched as it comes. In fp32 on the CPU it is the oracle."""

from core_kernels.runtimes.artefact import Artefact
from core_kernels.runtimes.torch_module import TorchNetwork, filled


class TorchEager(TorchNetwork):
    """A module that takes any batch."""

    name = "torch"

    @classmethod
    def open(
        cls, artefact: Artefact, *, device: str, precision: str, threads: int | None
    ) -> "TorchEager":
        """See `registry.Open`; torch's threads are the process's, so `threads` is not used."""
        return cls(
            filled(artefact),
            artefact.inputs,
            artefact.outputs,
            device=device,
            precision=precision,
        )
