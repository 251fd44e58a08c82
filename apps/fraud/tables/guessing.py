"""Guesses what the columns of a file mean, says why, and asks what cannot be known.

A guess rests on the column's name and on a sample of its values. What only a person can tell is a
question, never a guess: whether 03/04 is in March or in April, whether 1250 is in cents,
when a count of hours began.
"""

from collections.abc import Iterable
from pathlib import Path

from apps.fraud.scheme import Scheme
from apps.fraud.tables.delimited import Dialect
from apps.fraud.tables.dialects import dialect_of
from apps.fraud.tables.drafting import Sheet, draft, finished
from apps.fraud.tables.evidence import gathered
from apps.fraud.tables.formats import format_of
from apps.fraud.tables.guesses import ColumnGuess, Guess, Question
from apps.fraud.tables.role_scores import TAKEN_FROM, Scored, counted, scores
from apps.fraud.tables.sampling import sample
from apps.fraud.tables.starts import Start
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.text import Text

_CLOSE = 0.05
"""Two columns whose scores are nearer than this are asked about."""


def guess(path: Path, scheme: Scheme, start: Start | None = None) -> Guess:
    """Look at a file.

    Args:
        start: when a column that counts time began, if somebody said so; never guessed.

    Raises:
        InputRefused: it cannot be read at all, or has no row; or `start` has nothing to start.
    """
    form = format_of(path)
    dialect, certain = dialect_of(path) if form.textual else (Dialect(), True)
    names, table = sample(path, form, dialect)
    if not table.read:
        raise InputRefused("The file has no rows.", code="no_rows")
    sheet = Sheet(names, {name: gathered(raw) for name, raw in table.columns.items()})
    if not certain:
        sheet.questions.append(
            Question(
                code="encoding",
                column="",
                en=f"The file is not written in UTF-8. Is it {dialect.encoding}?",
                zh=f"文件不是 UTF-8 编码。是 {dialect.encoding} 吗？",
                choices=("cp1252", "gb18030"),
            )
        )
    taken = _assigned(sheet, scheme)
    for need, role in (
        ("time", "time"), ("amount", "amount"), ("payer", f"entity.{scheme.payer.key}"),
    ):  # fmt: skip
        if role not in taken and not (need == "payer" and scheme.payer.built_from):
            sheet.questions.append(_which(need, role, names, scheme))
    told = draft(sheet, scheme, taken, dialect, start)
    columns, questions = tuple(_told(sheet, taken)), tuple(sheet.questions)
    return Guess(form, columns, questions, told, finished(told, scheme))


def _told(sheet: Sheet, taken: dict[str, Scored]) -> Iterable[ColumnGuess]:
    by_column = {scored.column: scored for scored in taken.values()}
    nothing = Text(en="Neither its name nor its values tell.", zh="名称和值都无法判断。")
    for name in sheet.names:
        scored = by_column.get(name)
        seen = sheet.seen.get(name)
        yield ColumnGuess(
            column=name,
            role=scored.role if scored else "",
            confidence=min(1.0, scored.score) if scored else 0.0,
            reason=scored.reason if scored else nothing,
            samples=seen.samples if seen else (),
        )


def _assigned(sheet: Sheet, scheme: Scheme) -> dict[str, Scored]:
    """The best column for each role, the surest first; each column once."""
    scored = [
        one
        for name, seen in sheet.seen.items()
        for one in scores(name, seen, scheme)
        if one.score >= TAKEN_FROM
    ]
    scored.sort(key=lambda one: (-one.score, sheet.names.index(one.column)))
    taken: dict[str, Scored] = {}
    used: set[str] = set()
    for one in scored:
        if one.role not in taken and one.column not in used:
            taken[one.role] = one
            used.add(one.column)
    if "time" not in taken and (unnamed := _counts_up(sheet, used)) is not None:
        taken["time"] = unnamed
        used.add(unnamed.column)
    for role, best in taken.items():
        if role.startswith("attribute."):
            continue
        rivals = [
            one.column
            for one in scored
            if one.role == role and one.column not in used and best.score - one.score < _CLOSE
        ]
        if rivals and best.score < 0.9:
            sheet.questions.append(_which(role, role, (best.column, *rivals), scheme))
    return taken


def _counts_up(sheet: Sheet, used: set[str]) -> Scored | None:
    """Where no column is called a time and none holds times: one whose values never fall."""
    for name, seen in sheet.seen.items():
        found = seen.elapsed
        if name in used or found is None or not found.rising or found.numbering:
            continue
        if seen.kind != "truth" and seen.distinct_count > 2:
            return counted("time", name, seen, TAKEN_FROM)
    return None


_ROLES = {
    "time": Text(en="time", zh="时间"),
    "amount": Text(en="amount", zh="金额"),
    "payer": Text(en="payer", zh="付款方"),
    "id": Text(en="transaction's identifier", zh="交易标识符"),
    "currency": Text(en="currency", zh="货币"),
    "label": Text(en="label", zh="标签"),
    "label_time": Text(en="time of the label", zh="标签时间"),
}


def _which(what: str, role: str, columns: tuple[str, ...], scheme: Scheme) -> Question:
    named = {
        **_ROLES,
        **{f"entity.{entity.key}": Text(en=entity.en, zh=entity.zh) for entity in scheme.entities},
    }
    told = named.get(what, Text(en=what, zh=what))
    en, zh = f"Which column is the {told.en}?", f"哪一列是{told.zh}？"
    if what == "payer":
        en += " Every transaction names who pays, since features tell of a payer's own history."
        zh += "每笔交易都要写明付款方，因为特征讲的是付款方自己的历史。"
    return Question(code=role, column="", en=en, zh=zh, choices=columns[:200])
