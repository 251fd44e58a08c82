"""The rungs without a network: rules, logistic regression, and gradient-boosted trees.

Each learns from rows of a matrix and gives margins (log odds, or any score in the same order).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import xgboost
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from apps.fraud.training.metrics import Counts, average_precision

Matrix = NDArray[np.float32]
Floats = NDArray[np.float64]
Predict = Callable[[Matrix], Floats]
QUANTILE = 0.995
"""A rule fires above so many of the honest rows it was made from."""
STRENGTHS = (0.003, 0.03, 0.3)
"""Inverse penalties of the logistic regression that the validation chooses from."""
LEAST_TREES, PATIENCE = 100, 60
"""A validation has few frauds: its average precision wavers from tree to tree."""
THREADS, MANY = 2, 20_000
"""Threads, and rows from which a second one gains more than waiting for it costs."""


@dataclass(frozen=True, kw_only=True)
class Learning:
    """What one model learns from.

    Attributes:
        values, label, weight: [n, F], [n], [n].
        names: [F].
        watch: values and labels of the validation; None where nothing is left to choose.
        threads: of trees; 0: as many as the rows are worth.
        chosen: what a validation chose before.
    """

    values: Matrix
    label: NDArray[np.int64]
    weight: NDArray[np.float32]
    names: Sequence[str]
    seed: int
    watch: tuple[Matrix, NDArray[np.int64]] | None = None
    threads: int = 0
    chosen: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Learnt:
    """A model.

    Attributes:
        predict: margins of rows.
        chosen: by the validation, for the next one.
        booster: of trees.
        curve: average precision of the validation after each tree, where one was watched.
    """

    predict: Predict
    chosen: dict[str, float]
    booster: xgboost.Booster | None = None
    curve: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Trees:
    """Settings of the boosted trees."""

    most: int = 400
    depth: int = 5
    rate: float = 0.03
    child_weight: float = 5.0
    rows: float = 0.8
    columns: float = 0.2
    penalty: float = 1.0


def threads_for(rows: int) -> int:
    """How many threads so many rows are worth."""
    return THREADS if rows >= MANY else 1


def learn_trees(task: Learning, settings: Trees | None = None) -> Learnt:
    """XGBoost; the validation's average precision chooses the number of trees.

    Rows that stand for several count once, and the margins are moved back by the logarithm of what
    they stand for: trees told frauds apart better so than with weights, and probabilities stay
    right (King and Zeng, "Logistic regression in rare events data", 2001, section 4.1).
    """
    use = settings or Trees()
    threads = task.threads or threads_for(len(task.values))
    parameters = {
        "objective": "binary:logistic",
        "eval_metric": "aucpr",
        "max_depth": use.depth,
        "eta": use.rate,
        "min_child_weight": use.child_weight,
        "subsample": use.rows,
        "colsample_bytree": use.columns,
        "lambda": use.penalty,
        "tree_method": "hist",
        "seed": task.seed,
        "nthread": threads,
    }
    names = list(task.names)
    fraud = task.label == 1
    everywhere = float(task.weight[fraud].sum() / task.weight.sum())
    parameters["base_score"] = everywhere
    start = np.full(len(fraud), _odds(float(fraud.mean())), np.float32)
    data = xgboost.QuantileDMatrix(
        task.values, task.label, base_margin=start, feature_names=names, nthread=threads
    )
    rounds = int(task.chosen.get("trees", use.most))
    watched = []
    if task.watch is not None:
        watch = xgboost.QuantileDMatrix(
            task.watch[0], task.watch[1], feature_names=names, ref=data, nthread=threads
        )
        watched = [(watch, "validation")]
    seen: dict[str, dict[str, list[float]]] = {}
    booster = xgboost.train(
        parameters,
        data,
        rounds,
        evals=watched,
        evals_result=seen,
        early_stopping_rounds=PATIENCE if watched else None,
        verbose_eval=False,
    )
    if watched:
        rounds = min(booster.num_boosted_rounds(), max(LEAST_TREES, booster.best_iteration + 1))
        booster = booster[:rounds]

    def predict(values: Matrix) -> Floats:
        told = booster.inplace_predict(values, predict_type="margin", validate_features=False)
        return np.asarray(told, np.float64)

    curve = tuple(float(one) for one in seen.get("validation", {}).get("aucpr", ()))
    return Learnt(predict, {"trees": float(rounds)}, booster, curve)


def _odds(share: float) -> float:
    """The log odds of a share between 0 and 1."""
    return float(np.log(share / (1.0 - share)))


def learn_logistic(task: Learning) -> Learnt:
    """L2-penalised logistic regression on ranks of magnitude: sign(x) · ln(1 + |x|), standardised.

    The validation chooses the penalty.
    """
    scaler = StandardScaler().fit(_magnitude(task.values), sample_weight=task.weight)
    train = scaler.transform(_magnitude(task.values))

    def fitted(strength: float) -> LogisticRegression:
        model = LogisticRegression(C=strength, max_iter=300)
        return model.fit(train, task.label, sample_weight=task.weight)

    if task.watch is None:
        strength = task.chosen.get("strength", 0.03)
        model = fitted(strength)
    else:
        seen = scaler.transform(_magnitude(task.watch[0]))
        tried = []
        for each in STRENGTHS:
            candidate = fitted(each)
            found = average_precision(Counts.of(task.watch[1], candidate.decision_function(seen)))
            tried.append((found, each, candidate))
        _, strength, model = max(tried, key=lambda one: one[0])

    def predict(values: Matrix) -> Floats:
        return model.decision_function(scaler.transform(_magnitude(values)))

    return Learnt(predict, {"strength": strength})


def learn_rules(task: Learning) -> Learnt:
    """What a team writes down first: flags on few figures, and how many of them are up.

    Each figure gets a limit above nearly all honest rows; of rows with equally many flags the one
    with the larger amount is worse.
    """
    wanted = [index for index, name in enumerate(task.names) if _ruled(name)]
    honest = task.values[task.label == 0]
    limits = np.quantile(honest[:, wanted], QUANTILE, axis=0) if len(wanted) else np.empty(0)
    amount = task.names.index("amount") if "amount" in task.names else 0
    ladder = np.sort(honest[:, amount])

    def predict(values: Matrix) -> Floats:
        flags = (values[:, wanted] > limits).sum(axis=1)
        return flags + np.searchsorted(ladder, values[:, amount]) / (len(ladder) + 1.0)

    return Learnt(predict, {})


def _ruled(name: str) -> bool:
    """Amounts, their ratio to the habit, haste, and known risk of a week and a month."""
    return name == "amount" or name.endswith(
        ("_ratio_30d", "_count_1h", "_count_1d", "_risk_7d", "_risk_30d")
    )


def _magnitude(values: Matrix) -> Matrix:
    return np.sign(values) * np.log1p(np.abs(values))
