"""Where the verdicts' loss is least: fitted, not stepped to, as it is convex in their weights.

Steps of gradient descent move the weights of evidence while masks still learn; at the end of a call
they lag behind. A logistic regression of each answer on its own evidence does not.
"""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from apps.report_gen.inference.evidence import evidence
from apps.report_gen.inference.network import ImageNetwork
from apps.report_gen.inference.softening import as_read
from apps.report_gen.training.targets import SIDED, Example

RIDGE = 1.0
"""How strongly weights are held to where training left them, in studies' worth of loss."""
ROUNDS = 60
LEAST = 24
"""Studies below which nothing is fitted."""


class Facts(NamedTuple):
    """Of N studies: evidence [N, K, EVIDENCE], what else the verdict adds [N, K, 3], targets
    [N, K, 3] and which of them count [N, K, 3]."""

    seen: Tensor
    rest: Tensor
    wanted: Tensor
    counts: Tensor


@torch.no_grad()
def facts_of(network: ImageNetwork, examples: Iterable[Example], dtype: torch.dtype) -> Facts:
    """What `network` makes of examples; their sides count where the finding is there."""
    network.eval()
    rows: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
    for each in examples:
        device = each.hu.device.type
        with torch.autocast(device, dtype, enabled=dtype != torch.float32):
            answer = network(as_read(each.hu[None].float()).to(dtype))
        seen = evidence(answer.masks, answer.heat)
        said = torch.cat([answer.states[..., None], answer.sides], 2).float()
        weights = network.weighed_evidence.float().unflatten(0, (-1, 3))
        there, sided = each.states[:, None], SIDED[:, None].to(each.states)
        rows.append(
            (
                seen[0], (said - torch.einsum("bkf,kof->bko", seen, weights))[0],
                torch.cat([there, each.sides], 1),
                torch.cat([torch.ones_like(there), (there * sided).expand(-1, 2)], 1),
            )
        )  # fmt: skip
    return Facts(*(torch.stack(parts).cpu().double() for parts in zip(*rows, strict=True)))


def fitted_weights(facts: Facts, before: Tensor) -> tuple[Tensor, Tensor]:
    """Weights [K * 3, EVIDENCE] and what is to be added to the bias [K, 3], by L-BFGS in fp64."""
    begun = before.detach().cpu().double().unflatten(0, (-1, 3))
    weights = begun.clone().requires_grad_()
    bias = torch.zeros(begun.shape[:2], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights, bias], max_iter=ROUNDS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        said = torch.einsum("nkf,kof->nko", facts.seen, weights) + bias + facts.rest
        loss = F.binary_cross_entropy_with_logits(
            said, facts.wanted, weight=facts.counts, reduction="sum"
        )
        loss = loss + RIDGE / 2 * ((weights - begun).square().sum() + 0.1 * bias.square().sum())
        loss.backward()
        return loss

    optimizer.step(closure)
    return weights.detach().flatten(0, 1).float(), bias.detach().float()


def settled(network: ImageNetwork, examples: list[Example], dtype: torch.dtype) -> bool:
    """Fit the verdicts of `network` to examples that it was not trained on; False for too few."""
    if len(examples) < LEAST:
        return False
    facts = facts_of(network, examples, dtype)
    weights, more = fitted_weights(facts, network.weighed_evidence)
    with torch.no_grad():
        network.weighed_evidence.copy_(weights)
        network.verdict_bias.add_(more.to(network.verdict_bias.device))
    return True
