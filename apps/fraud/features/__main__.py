"""``python -m apps.fraud.features [SCHEME.json]``: the catalogue of a scheme as a table.

Without a file it is that of the scheme a new project starts with, as docs/fraud.md shows it.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from apps.fraud.features import spans
from apps.fraud.features.catalogue import GROUPS, Feature, catalogue
from apps.fraud.scheme import CARD_PAYMENTS, Scheme


def table(scheme: Scheme) -> Iterator[str]:
    """Lines of Markdown: group, name, unit and words; one line for all windows of a feature."""
    yield "| group | feature | unit | what it says | 说明 |"
    yield "|---|---|---|---|---|"
    features = sorted(catalogue(scheme), key=lambda one: GROUPS.index(one.group))
    by_stem: dict[tuple[str, str], list[Feature]] = {}
    for feature in features:
        by_stem.setdefault((feature.group, _stem(feature)), []).append(feature)
    for (group, stem), same in by_stem.items():
        first = same[0]
        name, en, zh = f"`{first.name}`", first.en, first.zh
        if len(same) > 1:
            name = f"`{stem}_` + " + ", ".join(f"`{spans.short(one.window)}`" for one in same)
            in_en, in_zh = spans.worded(first.window)
            en = en.replace(f"within {in_en}", "within the window").replace(
                f"the {in_en}", "the window", 1
            )
            zh = zh.replace(f" {in_zh}", "窗口", 1).replace(in_zh, "窗口", 1)
        yield f"| {group} | {name} | {first.unit} | {en} | {zh} |"


def _stem(feature: Feature) -> str:
    """The name without its window."""
    span = f"_{spans.short(feature.window)}" if feature.window else ""
    return feature.name.removesuffix(span) if span else feature.name


def main(arguments: Sequence[str]) -> int:
    """Print the table."""
    scheme = CARD_PAYMENTS
    if arguments:
        scheme = Scheme.model_validate_json(Path(arguments[0]).read_text(encoding="utf-8"))
    print("\n".join(table(scheme)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
