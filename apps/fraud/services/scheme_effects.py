"""What a change of the scheme does to what is there: told before it is saved."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from apps.fraud.features.catalogue import catalogue
from apps.fraud.rules.checking import check
from apps.fraud.rules.refusal import RuleRefused
from apps.fraud.rules.vocabulary import vocabulary
from apps.fraud.schema import Rule
from apps.fraud.scheme import EntityType, Scheme
from apps.fraud.services import deciding, mappings, rules
from apps.fraud.tables.mapping import Mapping
from loupe.contract.runtime.errors import LoupeError
from loupe.contract.text import Text
from loupe.host.people import Actor, Project

NAMED = 6
"""How many names a sentence holds."""
_EMBEDDED = re.compile(r"embedding_(.+_[0-9]+|age)$")


@dataclass(frozen=True, kw_only=True)
class Effect:
    """One thing that a change does. `stops`: something does not work until it is mended."""

    text: Text
    stops: bool = False


def of_change(actor: Actor, project: Project, old: Scheme, new: Scheme) -> list[Effect]:
    """What saving `new` does in the project; empty: nothing differs. Ask the policy before."""
    if old == new:
        return []
    read: list[str] = []
    name = ""
    try:
        version = deciding.now(actor, project).version
        read, name = _made(version.manifest), str(version)
    except LoupeError:
        pass  # no model is in production: none can lack a feature
    standing = rules.standing(actor, project)
    saved = {one.key: Mapping.model_validate(one.data) for one in mappings.newest(project.pk)}
    found = [
        *_model(old, new, read, name),
        *_rules(standing.used_rules or standing.rules, new),
        *_mappings(saved, old, new),
        *of_schemes(old, new),
    ]
    return sorted(found, key=lambda one: not one.stops)


def of_schemes(old: Scheme, new: Scheme) -> Iterator[Effect]:
    """What follows from the two schemes alone."""
    before, after = ({one.key: one for one in scheme.entities} for scheme in (old, new))
    for key, entity in after.items():
        if key not in before:
            yield _said(
                f"{entity.en}: its history begins now; transactions so far do not name it.",
                f"{entity.zh}：历史从现在开始；此前的交易没有记录它。",
            )
        else:
            yield from _identity(before[key], entity)
    for key, entity in before.items():
        if key not in after:
            yield _said(
                f"{entity.en}: its page, alerts and list entries stay and grow no more.",
                f"{entity.zh}：其页面、警报和名单条目保留，但不再增加。",
            )
    if old.currency != new.currency:
        yield _said(
            f"Amounts so far stay in {old.currency}: totals, limits of thresholds and amounts in "
            f"rules are read as {new.currency} from now on. Rates to {old.currency} no longer "
            "apply. A project of its own is the cleaner way.",
            f"此前的金额仍以 {old.currency} 计：汇总、阈值的金额区间和规则中的金额今后按 "
            f"{new.currency} 解读。兑 {old.currency} 的汇率不再适用。另建项目更为稳妥。",
            stops=True,
        )
    if old.timezone != new.timezone:
        yield _said(
            f"Hours, nights and weekends are told by the clocks of {new.timezone} from now on; "
            f"decisions so far keep those of {old.timezone}.",
            f"今后按 {new.timezone} 的时钟判断小时、夜间和周末；此前的判定保持 {old.timezone}。",
        )
    if old.label_delay != new.label_delay:
        yield _said(
            "Risk is told with another delay of labels: its features are made again from the log.",
            "风险特征采用新的标签延迟：将根据日志重新计算。",
        )
    if old.relations != new.relations:
        yield _said(
            "Rings are looked for by the new relations; rings found so far stay.",
            "今后按新的关联查找团伙；已发现的团伙保留。",
        )
    if catalogue(old) != catalogue(new):
        yield _said(
            "Live features are made again from the log, a little with each request; until they "
            "have caught up, those of the present scheme answer. Files that are being read keep "
            "the present scheme.",
            "实时特征将随每次请求逐步根据日志重新计算；完成之前仍使用当前方案。正在读取的文件保持当前方案。",
        )
    yield _said(
        "Decisions so far stay as they are and keep the scheme they were made by.",
        "此前的判定保持不变，并保留当时的方案。",
    )


def _identity(was: EntityType, now: EntityType) -> Iterator[Effect]:
    if was.hashed != now.hashed:
        how_en = "as keyed hashes" if now.hashed else "as they are sent"
        how_zh = "带密钥的散列" if now.hashed else "原样"
        yield _said(
            f"{now.en}: identifiers are kept {how_en} from now on and do not match those so far: "
            "its history, lists and alerts begin anew. What was stored before is not rewritten.",
            f"{now.zh}：标识符今后以{how_zh}保存，与此前的不再匹配：其历史、名单和警报重新开始。"
            "已存储的内容不会改写。",
        )
    elif was.built_from != now.built_from:
        yield _said(
            f"{now.en}: it is built from other attributes from now on, so fingerprints so far do "
            "not match.",
            f"{now.zh}：今后由其他属性构成，此前的指纹不再匹配。",
        )
    if was.role != now.role:
        yield _said(
            f"{now.en}: in another role it has other features.",
            f"{now.zh}：角色改变后特征也不同。",
        )


def _made(manifest: dict[str, Any]) -> list[str]:
    """The features that a model reads of transactions; embeddings do not hang on the scheme: who
    takes no part any more is told as somebody without a past."""
    names = manifest.get("features") or ()
    return [one for one in names if not (manifest.get("embeddings") and _EMBEDDED.match(one))]


def _model(old: Scheme, new: Scheme, read: Sequence[str], name: str) -> Iterator[Effect]:
    there = {one.name for one in catalogue(new)}
    lost = [feature for feature in read if feature not in there]
    if lost:
        names = _listed(lost)
        yield _said(
            f"{name} reads {len(lost)} features that would be gone ({names}): it cannot score "
            "until a model trained on the new scheme is in production.",
            f"{name} 读取的 {len(lost)} 个特征将不存在（{names}）：在按新方案训练的模型上线之前"
            "无法评分。",
            stops=True,
        )


def _rules(present: Sequence[Rule], new: Scheme) -> Iterator[Effect]:
    words = vocabulary(new)
    for rule in present:
        try:
            check(rule.when, words)
        except RuleRefused as refused:
            yield _said(
                f"Rule {rule.key} does not fit any more and will hold for nothing: "
                f"{refused.message}",
                f"规则 {rule.key} 不再适用，将不会成立：{refused.zh}",
                stops=True,
            )


def _mappings(saved: dict[str, Mapping], old: Scheme, new: Scheme) -> Iterator[Effect]:
    broken = [
        key for key, mapping in saved.items() if mapping.misfits(new) and not mapping.misfits(old)
    ]
    if broken:
        names = _listed(broken)
        yield _said(
            f"Saved meanings of columns no longer fit: {names}. Files that name them are refused "
            "until they are saved again.",
            f"已保存的列映射不再适用：{names}。重新保存之前，使用它们的文件会被拒绝。",
            stops=True,
        )


def _listed(names: Sequence[str]) -> str:
    more = f", … {len(names) - NAMED}" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _said(en: str, zh: str, *, stops: bool = False) -> Effect:
    return Effect(text=Text(en=en, zh=zh), stops=stops)
