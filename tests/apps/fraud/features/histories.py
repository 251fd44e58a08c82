"""Generated histories: ties, late events, missing ids, labels in between, lists, restarts."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st

from apps.fraud.events import ATTRIBUTE, ENTITY
from apps.fraud.scheme import Attribute, EntityType, Relation, Scheme
from tests.apps.fraud.features.oracle import Event

START = 1_711_843_140_000
"""31 March 2024, 00:59 UTC: a minute before summer begins in Paris."""

CARDS = Scheme(
    timezone="Europe/Paris",
    entities=(
        EntityType(key="customer", en="Customer", zh="客户", role="payer"),
        EntityType(key="terminal", en="Terminal", zh="终端", role="payee", risk=True),
        EntityType(
            key="device", en="Device", zh="设备", role="instrument", risk=True, degree_cap=2
        ),
        EntityType(key="address", en="Address", zh="地址", role="trait"),
    ),
    attributes=(
        Attribute(key="country", en="Country", zh="国家"),
        Attribute(key="channel", en="Channel", zh="渠道"),
    ),
    relations=(
        Relation(key="same_device", en="Same device", zh="同一设备", shared="device"),
        Relation(key="same_address", en="Same address", zh="同一地址", shared="address"),
    ),
    windows=(5, 60, 600),
    label_delay=20,
)
ACCOUNTS = Scheme(
    entities=(
        EntityType(key="sender", en="Sender", zh="付款方", role="payer", risk=True),
        EntityType(key="receiver", en="Receiver", zh="收款方", role="payee", degree_cap=3),
    ),
    attributes=(Attribute(key="age", en="Age", zh="年龄", kind="number"),),
    relations=(Relation(key="same_receiver", en="Same", zh="同一收款方", shared="receiver"),),
    windows=(30,),
    label_delay=0,
)


@dataclass
class Step:
    """A batch, and what comes after it."""

    events: list[Event]
    labels: list[tuple[str, int, int]] = field(default_factory=list)
    entry: tuple[str, str, str, int | None] | None = None
    restart: bool = False


@st.composite
def histories(draw: st.DrawFn, scheme: Scheme, most: int = 30) -> list[Step]:
    """Batches of any size, with labels, lists and restarts between them."""
    few = st.sampled_from(["", *"abcdefghijklmnop"][: draw(st.sampled_from([3, 5, 17]))])
    steps, now, number = [], START, 0
    for _ in range(draw(st.integers(1, 6))):
        events = []
        for _ in range(draw(st.integers(0, most // 3))):
            now += draw(st.sampled_from([0, 0, 1, 999, 4_000, 5_000, 20_000, 70_000, 1_300_000]))
            late = draw(st.sampled_from([0, 0, 0, 3_000, 50_000]))
            ahead = draw(st.sampled_from([0, 0, 0, 400_000]))
            label = draw(st.sampled_from([-1, -1, 0, 1]))
            known = draw(st.sampled_from([-1, 0, 10_000, 60_000])) if label >= 0 else -1
            event = Event(
                id=f"t{number}",
                time=now - late,
                known_at=now - ahead,
                amount=draw(st.integers(-(2**40) + 1, 2**40 - 1) | st.integers(0, 40_000)),
                ids={entity.key: draw(few) for entity in scheme.entities},
                attributes={
                    one.key: draw(st.sampled_from(["x", "y", ""]))
                    if one.kind == "category"
                    else draw(st.sampled_from([1.5, -3.0, float("nan")]))
                    for one in scheme.attributes
                },
                label=label,
                known=known if known < 0 else now + known,
            )
            events.append(event)
            number += 1
        step = Step(events, restart=draw(st.booleans()))
        for _ in range(draw(st.integers(0, 3)) if number else 0):
            of = draw(st.integers(0, number))  # the last one is of no event
            known = now + draw(st.sampled_from([-5_000, 0, 2_000, 90_000]))
            step.labels.append((f"t{of}", draw(st.integers(0, 1)), known))
        if draw(st.booleans()):
            entity = draw(st.sampled_from([one.key for one in scheme.entities]))
            until = draw(st.sampled_from([None, now + 10_000, 2**60]))
            listed = draw(st.sampled_from(["watch", "allow", "block", "snooze"]))
            step.entry = (listed, entity, draw(st.sampled_from(["a", "b"])), until)
        steps.append(step)
    return steps


def columns(events: Sequence[Event], scheme: Scheme) -> dict[str, np.ndarray]:
    """The events as a batch."""

    def integers(name: str) -> np.ndarray:
        return np.array([getattr(event, name) for event in events], np.int64)

    return {
        "id": np.array([event.id for event in events], np.str_),
        "event_time": integers("time"),
        "known_at": integers("known_at"),
        "amount": integers("amount"),
        "label": integers("label"),
        "label_known_at": integers("known"),
        **{
            ENTITY + one.key: np.array([event.ids[one.key] for event in events], np.str_)
            for one in scheme.entities
        },
        **{
            ATTRIBUTE + one.key: np.array(
                [event.attributes[one.key] for event in events],
                np.str_ if one.kind == "category" else np.float64,
            )
            for one in scheme.attributes
        },
    }
