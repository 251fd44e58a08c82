"""The ring benchmark: rings of known members in a simulated bank, beside honest look-alikes.

`generate(setting, seed)` gives events of the scheme `SCHEME` and the members of every ring. Below
the rings lies the honest life of `apps.fraud.simulator` with no fraud in it: households, offices,
carriers' addresses, call centres, transfers among friends. Members of rings and of look-alikes
are customers of that life and go on living it; four in ten accounts of a ring are nearly empty
otherwise. Noise: some of what a ring does is missing; members pay outsiders, outsiders members.
Rings have 3 to 60 members; small ones act more than once, for three friends who once paid
each other back are the same thing as a ring that did no more.

**What counts as found.** A ring told by a detector finds a planted one when it holds at least 70 %
of its members (`MEMBER_RECALL`) and the two sets overlap by at least 50 % (`OVERLAP`, intersection
over union). Every planted ring is found at most once, by the one that overlaps most; what finds
none is a false alarm. Recall is the share of planted rings that are found, precision the share of
told rings that find one.

**What is held out.** The trees of `apps.fraud.rings.scoring` are fitted on `TUNED_SHAPES` among
`TUNED_LOOKALIKES` with `TUNED_SEEDS`; levels, windows and threshold were chosen on the same
shapes and look-alikes with these and `CHECK_SEEDS`. The other shapes and look-alikes, and
`HELD_OUT_SEEDS`, are for reporting alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from apps.fraud.events import ATTRIBUTE, ENTITY
from apps.fraud.rings.lookalikes import LOOKALIKES
from apps.fraud.rings.shapes import DAY, SHAPES, Plan
from apps.fraud.scheme import CARD_PAYMENTS, Scheme
from apps.fraud.simulator import SimulatorConfig, simulate
from loupe.contract.runtime.columns import Columns

TUNED_SHAPES, HELD_OUT_SHAPES = ("star", "chain", "clique"), ("cycle", "mules")
TUNED_LOOKALIKES = ("family", "office", "cafe", "club", "landlord")
HELD_OUT_LOOKALIKES = ("gift", "holiday")
TUNED_SEEDS, CHECK_SEEDS, HELD_OUT_SEEDS = range(6), range(50, 53), range(100, 106)
MEMBER_RECALL, OVERLAP = 0.7, 0.5
SMALLEST, LARGEST = 3, 60
BANDS = ((3, 5), (6, 12), (13, 30), (31, 60))
"""Sizes, both ends included: the same number of rings of each."""
CAP = 64
"""Degree cap of the benchmark's scheme: above the largest ring."""
SCHEME: Scheme = CARD_PAYMENTS.model_copy(
    update={
        "entities": tuple(
            entity.model_copy(update={"degree_cap": CAP}) for entity in CARD_PAYMENTS.entities
        )
    }
)


class Setting(BaseModel):
    """How large and how noisy a benchmark is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    customers: int = Field(default=30_000, ge=200)
    days: int = Field(default=60, ge=20, le=365)
    shapes: tuple[str, ...] = tuple(SHAPES)
    lookalikes: tuple[str, ...] = tuple(LOOKALIKES)
    each: int = Field(default=4, ge=1, description="rings of each shape and band of sizes")
    honest_each: int = Field(default=40, ge=0, description="look-alikes of each kind")
    noise: float = Field(
        default=0.1,
        ge=0,
        le=0.5,
        description="share of a ring's deeds missing, and added to outsiders",
    )


@dataclass(frozen=True)
class Planted:
    """A ring that is there."""

    shape: str
    members: frozenset[str]


def generate(setting: Setting, seed: int) -> tuple[Columns, list[Planted]]:
    """Events in order of time, and the rings in them.

    Raises:
        ValueError: the rings and look-alikes need more members than there are customers.
    """
    rng = np.random.default_rng([7, seed])
    plans = [
        (name, SHAPES[name](rng, int(rng.integers(low, high + 1))))
        for name in setting.shapes
        for low, high in BANDS
        for _ in range(setting.each)
    ]
    honest = [
        (name, LOOKALIKES[name](rng, setting.days))
        for name in setting.lookalikes
        for _ in range(setting.honest_each)
    ]
    needed = sum(len(plan.tools) for _, plan in [*plans, *honest])
    if needed > setting.customers:
        raise ValueError(
            f"{needed} members of rings and look-alikes do not fit into {setting.customers} "
            "customers; ask for more customers, or fewer of each."
        )
    base = simulate(
        SimulatorConfig(customers=setting.customers, days=setting.days, fraud_share=0.0), seed
    )
    people = rng.permutation(np.array([f"C{number:07d}" for number in range(setting.customers)]))
    parts, rings, empty, taken = [], [], [], 0
    for name, plan in [*plans, *honest]:
        members = people[taken : taken + len(plan.tools)]
        taken += len(members)
        if name in SHAPES:
            rings.append(Planted(name, frozenset(members.tolist())))
            empty.append(members[rng.random(len(members)) < 0.4])
            plan, start = _noisy(rng, plan, setting), _start(rng, plan, setting.days)
        else:
            start = 0.0
        parts.append(_rows(rng, plan, members, people, start))
    quiet = np.isin(base[ENTITY + "customer"], np.concatenate(empty)) if empty else False
    keep = ~(quiet & (rng.random(len(base["id"])) < 0.8))
    return _joined(base, keep, parts), rings


def _start(rng: np.random.Generator, plan: Plan, days: int) -> float:
    length = max([0.0, *plan.flows[:, 2], *plan.uses[:, 3]])
    return float(rng.uniform(0, max(1.0, days * DAY - length)))


def _noisy(rng: np.random.Generator, plan: Plan, setting: Setting) -> Plan:
    """Some deeds are missing; some members pay outsiders (member −1) or are paid by them."""
    flows = plan.flows[rng.random(len(plan.flows)) >= setting.noise / 2]
    uses = plan.uses[rng.random(len(plan.uses)) >= setting.noise]
    strays = rng.poisson(setting.noise * len(plan.tools))
    length = max([float(DAY), *plan.flows[:, 2]])
    ends = np.stack([rng.integers(0, len(plan.tools), strays), np.full(strays, -1)], 1)
    ends = np.where(rng.random((strays, 1)) < 0.5, ends, ends[:, ::-1])
    sums = np.exp(rng.normal(4.6, 0.9, strays)) * 100
    stray = np.column_stack([ends, rng.uniform(0, length, strays), sums])
    return Plan(np.concatenate([flows, stray]), uses, plan.tools)


def _rows(
    rng: np.random.Generator, plan: Plan, members: np.ndarray, people: np.ndarray, start: float
) -> dict[str, np.ndarray]:
    """Events of a plan; what is empty is filled from the payer's own life."""
    flows, uses = plan.flows, plan.uses
    outsider = rng.choice(people, len(flows))
    ends = flows[:, :2].astype(int)
    payer, payee = (np.where(end < 0, outsider, members[end]) for end in ends.T)
    tools = np.where(ends[:, :1] < 0, -1, plan.tools[ends[:, 0]])
    tools = np.concatenate([tools, uses[:, 1:3].astype(int)])
    devices = np.array([f"{value:012x}" for value in rng.integers(1 << 44, 1 << 48, 65)])
    hosts = np.array([f"10.{a}.{b}.{c}" for a, b, c in rng.integers(0, 256, (65, 3))])
    return {
        "customer": np.concatenate([payer, members[uses[:, 0].astype(int)]]),
        "terminal": np.concatenate([payee, np.full(len(uses), "")]),
        "device": np.where(tools[:, 0] < 0, "", devices[tools[:, 0]]),
        "address": np.where(tools[:, 1] < 0, "", hosts[tools[:, 1]]),
        "time": start + np.concatenate([flows[:, 2], uses[:, 3]]),
        "amount": np.concatenate([flows[:, 3], uses[:, 4]]),
        "sent": np.arange(len(flows) + len(uses)) < len(flows),
    }


def _joined(base: Columns, keep: np.ndarray, parts: Sequence[dict[str, np.ndarray]]) -> Columns:
    """The honest rows that are kept and the planted ones, by time, with ids of their own."""
    rng = np.random.default_rng(len(base["id"]))
    told = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    count = len(told["time"])
    web = np.flatnonzero(base[ATTRIBUTE + "channel"] == "online")
    own = web[np.argsort(base[ENTITY + "customer"][web], kind="stable")]
    names = base[ENTITY + "customer"][own]
    found = np.clip(np.searchsorted(names, told["customer"]), 0, len(own) - 1)
    mine = own[found]
    same = names[found] == told["customer"]
    event_time = base["event_time"].min() + told["time"].astype(np.int64)
    amount = np.clip(told["amount"], 50, 5_000_000).astype(np.int64)
    shop = base[ENTITY + "terminal"][rng.choice(web, count)]
    planted = {
        "id": np.full(count, ""),
        "event_time": event_time,
        "known_at": event_time + 1_000,
        "amount": amount,
        "amount_original": amount,
        "currency": np.full(count, "EUR"),
        ENTITY + "customer": told["customer"],
        ENTITY + "terminal": np.where(told["terminal"] == "", shop, told["terminal"]),
        ENTITY + "device": _or_own(told["device"], base[ENTITY + "device"][mine], same),
        ENTITY + "address": _or_own(told["address"], base[ENTITY + "address"][mine], same),
        ATTRIBUTE + "country": np.full(count, "DE"),
        ATTRIBUTE + "channel": np.where(told["sent"], "transfer", "online"),
        "label": np.full(count, -1),
        "label_known_at": np.full(count, -1),
    }
    joined = {name: np.concatenate([base[name][keep], planted[name]]) for name in base}
    order = np.argsort(joined["event_time"], kind="stable")
    joined = {name: value[order] for name, value in joined.items()}
    joined["id"] = np.char.mod("T%08d", np.arange(len(order)))
    return joined


def _or_own(given: np.ndarray, own: np.ndarray, same: np.ndarray) -> np.ndarray:
    return np.where(given != "", given, np.where(same, own, ""))
