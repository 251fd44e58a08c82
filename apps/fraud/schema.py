"""The result of one transaction, and what decides about it."""

from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from apps.fraud.rules.local_time import known_zone
from apps.fraud.rules.nodes import size
from apps.fraud.rules.parsing import parse
from apps.fraud.rules.refusal import RuleRefused
from apps.fraud.scheme import CARD_PAYMENTS, Scheme

OUTCOMES = ("approve", "step_up", "review", "block")
"""From the mildest to the strictest."""
MOST_NODES = 6_000
"""Of all rules of a point: they are evaluated for every payment."""
Strictness = Literal["approve", "step_up", "review", "block"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ScoredTransaction(_Frozen):
    """One transaction with everything that was known when it was scored, frozen."""

    schema_version: Literal[1] = 1
    id: str
    sequence: int = Field(description="order of arrival in the project, from 0")
    event_time: int = Field(description="milliseconds since 1970, UTC")
    known_at: int = Field(description="milliseconds: when Loupe heard of it")
    amount: int = Field(description="minor units of the project's currency")
    amount_original: int = Field(description="minor units of `currency`")
    currency: str = Field(description="ISO 4217")
    late: bool = Field(description="an event that happened later was known already")
    history: int = Field(description="the payer's earlier events")
    refused: str = Field(
        default="", description="why it was not taken; then its score is 0 and says nothing"
    )
    repeated: bool = Field(default=False, description="it came before: this is the first answer")
    score: float = Field(description="0 to 1")
    label: int = Field(
        default=-1, description="what the row itself said: 1 fraud, 0 honest, −1 nothing"
    )
    label_known_at: int = Field(default=-1, description="milliseconds; −1 without a label")
    entities: dict[str, str]
    attributes: dict[str, str]
    features: dict[str, float] = Field(description="as the model and the rules saw them")
    reasons: dict[str, str] = Field(
        default_factory=dict,
        description='"1", "2" …: the feature that added most, of each group that raised the score; '
        "told from the lowest cut-off on",
    )
    weights: dict[str, float] = Field(
        default_factory=dict, description="log-odds that the group of each reason added"
    )


class Band(_Frozen):
    """Cut-offs for amounts from `from_amount` (minor units) up to the next band.

    A score at or above a cut-off gets its outcome, the strictest one reached; above 1 never.
    """

    from_amount: int = 0
    step_up: float = 0.7
    review: float = 0.9
    block: float = 0.99


class Rule(_Frozen):
    """Where `when` holds, the outcome is at least (or, of an approval, exactly) `outcome`."""

    key: str = Field(pattern=r"^[a-z][a-z0-9_]{0,29}$")
    when: str = Field(max_length=2000, description="an expression: docs/fraud.md, rules")
    outcome: Strictness
    en: str = ""
    zh: str = ""
    active: bool = True
    wins: bool = Field(
        default=False, description="of an approval: it also wins over rules that ask for more"
    )

    @model_validator(mode="after")
    def _readable(self) -> Self:
        try:
            parse(self.when)
        except RuleRefused as error:
            raise PydanticCustomError(
                "rule_refused",
                "Rule {key}: {why}",
                {"key": self.key, "why": error.message, "why_zh": error.zh},
            ) from error
        if self.wins and self.outcome != "approve":
            raise PydanticCustomError(
                "only_approval_wins",
                "Rule {key}: only an approval wins; {outcome} does not.",
                {"key": self.key, "outcome": self.outcome},
            )
        return self


LIST_RULES: Final = (
    Rule(
        key="on_block_list",
        when='listed("block")',
        outcome="block",
        en="someone or something of it is on the block list",
        zh="其中有标识符在拦截名单上",
    ),
    Rule(
        key="on_watch_list",
        when='listed("watch")',
        outcome="review",
        en="someone or something of it is on the watch list",
        zh="其中有标识符在观察名单上",
    ),
    Rule(
        key="on_allow_list",
        when='listed("allow")',
        outcome="approve",
        en="someone or something of it is on the allow list",
        zh="其中有标识符在放行名单上",
    ),
)
"""What lists do in a new project; a point with rules of its own says it anew, or otherwise."""


class OperatingPoint(_Frozen):
    """Thresholds by amount, and the rules: versioned together, published together."""

    bands: tuple[Band, ...] = Field(default=(Band(),), min_length=1, max_length=50)
    rules: tuple[Rule, ...] = Field(default=LIST_RULES, max_length=500)
    rules_version: int = Field(
        default=0, ge=0, description="number of the project's set of rules; 0: of none that is kept"
    )
    queue_per_day: int = Field(default=0, ge=0, description="analysts' reviews a day; 0: no queue")
    control_share: float = Field(
        default=0.0, ge=0, le=0.05, description="share of blocked ones let through by lot"
    )
    control_cap: int = Field(default=0, ge=0, description="largest amount let through, minor units")
    control_key: str = Field(
        default="", max_length=100, description="secret of the lot; senders choose their ids"
    )
    embeddings: str = Field(
        default="",
        max_length=36,
        description="id of the project whose embeddings of entities the model looks up; empty: of "
        "none, as long as a project has none",
    )
    scheme: Scheme = Field(
        default=CARD_PAYMENTS, description="the project's: clocks, currency and words of reasons"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        starts = [band.from_amount for band in self.bands]
        if starts[0] != 0 or starts != sorted(set(starts)):
            raise PydanticCustomError(
                "bands_order",
                "bands start at {starts}; the first at 0, each higher than the last.",
                {"starts": ", ".join(map(str, starts))},
            )
        keys = [rule.key for rule in self.rules]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise PydanticCustomError(
                "rules_twice",
                "Keys of rules must be unique; there are several of {twice}.",
                {"twice": ", ".join(twice)},
            )
        cost = sum(size(parse(rule.when)) for rule in self.rules)
        if cost > MOST_NODES:
            raise PydanticCustomError(
                "rules_large",
                "The rules have {cost} names, values and signs together; {most} are allowed. Join "
                "some, or put long lists into a list of the project.",
                {"cost": f"{cost:,}", "most": f"{MOST_NODES:,}"},
            )
        if self.control_share and len(self.control_key) < 16:
            raise PydanticCustomError(
                "control_key_short", "control_share needs a control_key of 16 characters or more."
            )
        if not known_zone(self.scheme.timezone):
            raise PydanticCustomError(
                "zone_unknown",
                "timezone is {zone}; give an IANA name.",
                {"zone": repr(self.scheme.timezone)},
            )
        return self
