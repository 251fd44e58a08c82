"""The ladder: every model from rules to the network, learned and measured together, every time.

Two phases. On `fit` and `validation` each model finds its settings (trees, penalty, epochs) and the
ensemble its weights. Then all of `train` teaches the models that are measured on the test, once for
each seed. Nothing is chosen on the test. Every model is a piece that is kept
(`apps.fraud.training.keeping`), so that a ladder that was stopped goes on where it was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import xgboost

from apps.fraud.training import ensemble as ensembles
from apps.fraud.training.climbing import Beat, Floats, Rows, Tell, measured, prepared, watched
from apps.fraud.training.cold_start import WITHOUT, measurable
from apps.fraud.training.ensemble import Ensemble
from apps.fraud.training.gnn import Network
from apps.fraud.training.intervals import Draws, paired_gain
from apps.fraud.training.keeping import Keeping
from apps.fraud.training.metrics import average_precision
from apps.fraud.training.network_rungs import climb_network
from apps.fraud.training.plan import (
    ALL_TREES,
    ENSEMBLE,
    FLAT_TREES,
    GRAPH_TREES,
    LOGISTIC,
    NEAR_TREES,
    NETWORK,
    ORDER,
    READY_TREES,
    RULES,
    SERVABLE,
    TOLD_TREES,
    Plan,
)
from apps.fraud.training.splitting import Split
from apps.fraud.training.table import Table
from loupe.contract.runtime.errors import InputRefused


@dataclass(frozen=True)
class Climbed:
    """What came of one ladder.

    Attributes:
        scores: by rung, [seeds, test rows] margins.
        validation: by rung, margins of the validation, of the models that had not seen it.
        serves: which of the plan's `servable`.
        served: its trees, learned from all of the training with the first seed.
        names: of its features.
        strangers: [seeds, test rows] margins by `WITHOUT`; empty where it cannot be measured.
        seconds: by rung, all seeds together.
        curve: of the network, while it was watched.
        network: whose embeddings the served trees read; None where they read none.
    """

    split: Split
    scores: dict[str, Floats]
    validation: dict[str, Floats]
    ensemble: Ensemble
    serves: str
    served: xgboost.Booster
    names: tuple[str, ...]
    strangers: dict[str, Floats]
    chosen: dict[str, dict[str, float]]
    seconds: dict[str, float]
    curve: list[dict[str, float]]
    network: Network | None


def climb(
    table: Table,
    parts: Split,
    plan: Plan,
    beat: Beat = lambda note: None,
    *,
    tell: Tell = lambda values: None,
    keeping: Keeping | None = None,
) -> Climbed:
    """Learn and score every rung.

    Args:
        table: with the features of `catalogue.GRAPH` at least.
        parts: which rows teach and which measure.
        plan: how much work it may be.
        beat: called with a note before each model and now and then within the network's training;
            may raise `Cancelled`.
        tell: called with each step of the curves: ``step`` from 1, and ``trees`` (average precision
            of the validation, with graph features), or ``average_precision`` and ``loss`` of the
            network.
        keeping: where pieces are kept.
    """
    work = prepared(table, parts, plan, beat, tell, keeping or Keeping(None))
    labels = table.label[parts.validation]
    validation: dict[str, Floats] = {}
    chosen: dict[str, dict[str, float]] = {}
    scores: dict[str, list[Floats]] = {}
    forests: dict[str, bytes] = {}
    for rung in (RULES, LOGISTIC, FLAT_TREES, GRAPH_TREES, NEAR_TREES):
        first = work.piece(rung, "watched", partial(watched, work, rung))
        validation[rung] = first.arrays["validation"]
        chosen[rung] = dict(first.figures["chosen"])
        if rung == GRAPH_TREES:
            for value in first.figures["curve"][::TOLD_TREES]:
                work.curve({"trees": value})
        pieces = work.seeds(rung, partial(measured, work, rung, chosen[rung]))
        scores[rung] = [made.arrays["test"] for made in pieces]
        if rung in SERVABLE:
            forests[rung] = pieces[0].arrays["forest"].tobytes()
    strangers = {}
    for rung in WITHOUT if measurable(table.label[parts.test], table.history[parts.test]) else ():
        pieces = work.seeds(rung, partial(measured, work, rung, chosen[GRAPH_TREES]))
        strangers[rung] = np.stack([made.arrays["test"] for made in pieces])
    networked = climb_network(work, validation, chosen, scores) if plan.network_rows else None
    draws = Draws.of(table.payer[parts.validation], plan.seed)
    serves = _serving(plan.servable, validation, labels, draws)
    names, network = work.matrix(GRAPH_TREES, parts.test[:1])[1], None
    if networked is not None and serves == READY_TREES:
        forests[serves], names, network = networked.forest, networked.names, networked.network()
    elif serves == FLAT_TREES:
        names = work.flat
    members = {key: each for key, each in validation.items() if key not in (RULES, READY_TREES)}
    weights = ensembles.choose(members, labels, draws, (NETWORK, ALL_TREES))
    scores[ENSEMBLE] = [
        weights.margins(
            {key: each[index % len(each)] for key, each in scores.items() if key != RULES}
        )
        for index in range(plan.seeds)
    ]
    validation[ENSEMBLE] = weights.margins(members)
    return Climbed(
        split=parts,
        scores={key: np.stack(scores[key]) for key in ORDER if key in scores},
        validation=validation,
        ensemble=weights,
        serves=serves,
        served=xgboost.Booster(model_file=bytearray(forests[serves])),
        names=names,
        strangers=strangers,
        chosen=chosen,
        seconds=work.seconds,
        curve=networked.curve if networked else [],
        network=network,
    )


def _serving(
    servable: Sequence[str], validation: Mapping[str, Floats], label: Rows, draws: Draws
) -> str:
    """Which rung serves: the best of the validation. Trees that read embeddings need them made
    again day by day, so beside others they serve only with a gain that is certain.

    Raises:
        InputRefused: only they may serve, and the network was left out.
    """
    there = {key: validation[key] for key in servable if key in validation}
    if not there:
        raise InputRefused(
            f"{READY_TREES} reads the embeddings of the graph network, which was left out. Train "
            "with the network, or let another rung serve.",
            code="no_network",
        )
    ready = there.pop(READY_TREES, None)
    if not there or ready is None:
        return ensembles.best(there, label) if there else READY_TREES
    other = ensembles.best(there, label)
    gain = paired_gain(label, ready, there[other], draws, average_precision)
    return READY_TREES if gain.low > 0 else other
