"""The rungs of the ladder by name and title, and how much work the ladder is."""

from dataclasses import dataclass, field

from apps.fraud.training.gnn import GnnRecipe
from apps.fraud.training.rungs import Trees

KEPT = 32
"""Earlier transactions of each entity that the graph knows of."""

RULES, LOGISTIC, FLAT_TREES, GRAPH_TREES = "rules", "logistic", "xgboost_flat", "xgboost_graph"
NEAR_TREES, NETWORK, READY_TREES = "xgboost_near", "gnn", "xgboost_ready"
ALL_TREES, ENSEMBLE = "xgboost_all", "ensemble"
ORDER = (
    RULES, LOGISTIC, FLAT_TREES, GRAPH_TREES, NEAR_TREES, NETWORK, READY_TREES, ALL_TREES, ENSEMBLE,
)  # fmt: skip
SERVABLE = (GRAPH_TREES, FLAT_TREES, READY_TREES)
"""The rungs that can serve: the live service makes their features, and a schedule the embeddings
that `READY_TREES` looks up."""
BY_NETWORK = (NETWORK, READY_TREES, ALL_TREES)
"""The rungs that need the graph network."""
TOLD_TREES = 5
"""Every so many trees the curve is told."""
TITLES = {
    RULES: ("Rules", "规则"),
    LOGISTIC: ("Logistic regression", "逻辑回归"),
    FLAT_TREES: ("XGBoost, flat features", "XGBoost（平面特征）"),
    GRAPH_TREES: ("XGBoost, graph features", "XGBoost（图特征）"),
    NEAR_TREES: ("XGBoost, last neighbours too", "XGBoost（加最近邻交易）"),
    READY_TREES: ("XGBoost, graph and embeddings", "XGBoost（图特征加图嵌入）"),
    NETWORK: ("Graph network", "图神经网络"),
    ALL_TREES: ("XGBoost, embeddings too", "XGBoost（加图嵌入）"),
    ENSEMBLE: ("Ensemble", "集成"),
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much work the ladder is.

    Attributes:
        seeds: models of each learned rung.
        network_seeds: of the network and of the trees that read it; at most `seeds`.
        most_rows: rows that trees learn from; frauds all, honest ones by lot with weights.
        network_rows: rows that the network learns from in an epoch; 0: no network.
        servable: rungs of which the best on the validation serves.
    """

    seeds: int = 5
    network_seeds: int = 1
    most_rows: int = 120_000
    network_rows: int = 60_000
    servable: tuple[str, ...] = SERVABLE
    trees: Trees = field(default_factory=Trees)
    gnn: GnnRecipe = field(default_factory=GnnRecipe)
    seed: int = 0
