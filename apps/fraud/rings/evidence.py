"""What speaks for a ring, in sentences: strongest first, in English and Chinese."""

import numpy as np

from apps.fraud.explaining.phrases import apart, duration, money
from apps.fraud.rings.ties import Ties
from apps.fraud.rings.told import Evidence
from apps.fraud.rings.words import counted
from apps.fraud.scheme import Scheme

DAY_MS = 86_400_000


def sentences(
    scheme: Scheme,
    shared: tuple[str, ...],
    numbers: dict[str, float],
    flows: Ties,
    uses: Ties,
    size: int,
) -> tuple[Evidence, ...]:
    """All that holds of this ring."""
    told = [
        *_sharing(scheme, shared, uses, size),
        *_flowing(scheme, numbers, flows, size),
        *_timing(flows, uses),
    ]
    return tuple(sorted(told, key=lambda one: (-one.weight, one.key)))


def _sharing(scheme: Scheme, shared: tuple[str, ...], uses: Ties, size: int) -> list[Evidence]:
    told = []
    for number, key in enumerate(shared):
        mine = uses.right % len(shared) == number
        users, things = len(np.unique(uses.left[mine])), len(np.unique(uses.right[mine]))
        if not things:
            continue
        entity = next(entity for entity in scheme.entities if entity.key == key)
        told.append(
            Evidence(
                f"shares_{key}",
                round(users / size * (1.0 if entity.role == "instrument" else 0.8), 3),
                f"{users} of {size} members share {things} {counted(entity.en, things)}.",
                f"{size} 名成员中有 {users} 名共用 {things} 个{apart(entity.zh)}。",
            )
        )
    return told


def _flowing(scheme: Scheme, numbers: dict[str, float], flows: Ties, size: int) -> list[Evidence]:
    if not len(flows):
        return []
    count, amount = int(flows.count.sum()), money(int(flows.amount.sum()), scheme.currency)
    share = round(100 * min(1.0, numbers["flow_share"]))
    times = "payment" if count == 1 else "payments"
    told = [
        Evidence(
            "flows",
            round(min(1.0, numbers["flow_share"]), 3),
            f"{count:,} {times} among members moved {amount}: {share} % of all that went through "
            "their accounts.",
            f"成员之间的 {count} 笔付款共 {amount}，占其账户全部往来的 {share} %。",
        )
    ]
    passed = numbers["passed_on"]
    if passed >= 0.1:
        told.append(
            Evidence(
                "passed_on",
                round(passed, 3),
                f"Members passed on {round(100 * passed)} % of what they got from each other.",
                f"成员把彼此转来的资金中的 {round(100 * passed)} % 再次转出。",
            )
        )
    circle = round(numbers["cycle"] * size)
    if circle >= 3:
        told.append(
            Evidence(
                "cycle",
                round(numbers["cycle"], 3),
                f"Money went round in circles among {circle} of {size} members.",
                f"资金在 {size} 名成员中的 {circle} 名之间循环流动。",
            )
        )
    partners = np.bincount(
        np.unique(np.concatenate([flows.left, flows.right]), return_inverse=True)[1]
    )
    most = int(partners.max())
    if most >= 5 and most >= 0.5 * (size - 1):
        told.append(
            Evidence(
                "hub",
                round(min(1.0, most / size), 3),
                f"One member pays or is paid by {min(most, size - 1)} of the others.",
                f"其中一名成员与另外 {min(most, size - 1)} 名成员有资金往来。",
            )
        )
    return told


def _timing(flows: Ties, uses: Ties) -> list[Evidence]:
    count = int(flows.count.sum() + uses.count.sum())
    if count < 2:
        return []
    first = min(int(ties.first.min(initial=2**62)) for ties in (flows, uses))
    last = max(int(ties.last.max(initial=-(2**62))) for ties in (flows, uses))
    days = max(0.1, round((last - first) / DAY_MS, 1))
    en, zh = duration(max(60.0, (last - first) / 1000))
    return [
        Evidence(
            "together",
            round(1 / (1 + days / 4), 3),
            f"All {count} events of it lie within {en}.",
            f"全部 {count} 次事件集中在 {zh}之内。",
        )
    ]
