"""`prepare` for apps: a dynamic torch module to its static form, for inference or training.

The work is done by `core_kernels.runtimes.prepare`, whose docstring says what it takes and gives.
It is named by string here, so that importing the contract imports no numerical framework.
"""

from typing import Any, Literal

from loupe.contract.runtime.errors import ModelRefused
from loupe.contract.runtime.steps import load

_PREPARE = "core_kernels.runtimes.prepare:prepare"
_OPEN = "core_kernels.runtimes.opening:open_artefact"
_ERROR = "core_kernels.errors:KernelError"


def prepare(
    module: Any,
    example: Any,
    purpose: Literal["inference", "training"] = "inference",
    **options: Any,
) -> Any:
    """An artefact that runs on other machines (``inference``), or a step function (``training``).

    Raises:
        ModelRefused: no static form gives the module's own answers, or an argument is wrong.
    """
    refused: type[Exception] = load(_ERROR)
    try:
        return load(_PREPARE)(module, example, purpose, **options)
    except refused as error:
        raise ModelRefused(str(error), code=getattr(error, "code", None)) from error


def open_artefact(artefact: Any, **options: Any) -> Any:
    """A prepared artefact as a callable on named arrays; see `core_kernels.runtimes.opening`.

    Raises:
        ModelRefused: it is damaged, or cannot run here.
    """
    refused: type[Exception] = load(_ERROR)
    try:
        return load(_OPEN)(artefact, **options)
    except refused as error:
        raise ModelRefused(str(error), code=getattr(error, "code", None)) from error
