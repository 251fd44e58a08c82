"""What workers and programs of the fraud app refuse with is said in Chinese too."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils.translation import override

from apps.fraud import app as declared
from apps.fraud.services.backtest_work import LEASING as BACKTESTS
from apps.fraud.services.explanation_work import LEASING as EXPLANATIONS
from apps.fraud.services.fitting_work import LEASING as FITS
from apps.fraud.tables.formats import TAKEN
from apps.fraud.tables.problems import REASONS
from loupe.console.said import translated
from loupe.contract.sentences import Sentences, read

APP = Path(declared.__file__).parent
TABLE = Sentences(read(APP / str(declared.App.sentences)))
REFUSING = (
    "explaining", "inference", "live/telling.py", "operating", "policy", "tables", "thresholds",
    "services/backtest_work.py", "services/compacting.py", "services/deciding_again.py",
    "services/embeddings.py",
    "services/explanation_work.py", "services/fitting_work.py", "services/shadow_work.py",
)  # fmt: skip
REFUSALS = {"InputRefused", "ModelRefused", "LoupeError", "TemporarilyUnavailable", "Unusable"}
SCHEDULED = {
    "retraining": "retrain", "rescoring": "rescore", "ringing": "refresh", "outbox": "tell_live",
}  # fmt: skip


def chinese(text: str | None) -> bool:
    return any("\u4e00" <= sign <= "\u9fff" for sign in text or "")


def refusals() -> Iterator[tuple[str, str]]:
    """Every sentence that code there refuses with, values filled in, and its code."""
    for place in REFUSING:
        path = APP / place
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            for call in ast.walk(ast.parse(file.read_text())):
                name = getattr(getattr(call, "func", None), "id", "")
                if isinstance(call, ast.Call) and name in REFUSALS and call.args:
                    said = filled(call.args[0])
                    # What is put together of other sentences has no words of its own.
                    if re.search("[a-z]", said):
                        yield said, code_of(call)


def filled(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if not isinstance(node, ast.JoinedStr):
        return ""
    parts = (each.value if isinstance(each, ast.Constant) else "17" for each in node.values)
    return "".join(map(str, parts))


def code_of(call: ast.Call) -> str:
    given = [each.value for each in call.keywords if each.arg == "code"]
    return str(given[0].value) if given and isinstance(given[0], ast.Constant) else ""


def test_every_sentence_that_refuses_has_its_chinese() -> None:
    told = list(refusals())
    assert len(told) > 40
    assert [(said, code) for said, code in told if not chinese(TABLE.in_chinese(said, code))] == []


@pytest.mark.parametrize("leasing", [BACKTESTS, EXPLANATIONS, FITS])
def test_workers_that_are_lost_again_and_again_are_told_in_chinese(leasing: object) -> None:
    said = str(getattr(leasing, "lost"))  # noqa: B009  # of three kinds of work
    assert chinese(TABLE.in_chinese(said, "worker_lost"))


def test_why_a_candidate_cannot_score_a_block_keeps_its_figures() -> None:
    said = (
        "3 of the model's 157 features are missing, feature.hour first. The model was trained for "
        "another scheme or other groups of features: train one for this project."
    )
    for code in ("feature_missing", "nothing_taken", ""):
        told = str(TABLE.in_chinese(said, code))
        assert chinese(told)
        assert ("157" in told, "feature.hour" in told) == (True, True)


@pytest.mark.parametrize(
    "said",
    [
        "Not one of 3 rows can be used. The first, line 2, amount = 'x': The amount is infinite. "
        "Look at the mapping, then try again.",
        "The project has no mapping, and the file leaves something open: In 'Betrag', is the comma "
        "a decimal sign (1,234 = 1.234)? Open the mapping page, answer it and save.",
        "The project has no mapping, and the file leaves its start open: 'step' holds counts (from "
        "1 to 743 in the first rows), no dates. They look like hours since a start that the file "
        "does not name. When was the count 0, and is the unit right? Open the mapping page, answer "
        "it and save; or send the fact start with the file, such as 2026-01-01 or 'days since "
        "2026-01-01' (predict --fact start=2026-01-01).",
        "The project has no mapping, and the file leaves something open: Which column is the "
        "payer? Every transaction names who pays, since features tell of a payer's own history. "
        "Open the mapping page, answer it and save.",
        "'step' counts from 2098-01-01 00:00 UTC, which is still to come; give the start of what "
        "is in the file.",
        "'soon' is no start of a count: give a date or a time to the second, from 1970 to 2099, "
        "such as 2026-01-01 or 2026-01-01T00:00:00Z.",
        f"The file is empty; {TAKEN}.",
        "The table has 100,000 columns; at most 2,000 are taken. Leave out those that are not "
        "needed.",
    ],
)
def test_why_a_table_cannot_be_read_is_chinese_to_the_end(said: str) -> None:
    told = str(TABLE.in_chinese(said))
    assert chinese(told)
    assert not re.search(r"[a-z]{4,} [a-z]{2,} [a-z]{2,}", told), told


def test_every_reason_of_a_bad_row_is_known_as_a_sentence() -> None:
    for reason in REASONS.values():
        assert chinese(TABLE.in_chinese(reason.en.format(allowed="17"))), reason.en


def test_what_schedules_did_has_its_chinese() -> None:
    said = []
    for name, verb in SCHEDULED.items():
        tree = ast.parse((APP / "services" / f"{name}.py").read_text())
        (made,) = [
            one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name == verb
        ]
        told = [each for each in ast.walk(made) if isinstance(each, ast.Return) and each.value]
        said += [filled(each.value) for each in told if each.value is not None]
    known = [one for one in said if one]
    assert len(known) == 7
    put_together = [
        "4 backtests and 2 shadow runs woken",
        "4 backtests and 2 shadow runs woken; 1 fits of thresholds and 0 explanations too",
        "12 alerts scored again by payments v3",
        "12 alerts scored again by payments v3; 7 transactions could not be",
        "90 transactions in 2 segments, 281 bytes each: nothing is old enough to be compacted",
        "90 transactions in 2 segments, 281 bytes each; 3 segments are left for the next turn",
        "no model here reads embeddings",
        "ours v3: 410 entities of 9000 transactions",
        "ours v3: 410 entities of 9000 transactions; those before were 24.0 h old",
        "ours v3: 410 entities of 9000 transactions; those before were 24.0 h old; ours v4: 410 "
        "entities of 9000 transactions; those before were 24.1 h old",
        "90 transactions in 2 segments, 120 bytes each, 281 before",
        "90 transactions in 2 segments, 120 bytes each, 281 before; 3 segments are left for the "
        "next turn",
    ]
    for one in known + put_together:
        assert chinese(TABLE.in_chinese(one)), one


def test_a_page_in_chinese_shows_the_refusal_in_chinese() -> None:
    with override("zh-hans"):
        assert chinese(translated(BACKTESTS.lost, "worker_lost"))
    with override("en"):
        assert translated(BACKTESTS.lost, "worker_lost") == BACKTESTS.lost
