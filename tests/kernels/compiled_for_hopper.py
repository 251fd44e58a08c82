"""Compiles what every operation would launch on an H100, without one: `test_compiles` runs this.

Triton is told that the current device has compute capability 9.0; each launch then compiles its
kernel and goes no further. Prints a JSON object: kernel → how often it was compiled, and errors.
"""

import importlib
import json
import sys
from collections import Counter
from types import SimpleNamespace
from typing import Any

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.runtime import driver
from triton.runtime.jit import JITFunction

from core_kernels.dispatch.capabilities import Capabilities, register_probe
from core_kernels.dispatch.choice import using
from core_kernels.dispatch.registry import implementations

TARGET = GPUTarget("cuda", 90, 32)

launched: Counter[str] = Counter()
_run = JITFunction.run


def compile_only(self: Any, *arguments: Any, grid: Any, warmup: bool, **options: Any) -> Any:
    """In the place of a launch."""
    found = _run(self, *arguments, grid=grid, warmup=True, **options)
    launched[self.fn.__name__] += 1
    return found


def main(operations: list[str]) -> None:
    driver.set_active(
        SimpleNamespace(
            get_current_target=lambda: TARGET,
            get_current_device=lambda: 0,
            get_current_stream=lambda device: 0,
            get_active_torch_device=lambda: torch.device("cpu"),
        )
    )
    JITFunction.run = compile_only
    register_probe(
        "cpu", lambda device: Capabilities(device="cpu", name="H100", compute=(9, 0), triton=True)
    )
    errors = {}
    for operation in operations:
        if not any(one.name == "triton" for one in implementations(operation)):
            importlib.import_module(f"core_kernels.dispatch.{operation}")
        cases = importlib.import_module(f"core_kernels.benchmarks.{operation}").cases
        for case in cases(torch.device("cpu"), quick=True):
            try:
                with using(**{operation: "triton"}):
                    case.ours()
            except (triton.CompilationError, RuntimeError, ValueError, TypeError) as error:
                errors[f"{operation} · {case.label}"] = f"{type(error).__name__}: {error}"
    print(json.dumps({"launched": launched, "errors": errors}))


if __name__ == "__main__":
    main(sys.argv[1:])
