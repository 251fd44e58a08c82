"""The features of the network: meetings, priors, neighbours and motifs, with their words."""

from collections.abc import Iterator
from typing import Final

from apps.fraud.features import spans
from apps.fraud.features.feature import Feature, Unit, lowered
from apps.fraud.scheme import EntityType, Scheme


def beyond(scheme: Scheme) -> Iterator[Feature]:
    """Every feature that needs the network, in order."""
    others = [entity for entity in scheme.entities if entity.role != "payer"]
    for entity in others:
        yield from _novelty(scheme, entity)
    for attribute in categories(scheme):
        yield Feature(
            name=f"{attribute[0]}_new", group="novelty", unit="flag", what="new_value",
            entity=attribute[0],
            en=f"{lowered(attribute[1])} that this {lowered(scheme.payer.en)} has not used lately",
            zh=f"该{scheme.payer.zh}近期首次出现的{attribute[2]}",
        )  # fmt: skip
    yield from _priors(scheme)
    for entity in others:
        yield from _graph(scheme, entity)
    yield from _motifs(scheme, others)


def categories(scheme: Scheme) -> list[tuple[str, str, str]]:
    """Key, English and Chinese of the attributes that are categories."""
    return [(one.key, one.en, one.zh) for one in scheme.attributes if one.kind == "category"]


def related(scheme: Scheme) -> set[str]:
    """The entities whose sharing relates payers."""
    return {relation.shared for relation in scheme.relations}


def _novelty(scheme: Scheme, entity: EntityType) -> Iterator[Feature]:
    payer_en, payer_zh = lowered(scheme.payer.en), scheme.payer.zh
    key, en, zh = entity.key, lowered(entity.en), entity.zh
    yield Feature(
        name=f"{key}_new", group="novelty", unit="flag", what="new", entity=key,
        en=f"{en} that this {payer_en} has not met lately", zh=f"该{payer_zh}近期首次接触的{zh}",
    )  # fmt: skip
    yield Feature(
        name=f"{key}_met", group="novelty", unit="count", what="met", entity=key,
        en=f"earlier transactions of this {payer_en} with this {en}",
        zh=f"该{payer_zh}与该{zh}此前的交易笔数",
    )  # fmt: skip
    yield Feature(
        name=f"{key}_met_since", group="novelty", unit="seconds", what="met_since", entity=key,
        en=f"seconds since this {payer_en} last met this {en}",
        zh=f"距该{payer_zh}上次接触该{zh}的秒数",
    )  # fmt: skip


def _priors(scheme: Scheme) -> Iterator[Feature]:
    def prior(name: str, what: str, en: str, zh: str, entity: str = "") -> Feature:
        return Feature(
            name=name, group="priors", unit="share", what=what, entity=entity,
            en=f"expected share of frauds {en}", zh=f"{zh}的预期欺诈占比",
        )  # fmt: skip

    yield prior("prior_all", "prior_all", "of all transactions", "全部交易")
    for key, en, zh in categories(scheme):
        yield prior(f"prior_{key}", "prior_value", f"for this {lowered(en)}", f"该{zh}", entity=key)
    yield prior("prior_segment", "prior_segment", "in this segment", "该细分群体")
    yield prior(
        "prior_behaviour", "prior_behaviour", "for such amounts at such hours", "此类金额与时段"
    )
    for entity in scheme.entities:
        yield prior(
            f"{entity.key}_prior", "prior_entity", f"of this {lowered(entity.en)}",
            f"该{entity.zh}", entity=entity.key,
        )  # fmt: skip
    payer = scheme.payer
    yield prior(
        "prior_alike", "prior_alike", f"of each {lowered(payer.en)} who behaves alike",
        f"行为相似的{payer.zh}",
    )  # fmt: skip
    yield prior(
        "prior_neighbours", "prior_neighbours",
        f"of each {lowered(payer.en)} who shares something with this one",
        f"与其共享标识的{payer.zh}",
    )  # fmt: skip
    yield prior(
        "prior_mixed", "prior_mixed",
        f"of this {lowered(payer.en)}, mixed from its own and those of its like by history",
        f"按历史长度混合自身与相似者后该{payer.zh}",
    )  # fmt: skip


_FIGURES: Final[tuple[tuple[str, Unit, str, str], ...]] = (
    ("count", "count", "number of {of_en}", "{of_zh}的数量"),
    ("risk", "share", "share of known frauds of {of_en}", "{of_zh}的已确认欺诈占比"),
    ("top_risk", "share", "largest share of known frauds among {of_en}",
     "{of_zh}中最高的已确认欺诈占比"),
    ("amount", "minor", "mean amount of {of_en}", "{of_zh}的平均金额"),
    ("degree", "count", "mean number of acquaintances of {of_en}", "{of_zh}的平均关联数"),
)  # fmt: skip


def _graph(scheme: Scheme, entity: EntityType) -> Iterator[Feature]:
    payer_en, payer_zh = lowered(scheme.payer.en), scheme.payer.zh
    en, zh = lowered(entity.en), entity.zh
    groups = [
        ("around", f"other {payer_en} ids at this {en}", f"该{zh}的其他{payer_zh}"),
        ("own", f"other {en} ids of this {payer_en}", f"该{payer_zh}的其他{zh}"),
    ]
    if entity.key in related(scheme):
        groups.append(
            (
                "kin",
                f"{payer_en} ids at other {en} ids of this {payer_en}",
                f"与该{payer_zh}的其他{zh}有关的{payer_zh}",
            )
        )
    for where, of_en, of_zh in groups:
        for what, unit, word_en, word_zh in _FIGURES:
            yield Feature(
                name=f"{where}_{entity.key}_{what}", group="graph", unit=unit,
                what=f"{where}.{what}", entity=entity.key,
                en=word_en.format(of_en=of_en), zh=word_zh.format(of_zh=of_zh),
            )  # fmt: skip


def _motifs(scheme: Scheme, others: list[EntityType]) -> Iterator[Feature]:
    payer_en, payer_zh = lowered(scheme.payer.en), scheme.payer.zh
    for entity in others:
        yield Feature(
            name=f"{entity.key}_fan_in", group="motifs", unit="count", what="fan_in",
            entity=entity.key, en=f"new {payer_en} ids that this {lowered(entity.en)} met so far",
            zh=f"该{entity.zh}至今遇到的新{payer_zh}数",
        )  # fmt: skip
    if len(scheme.windows) > 1:
        short, long = (spans.worded(window) for window in (scheme.windows[0], scheme.windows[-1]))
        for entity in scheme.entities:
            yield Feature(
                name=f"{entity.key}_burst", group="motifs", unit="share", what="burst",
                entity=entity.key, window=scheme.windows[0],
                en=f"share of those that this {lowered(entity.en)} met within {long[0]} that came "
                f"within {short[0]}",
                zh=f"该{entity.zh} {long[1]}内的对手中最近 {short[1]}内出现的占比",
            )  # fmt: skip
    for payee in list(scheme.of_role("payee"))[:1]:
        yield Feature(
            name="returned_since", group="motifs", unit="seconds", what="returned",
            en=f"seconds since this {lowered(payee.en)} paid this {payer_en}",
            zh=f"距该{payee.zh}向该{payer_zh}付款的秒数",
        )  # fmt: skip
        yield Feature(
            name="cycles_of_three", group="motifs", unit="count", what="cycles",
            en=f"ways of the money back to this {payer_en} over one more",
            zh=f"资金经另一方回流至该{payer_zh}的路径数",
        )  # fmt: skip
        yield Feature(
            name="received_since", group="motifs", unit="seconds", what="received",
            en=f"seconds since this {payer_en} was paid", zh=f"距该{payer_zh}上次收款的秒数",
        )  # fmt: skip
