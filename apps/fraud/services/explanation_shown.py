"""An explanation as its page says and draws it: factors of odds, verdicts in words, a small graph.

Weights are log-odds; people read how many times the odds of fraud they make: × 2.3 or ÷ 1.4.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.fraud.models import AlertExplanation
from apps.fraud.scheme import Scheme
from apps.fraud.services.naming import entity_id
from loupe.contract.text import Text

CLOSE, ROUGH = 0.8, 0.5
"""R² from which the straight line follows the model closely, and roughly."""
ALIKE, PARTLY = 0.7, 0.4
"""Rank correlation from which both opinions rank alike, and partly."""
LEAST = 0.005
"""Log-odds below which nothing is drawn as carrying anything."""
WIDTH = 100.0


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One feature in both opinions; bars are lengths of 0 to `WIDTH`."""

    said: Text
    exact: str
    second: str
    exact_raises: bool
    second_raises: bool
    exact_bar: float
    second_bar: float


@dataclass(frozen=True, kw_only=True)
class Group:
    """A group of features, what it does to the odds, and its strongest sentences."""

    name: Text
    odds: str
    raises: bool
    sentences: tuple[Text, ...]


@dataclass(frozen=True, kw_only=True)
class Carrier:
    """A neighbour, what both share, and what it did to the odds."""

    payer_type: str
    payer: str
    shared_type: str
    shared: str
    payments: int
    labelled: int
    frauds: int
    odds: str
    raises: bool


@dataclass(frozen=True, kw_only=True)
class Shown:
    """Everything the page says of one explanation."""

    verdict: Text
    tone: str
    fit: Text
    agreement: Text
    compared: tuple[Compared, ...]
    groups: tuple[Group, ...]
    carriers: tuple[Carrier, ...]
    together: Text
    caution: tuple[Text, ...]
    graph: dict[str, Any] | None


def shown(row: AlertExplanation, scheme: Scheme, names: Mapping[str, str]) -> Shown | None:
    """What it says; None: it is not made yet.

    Args:
        names: what types of entities are called, for the graph's chips.
    """
    if row.told is None:
        return None
    told, graph = row.told["explanation"], row.told["subgraph"]
    verdict, tone = _verdict(told["lime"])
    return Shown(
        verdict=verdict,
        tone=tone,
        fit=_fit(told["lime"]["r2"]),
        agreement=_agreement(told["lime"]),
        compared=_compared(row.told["compared"]),
        groups=tuple(
            Group(
                name=Text(en=one["en"], zh=one["zh"]),
                odds=odds(one["weight"]),
                raises=one["weight"] > 0,
                sentences=tuple(
                    Text(en=it["en"], zh=it["zh"])
                    for it in one["features"][:4]
                    if abs(it["weight"]) >= LEAST
                ),
            )
            for one in told["groups"]
            if abs(one["weight"]) >= LEAST
        ),
        carriers=_carriers(graph, scheme),
        together=_together(graph),
        caution=_caution(graph),
        graph=_drawn(row, graph, scheme, names),
    )


def odds(weight: float) -> str:
    """Log-odds as a factor: ``× 2.3``, ``÷ 1.4``, ``× 1``."""
    factor = math.exp(min(abs(weight), 30.0))
    if factor < 1 + LEAST:
        return "× 1"
    digits = f"{factor:,.0f}" if factor >= 100 else f"{factor:.2g}" if factor >= 10 else ""
    return f"{'×' if weight > 0 else '÷'} {digits or f'{factor:.3g}'}"


def _verdict(lime: Mapping[str, Any]) -> tuple[Text, str]:
    if lime["r2"] >= ROUGH and lime["agreement"] >= ALIKE:
        return Text(
            en="The second opinion supports the reasons.", zh="第二意见支持上述理由。"
        ), "good"
    if lime["r2"] >= ROUGH and lime["agreement"] >= PARTLY:
        return Text(
            en="The second opinion supports the reasons in part.", zh="第二意见部分支持上述理由。"
        ), "unsure"
    if lime["r2"] < ROUGH:
        return Text(
            en="The second opinion is weak here: the score depends on how features act together.",
            zh="第二意见在此处较弱：评分取决于多个特征的共同作用。",
        ), "unsure"
    return Text(
        en="The second opinion ranks the features otherwise: look at the payment itself.",
        zh="第二意见对特征的排序不同：请查看交易本身。",
    ), "unsure"


def _fit(r2: float) -> Text:
    figure = f"{r2:.2f}"
    if r2 >= CLOSE:
        return Text(
            en=f"A straight line follows the model closely around this payment (R² {figure}).",
            zh=f"在该交易附近，线性近似与模型十分接近（R² {figure}）。",
        )
    if r2 >= ROUGH:
        return Text(
            en=f"A straight line follows the model roughly around this payment (R² {figure}).",
            zh=f"在该交易附近，线性近似与模型大致相符（R² {figure}）。",
        )
    return Text(
        en=f"A straight line does not follow the model around this payment (R² {figure}): trust "
        "the exact shares.",
        zh=f"在该交易附近，线性近似与模型不符（R² {figure}）：请以精确贡献为准。",
    )


def _agreement(lime: Mapping[str, Any]) -> Text:
    figure, shared = f"{lime['agreement']:.2f}", int(lime["shared"])
    en_how, zh_how = (
        ("much as", "基本一致")
        if lime["agreement"] >= ALIKE
        else ("partly as", "部分一致")
        if lime["agreement"] >= PARTLY
        else ("hardly as", "很少一致")
    )
    return Text(
        en=f"It ranks the features {en_how} the exact shares do (agreement {figure} of 1); "
        f"{shared} of the 5 strongest are the same.",
        zh=f"其特征排序与精确贡献{zh_how}（一致度 {figure}，最高为 1）；最强的 5 项中有 {shared} "
        "项相同。",
    )


def _compared(rows: list[dict[str, Any]]) -> tuple[Compared, ...]:
    most = max((abs(one[side]) for one in rows for side in ("exact", "second")), default=0.0) or 1.0
    return tuple(
        Compared(
            said=Text(en=one["en"], zh=one["zh"]),
            exact=odds(one["exact"]),
            second=odds(one["second"]),
            exact_raises=one["exact"] > 0,
            second_raises=one["second"] > 0,
            exact_bar=round(WIDTH * abs(one["exact"]) / most, 1),
            second_bar=round(WIDTH * abs(one["second"]) / most, 1),
        )
        for one in rows
    )


def _carriers(graph: Mapping[str, Any], scheme: Scheme) -> tuple[Carrier, ...]:
    return tuple(
        Carrier(
            payer_type=scheme.payer.key,
            payer=one["neighbour"]["payer"],
            shared_type=one["neighbour"]["relation"],
            shared=one["neighbour"]["shared"],
            payments=one["neighbour"]["payments"],
            labelled=one["neighbour"]["labelled"],
            frauds=one["neighbour"]["frauds"],
            odds=odds(one["weight"]),
            raises=one["weight"] > 0,
        )
        for one in graph["carried"]
        if abs(one["weight"]) >= LEAST
    )


def _together(graph: Mapping[str, Any]) -> Text:
    if abs(graph["together"]) < LEAST:
        return Text(
            en="Those who share something with it did not carry this score.",
            zh="与其共享标识的各方未影响该评分。",
        )
    figure = odds(graph["together"])
    return Text(
        en=f"All together, those who share something with it change the odds of fraud by {figure}. "
        "Each line says what leaving that one out would take away; lines that say the same "
        "overlap.",
        zh=f"与其共享标识的各方合计对欺诈几率的影响为 {figure}。每一行表示去掉该方后影响减少多少；"
        "含义相同的各行会相互重叠。",
    )


def _caution(graph: Mapping[str, Any]) -> tuple[Text, ...]:
    said = []
    if not graph["exact"]:
        said.append(
            Text(
                en="What is stored of them now differs a little from what the score was made of, "
                "so these figures are near but not exact.",
                zh="目前存储的信息与评分时略有不同，因此这些数字接近但不精确。",
            )
        )
    if graph["left_out"]:
        said.append(
            Text(
                en=f"{graph['left_out']} more were not tried.",
                zh=f"另有 {graph['left_out']} 方未逐一计算。",
            )
        )
    return tuple(said)


def _drawn(
    row: AlertExplanation, graph: Mapping[str, Any], scheme: Scheme, names: Mapping[str, str]
) -> dict[str, Any] | None:
    """Nodes and edges as the graph's script takes them; None where nobody carried anything."""
    carried = [one for one in graph["carried"] if abs(one["weight"]) >= LEAST]
    if not carried:
        return None
    most = max(abs(one["weight"]) for one in carried)
    nodes: dict[str, dict[str, Any]] = {}
    edges: dict[str, dict[str, Any]] = {}

    def node(type_: str, key: str, place: str, **more: Any) -> str:
        name = str(entity_id(row.project_id, type_, key))
        start = {"id": name, "type": type_, "key": key, "place": place, "alerted": False}
        nodes.setdefault(name, {**start, "count": 0, "score": 0, "said": "", "tone": "plain"})
        nodes[name].update(more)
        return name

    def edge(payer: str, thing: str, width: float) -> None:
        both = f"{payer}-{thing}"
        count = max(edges.get(both, {"count": 1})["count"], round(2 ** (5 * width)))
        edges[both] = {"from": payer, "to": thing, "count": count}

    payer = scheme.payer.key
    me = node(payer, graph["payer"], "self", tone="bad")
    for one in carried:
        who, share = one["neighbour"], abs(one["weight"]) / most
        thing = node(who["relation"], who["shared"], "near")
        other = node(
            payer,
            who["payer"],
            "far",
            said=odds(one["weight"]),
            tone="bad" if one["weight"] > 0 else "good",
            count=who["payments"],
        )
        # The script draws an edge by the logarithm of its count: here, of what it carried.
        edge(me, thing, share)
        edge(other, thing, share)
    return {
        "nodes": list(nodes.values()),
        "edges": list(edges.values()),
        "hidden": int(graph["left_out"]),
        "names": dict(names),
    }
