"""What the torch runtimes share: filling an architecture, and values in and out of a device."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from core_kernels.errors import ArgumentRefused, ArtefactRefused, DeviceLost
from core_kernels.runtimes import architectures
from core_kernels.runtimes.artefact import Artefact
from core_kernels.runtimes.base import Runtime
from core_kernels.runtimes.losing import first_line, is_lost
from core_kernels.runtimes.ports import Port, is_tensor

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
_CONVOLUTIONS = {2: torch.channels_last, 3: torch.channels_last_3d}


def filled(artefact: Artefact) -> nn.Module:
    """The artefact's architecture with its weights, on the CPU, for evaluation.

    Raises:
        ArtefactRefused: the manifest names no known architecture, or the weights do not fit it.
    """
    said = artefact.manifest.get("architecture")
    if not isinstance(said, Mapping) or not isinstance(said.get("name"), str):
        raise ArtefactRefused(
            f"{artefact.folder.name} names no architecture, so torch cannot build it; prepare it "
            "with architecture=…, or run its ONNX file."
        )
    module: nn.Module = architectures.build(said["name"], said.get("arguments", {}))
    weights = artefact.file("safetensors")
    try:
        module.load_state_dict(load_file(weights))
    except (OSError, SafetensorError, RuntimeError) as error:
        text = str(error).strip().splitlines()[0][:300]
        raise ArtefactRefused(f"{weights.name} does not fit {said['name']}: {text}") from error
    return module.eval()


def convolutional(module: nn.Module) -> torch.memory_format | None:
    """The channels-last format that suits the module's convolutions; None if it has none."""
    ranks = {
        2 if isinstance(part, nn.Conv2d) else 3
        for part in module.modules()
        if isinstance(part, nn.Conv2d | nn.Conv3d)
    }
    return _CONVOLUTIONS[ranks.pop()] if len(ranks) == 1 else None


def named_outputs(found: Any) -> dict[str, Tensor]:
    """Outputs by name: a mapping's own names, else ``output0``, ``output1``, ….

    Raises:
        ArgumentRefused: something other than tensors is among them.
    """
    if isinstance(found, Tensor):
        found = (found,)
    named: dict[str, Any] = (
        {str(key): value for key, value in found.items()}
        if isinstance(found, Mapping)
        else {f"output{index}": value for index, value in enumerate(found)}
    )
    for name, value in named.items():
        if not isinstance(value, Tensor):
            raise ArgumentRefused(
                f"The module's output {name!r} is a {type(value).__name__}; it must return a "
                "tensor, or a tuple or mapping of tensors."
            )
    return named


class TorchNetwork(Runtime):
    """A module on a device; its subclasses differ in how they call it."""

    def __init__(
        self,
        module: nn.Module,
        inputs: Sequence[Port],
        outputs: Sequence[Port],
        *,
        device: str = "cpu",
        precision: str = "fp32",
        buckets: Sequence[int] = (),
    ) -> None:
        """Take `module` over: it is moved to the device, cast and set to evaluation.

        Raises:
            ArgumentRefused: torch does not compute in that precision.
        """
        super().__init__(inputs, outputs, device=device, precision=precision, buckets=buckets)
        if precision not in DTYPES:
            raise ArgumentRefused(
                f"precision={precision!r}: torch computes in {', '.join(DTYPES)} here."
            )
        self._on, self._dtype = torch.device(device), DTYPES[precision]
        self._format = convolutional(module) if self._on.type == "cuda" else None
        module = module.eval().requires_grad_(False).to(self._on, self._dtype)
        if self._format is not None:
            module = module.to(memory_format=self._format)
        self._module = module

    @property
    def nbytes(self) -> int:
        """Bytes of parameters and buffers."""
        return sum(
            held.numel() * held.element_size()
            for held in (*self._module.parameters(), *self._module.buffers())
        )

    def _call(self, tensors: list[Tensor]) -> list[Tensor]:
        """The module on tensors that lie on its device in its dtype."""
        named = named_outputs(self._module(*tensors))
        return [named[port.name] for port in self.outputs]

    def _run(self, values: list[Any]) -> list[Any]:
        try:
            with torch.no_grad():
                found = self._call([self._taken(value) for value in values])
                return [
                    self._given(output, port, arrays=not is_tensor(values[0]))
                    for output, port in zip(found, self.outputs, strict=True)
                ]
        except RuntimeError as error:
            if self._on.type != "cpu" and is_lost(error):
                raise DeviceLost(f"{self.device} stopped answering: {first_line(error)}") from error
            raise

    def _taken(self, value: Any) -> Tensor:
        tensor = value if is_tensor(value) else torch.from_numpy(np.ascontiguousarray(value))
        tensor = tensor.to(self._on, non_blocking=True)
        if tensor.is_floating_point():
            tensor = tensor.to(self._dtype)
        fits = self._format is not None and tensor.dim() == (
            5 if self._format is torch.channels_last_3d else 4
        )
        return tensor.contiguous(memory_format=self._format) if fits else tensor  # type: ignore[arg-type]

    def _given(self, output: Tensor, port: Port, *, arrays: bool) -> Any:
        wanted: torch.dtype = getattr(torch, port.dtype)
        output = output.to(wanted)
        return output.contiguous().cpu().numpy() if arrays else output

    def _free(self) -> None:
        del self._module
        if self._on.type == "cuda":
            torch.cuda.empty_cache()
