"""The rungs that need the graph network: itself, and trees that read its entities' embeddings."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from apps.fraud.training import rungs
from apps.fraud.training.climbing import Climb, Floats, Rows
from apps.fraud.training.gnn import Network, train_network
from apps.fraud.training.keeping import Piece
from apps.fraud.training.messages import Messages
from apps.fraud.training.plan import ALL_TREES, GRAPH_TREES, NEAR_TREES, NETWORK, READY_TREES
from apps.fraud.training.rungs import Learning
from apps.fraud.training.splitting import thinned

BELOW = {READY_TREES: GRAPH_TREES, ALL_TREES: NEAR_TREES}
"""What trees read beside embeddings: the features of which rung."""


@dataclass(frozen=True)
class Networked:
    """What the network left.

    Attributes:
        curve: of the network, while it was watched.
        forest: XGBoost's JSON of the first seed's `READY_TREES`.
        names: of the features of that forest.
        network: the first seed's network, learned from all of the training; made when asked for.
    """

    curve: list[dict[str, float]]
    forest: bytes
    names: tuple[str, ...]
    network: Callable[[], Network]


def climb_network(
    work: Climb,
    validation: dict[str, Floats],
    chosen: dict[str, dict[str, float]],
    scores: dict[str, list[Floats]],
) -> Networked:
    """The network, and trees that also see the embeddings it had ready; fills the three."""
    parts, plan = work.parts, work.plan
    made: list[Messages] = []

    def messages() -> Messages:
        if not made:
            placed = np.flatnonzero(work.place >= 0)
            own = work.matrix(NEAR_TREES, placed)[0]
            made.append(Messages.of(work.table, work.around, own, work.place, parts.fit))
        return made[0]

    def taught(rows: Rows, seed: int, watch: Rows | None, epochs: int, asked: Rows) -> Piece:
        pool, weight = thinned(work.table, rows, plan.most_rows, seed)
        network = train_network(
            messages(), pool, weight, plan.network_rows, plan.gnn, seed, watch=watch,
            epochs=epochs, beat=lambda: work.beat(NETWORK),
        )  # fmt: skip
        arrays = {"margins": network.margins(asked), **network.weights()}
        return Piece(arrays, {"epochs": network.epochs, "curve": network.curve})

    def again(network: Piece) -> Network:
        return Network.again(messages(), plan.gnn, network.arrays)

    def topped(
        rung: str, network: Piece, rows: Rows, seed: int, watch: Rows | None,
        chosen: dict[str, float], asked: Rows,
    ) -> Piece:  # fmt: skip
        return _topped(work, rung, again(network), rows, seed, watch, chosen, asked)

    watch, first = parts.validation, plan.seed
    network = work.piece(NETWORK, "watched", partial(taught, parts.fit, first, watch, 0, watch))
    epochs = int(network.figures["epochs"])
    validation[NETWORK], chosen[NETWORK] = network.arrays["margins"], {"epochs": float(epochs)}
    for rung in BELOW:
        trees = work.piece(
            rung, "watched", partial(topped, rung, network, parts.fit, first, watch, {}, watch)
        )
        validation[rung] = trees.arrays["margins"]
        chosen[rung] = dict(trees.figures["chosen"])
    curve = list(network.figures["curve"])
    for line in curve:
        work.curve({key: line[key] for key in ("loss", "average_precision")})
    for seed in range(first, first + min(plan.network_seeds, plan.seeds)):
        learned = work.piece(
            NETWORK, str(seed), partial(taught, parts.train, seed, None, epochs, parts.test)
        )
        scores.setdefault(NETWORK, []).append(learned.arrays["margins"])
        for rung in BELOW:
            top = work.piece(
                rung, str(seed),
                partial(topped, rung, learned, parts.train, seed, None, chosen[rung], parts.test),
            )  # fmt: skip
            scores.setdefault(rung, []).append(top.arrays["margins"])
            if seed == first and rung == READY_TREES:
                forest, served = top.arrays["forest"].tobytes(), learned
                names = tuple(top.figures["names"])
    return Networked(curve, forest, names, lambda: again(served))


def _topped(
    work: Climb, rung: str, network: Network, rows: Rows, seed: int, watch: Rows | None,
    chosen: dict[str, float], asked: Rows,
) -> Piece:  # fmt: skip
    """Trees on the features of another rung and on embeddings: their margins of what is asked."""

    def matrix(these: Rows) -> tuple[NDArray[np.float32], tuple[str, ...]]:
        values, names = work.matrix(BELOW[rung], these)
        more, told = network.embeddings(these)
        return np.concatenate([values, told], axis=1), (*names, *more)

    kept, weight = thinned(work.table, rows, work.plan.most_rows, seed)
    values, names = matrix(kept)
    model = rungs.learn_trees(
        Learning(
            values=values,
            label=work.table.label[kept],
            weight=weight,
            names=names,
            seed=seed,
            watch=None if watch is None else (matrix(watch)[0], work.table.label[watch]),
            chosen=chosen,
        ),
        work.plan.trees,
    )
    arrays: dict[str, NDArray] = {"margins": model.predict(matrix(asked)[0])}
    if rung == READY_TREES and watch is None and model.booster is not None:
        arrays["forest"] = np.frombuffer(model.booster.save_raw("json"), np.uint8)
    return Piece(arrays, {"chosen": model.chosen, "names": list(names)})
