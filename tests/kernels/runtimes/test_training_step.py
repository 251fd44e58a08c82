"""A prepared training step learns as eager does, and says in which form it runs."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from core_kernels.errors import ArgumentRefused
from core_kernels.runtimes import training_step as stepping
from core_kernels.runtimes.prepare import prepare
from core_kernels.runtimes.training_report import Tried, apart, quickest
from core_kernels.runtimes.training_state import TrainingState
from core_kernels.runtimes.training_step import TrainingStep
from tests.kernels.runtimes.networks import small

Make = Callable[[nn.Module], torch.optim.Optimizer]
OPTIMIZERS: dict[str, Make] = {
    "sgd": lambda module: torch.optim.SGD(
        module.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-4
    ),
    "adamw": lambda module: torch.optim.AdamW(module.parameters(), lr=0.01),
}


def batches(count: int, device: torch.device, rows: int = 6) -> list[tuple[Tensor, Tensor]]:
    drawn = torch.Generator().manual_seed(3)
    return [
        (
            torch.randn(rows, 3, 16, 16, generator=drawn).to(device),
            torch.randint(0, 3, (rows,), generator=drawn).to(device),
        )
        for _ in range(count)
    ]


def eager_losses(
    module: nn.Module, optimizer: torch.optim.Optimizer, given: list[tuple[Tensor, Tensor]]
) -> list[float]:
    """The loop that everybody writes."""
    module.train()
    losses = []
    for pictures, targets in given:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(module(pictures), targets)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


def prepared_step(
    module: nn.Module, optimizer: torch.optim.Optimizer, form: str, example: tuple[Tensor, Tensor]
) -> TrainingStep:
    return prepare(
        module, example, "training", loss=nn.functional.cross_entropy, optimizer=optimizer,
        forms=(form,), backend="inductor" if example[0].is_cuda else "aot_eager",
    )  # fmt: skip


@pytest.mark.parametrize("form", ["eager", "compiled", "graph"])
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_the_loss_curve_is_eagers(
    form: str, kind: str, device: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the first step on: trials leave no trace in weights, statistics or the optimizer."""
    monkeypatch.setattr(stepping, "quickest", lambda tried: form)
    torch.manual_seed(5)
    plain = small(4).to(device)
    ours = copy.deepcopy(plain)
    given = batches(2, device) * 4
    expected = eager_losses(plain, OPTIMIZERS[kind](plain), given)
    step = prepared_step(ours, OPTIMIZERS[kind](ours), form, given[0])
    assert step.report.form == form
    found = [float(step(*batch)) for batch in given]
    limit = 0.05 if device.type == "cuda" else 1e-4
    assert apart(found, expected) < limit
    assert expected[-2] < 0.8 * expected[0]
    for name, value in ours.state_dict().items():
        torch.testing.assert_close(
            value.float(), plain.state_dict()[name].float(), rtol=limit, atol=limit
        )


def test_a_learning_rate_that_changes_reaches_the_graph(
    device: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stepping, "quickest", lambda tried: "graph")
    module = small(4).to(device)
    optimizer = OPTIMIZERS["adamw"](module)
    given = batches(1, device)[0]
    step = prepared_step(module, optimizer, "graph", given)
    for group in optimizer.param_groups:
        group["lr"], group["weight_decay"] = 0.0, 0.0
    before = copy.deepcopy(module.state_dict())
    step(*given)
    torch.testing.assert_close(module.state_dict()["0.weight"], before["0.weight"])


def test_a_step_in_the_middle_of_a_training_goes_on_from_there(device: torch.device) -> None:
    """The optimizer's moments and random generators are as they were before trial steps."""
    module = small(4).to(device)
    optimizer = OPTIMIZERS["adamw"](module)
    given = batches(4, device)
    eager_losses(module, optimizer, given[:2])
    other = copy.deepcopy(module)
    second = OPTIMIZERS["adamw"](other)
    second.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    random_before = torch.get_rng_state()
    step = prepared_step(other, second, "compiled", given[0])
    assert torch.equal(torch.get_rng_state(), random_before)
    found = [float(step(*batch)) for batch in given[2:]]
    limit = 0.05 if device.type == "cuda" else 1e-4
    assert apart(found, eager_losses(module, optimizer, given[2:])) < limit


def test_a_batch_of_another_shape_runs_in_eager_mode_and_is_counted(device: torch.device) -> None:
    module = small(4).to(device)
    given = batches(1, device)[0]
    step = prepared_step(module, OPTIMIZERS["sgd"](module), "graph", given)
    step(*batches(1, device, rows=2)[0])
    assert step.eager_calls == 1
    step(*given)
    assert step.eager_calls == 1
    with pytest.raises(ArgumentRefused, match="the inputs, then the targets"):
        step(given[0])


def test_without_a_compiler_it_runs_in_eager_mode_and_the_report_says_why(
    device: torch.device,
) -> None:
    module = small(4).to(device)
    before = copy.deepcopy(module.state_dict())
    given = batches(1, device)[0]
    step = prepare(
        module, given, "training", loss=nn.functional.cross_entropy,
        optimizer=OPTIMIZERS["sgd"](module), forms=("compiled",), backend="not-there",
    )  # fmt: skip
    assert step.report.form == "eager"
    assert "not-there" in "\n".join(step.report.lines())
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert float(step(*given)) > 0


def test_an_optimizer_whose_first_step_differs_is_not_recorded(device: torch.device) -> None:
    module = small(4).to(device)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9, dampening=0.5)
    step = prepared_step(module, optimizer, "graph", batches(1, device)[0])
    assert step.report.form == "eager"
    assert "dampening" in step.report.tried[-1].objection


def test_a_form_that_learns_otherwise_is_never_chosen() -> None:
    wrong = Tried(form="graph", milliseconds=1.0, error=0.5, objection="Its losses lie apart.")
    assert quickest([Tried(form="eager", milliseconds=9.0), wrong]) == "eager"
    assert quickest([Tried(form="eager", milliseconds=9.0),
                     Tried(form="compiled", milliseconds=3.0)]) == "compiled"  # fmt: skip


def test_the_state_comes_back_whole(device: torch.device) -> None:
    module = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)).to(device)
    optimizer = OPTIMIZERS["adamw"](module)
    state = TrainingState(module, optimizer)
    before = copy.deepcopy(module.state_dict())
    module(torch.randn(4, 3, device=device)).sum().backward()
    optimizer.step()
    state.restore()
    assert not optimizer.state
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_unknown_forms_are_refused() -> None:
    module = nn.Linear(1, 1)
    with pytest.raises(ArgumentRefused, match="choose among eager, compiled, graph"):
        prepare(
            module, (torch.ones(1, 1), torch.ones(1, 1)), "training",
            loss=nn.functional.mse_loss, optimizer=torch.optim.SGD(module.parameters()),
            forms=("magic",),
        )  # fmt: skip
