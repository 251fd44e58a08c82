"""The app's own tables: alerts and their hits, cases, lists, labels, entities, schemes.

Transactions themselves are columns in the host's result blocks, never rows here. Beside this
package's files lie the folders of models that ship with the app.
"""

from apps.fraud.models.alerts import Alert, AlertHit
from apps.fraud.models.backtests import Backtest, PointDraft, PriceVersion
from apps.fraud.models.bad_rows import BadRows
from apps.fraud.models.cases import Attachment, Case, CaseEvent
from apps.fraud.models.embeddings import EmbeddingTable
from apps.fraud.models.entities import Entity, EntityLink
from apps.fraud.models.explanations import AlertExplanation
from apps.fraud.models.fitting import ThresholdRun
from apps.fraud.models.labels import TransactionLabel
from apps.fraud.models.lists import List, ListEntry
from apps.fraud.models.outbox import Telling
from apps.fraud.models.policy import ExchangeRate, RuleSet, ThresholdFit
from apps.fraud.models.publishing import Publication
from apps.fraud.models.rescoring import AlertScore
from apps.fraud.models.schemes import MappingVersion, ProjectSecret, SchemeVersion
from apps.fraud.models.seen_before import SeenBefore
from apps.fraud.models.shadows import Shadow, ShadowBlock, ShadowDifference
from apps.fraud.models.unindexed import IndexGroup, Unindexed

__all__ = [
    "Alert",
    "AlertExplanation",
    "AlertHit",
    "AlertScore",
    "Attachment",
    "Backtest",
    "BadRows",
    "Case",
    "CaseEvent",
    "EmbeddingTable",
    "Entity",
    "EntityLink",
    "ExchangeRate",
    "IndexGroup",
    "List",
    "ListEntry",
    "MappingVersion",
    "PointDraft",
    "PriceVersion",
    "ProjectSecret",
    "Publication",
    "RuleSet",
    "SchemeVersion",
    "SeenBefore",
    "Shadow",
    "ShadowBlock",
    "ShadowDifference",
    "Telling",
    "ThresholdFit",
    "ThresholdRun",
    "TransactionLabel",
    "Unindexed",
]
