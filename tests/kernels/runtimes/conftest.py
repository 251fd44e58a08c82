"""One prepared artefact for tests that only read it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from core_kernels.runtimes import architectures, measuring
from core_kernels.runtimes.artefact import Artefact
from core_kernels.runtimes.prepare import prepare
from tests.kernels.runtimes.networks import ONNX_RUNTIMES, small

NAME = "tests/small"


@pytest.fixture(autouse=True)
def one_core() -> Iterator[None]:
    """Networks this small are slower on several cores, most of all beside other tests."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True, scope="session")
def short_turns() -> Iterator[None]:
    """Which runtime is quickest is not what these tests are about."""
    before = measuring.SECONDS
    measuring.SECONDS = 0.01
    yield
    measuring.SECONDS = before


@pytest.fixture(scope="session")
def known() -> Iterator[str]:
    """The small network's name as an architecture."""
    architectures.register(NAME, small)
    yield NAME
    architectures.unregister(NAME)


@pytest.fixture(scope="session")
def prepared(
    tmp_path_factory: pytest.TempPathFactory, known: str
) -> tuple[torch.nn.Module, Artefact]:
    """The module and its artefact."""
    torch.manual_seed(1)
    module = small(4).eval()
    artefact = prepare(
        module,
        torch.randn(1, 3, 16, 16),
        folder=tmp_path_factory.mktemp("prepared") / "small",
        architecture=(known, {"channels": 4}),
        candidates=("torch", *ONNX_RUNTIMES),
    )
    return module, artefact


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a new artefact goes."""
    return tmp_path / "artefact"
