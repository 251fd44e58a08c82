"""The Fraud Detection Handbook's week: its split, its features, and its published row reproduced.

Le Borgne, Siblini, Lebichot and Bontempi, "Reproducible Machine Learning for Credit Card Fraud
Detection", 2022, chapter 3.5: train 2018-07-25…31, labels 7 days later, test 2018-08-08…14, cards
that were known to be compromised left out.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import xgboost
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from apps.fraud.features.catalogue import HANDBOOK
from apps.fraud.scheme import DAY, EntityType, Scheme
from apps.fraud.training import table as tables
from apps.fraud.training.splitting import Periods, Split, split
from apps.fraud.training.table import DAY_MS, Table
from loupe.contract.runtime.columns import Columns

SCHEME: Final = Scheme(
    entities=(
        EntityType(key="customer", en="Customer", zh="客户", role="payer", risk=True),
        EntityType(key="terminal", en="Terminal", zh="终端", role="payee", risk=True),
    ),
    windows=(3_600, DAY, 3 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY),
)
"""What its transactions are about, with long histories."""
AS_PUBLISHED: Final = SCHEME.model_copy(
    update={
        "windows": (DAY, 7 * DAY, 30 * DAY),
        "entities": (SCHEME.entities[0].model_copy(update={"risk": False}), SCHEME.entities[1]),
    }
)
"""With the windows of its published baseline."""


def _day(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


WEEK: Final = Periods(
    train_from=_day("2018-07-25"),
    train_to=_day("2018-08-01"),
    test_from=_day("2018-08-08"),
    test_to=_day("2018-08-15"),
    delay=7 * DAY_MS,
)
LONG: Final = Periods(**{**vars(WEEK), "train_from": _day("2018-05-16")})
"""The same test, learned from eleven weeks: all of them known a week before it."""
PUBLISHED: Final = {
    "logistic": (0.871, 0.606, 0.291),
    "forest": (0.867, 0.658, 0.287),
    "xgboost": (0.862, 0.639, 0.273),
}
"""AUC, average precision, card precision@100, as the book prints them."""


@dataclass(frozen=True)
class Reproduced:
    """One published row, learned anew: scores of the test."""

    key: str
    published: tuple[float, float, float]
    scores: NDArray[np.float64]


def covers(scheme: Scheme, time: NDArray[np.int64]) -> bool:
    """Whether these are transactions of the Handbook's weeks."""
    first, last = int(time.min()), int(time.max())
    keys = {entity.key for entity in scheme.entities}
    inside = first < WEEK.train_from - 30 * DAY_MS and WEEK.test_to - DAY_MS < last < WEEK.test_to
    return keys == {"customer", "terminal"} and inside


def published_table(events: Columns) -> Table:
    """The 15 features of the published baseline.

    Amounts are in the file's currency there, not in its minor units; that and the order of the
    columns matter for trees that break ties by order.
    """
    made = tables.build(AS_PUBLISHED, events, (HANDBOOK,))
    order = ["amount", "weekend", "night"]
    for span in ("1d", "7d", "30d"):
        order += [f"customer_count_{span}", f"customer_mean_{span}"]
    for span in ("1d", "7d", "30d"):
        order += [f"terminal_seen_{span}", f"terminal_risk_{span}"]
    return replace(made, names=tuple(order), values=made.columns(order))


def published_split(table: Table) -> Split:
    """Its 67,240 and 58,264 rows."""
    return split(table, WEEK)


def reproduce(table: Table, parts: Split, keys: tuple[str, ...] = ("xgboost",)) -> list[Reproduced]:
    """Learn published rows anew, with the versions at hand and the book's settings.

    `base_score` and ``tree_method`` are XGBoost's defaults of that time.
    """
    values = table.values.astype(np.float64)
    for column in (
        0,
        *(table.names.index(f"customer_mean_{span}") for span in ("1d", "7d", "30d")),
    ):
        values[:, column] /= 100.0
    scaler = StandardScaler().fit(values[parts.train])
    train, test = scaler.transform(values[parts.train]), scaler.transform(values[parts.test])
    label = table.label[parts.train]
    made: dict[str, Callable[[], Any]] = {
        "logistic": lambda: LogisticRegression(random_state=0),
        "forest": lambda: RandomForestClassifier(random_state=0, n_jobs=-1),
        "xgboost": lambda: xgboost.XGBClassifier(
            random_state=0, n_jobs=-1, tree_method="exact", base_score=0.5
        ),
    }
    return [
        Reproduced(
            key,
            PUBLISHED[key],
            made[key]().fit(train, label).predict_proba(test)[:, 1].astype(float),
        )
        for key in keys
    ]
