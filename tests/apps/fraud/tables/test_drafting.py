"""Promises of files that count time: proposed with a unit, asked for the start, read from it."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from apps.fraud.scheme import CARD_PAYMENTS
from apps.fraud.tables.guesses import Guess
from apps.fraud.tables.guessing import guess
from apps.fraud.tables.parsing import parse
from apps.fraud.tables.proposing import propose
from apps.fraud.tables.starts import Start
from loupe.contract.runtime.errors import InputRefused
from tests.apps.fraud.tables.files import context, written

NOON = Start(datetime(2026, 1, 1, 12, tzinfo=UTC))
NOON_MS = 1_767_268_800_000
IEEE_CIS = "TransactionID,isFraud,TransactionDT,TransactionAmt,ProductCD,card1,P_emaildomain"
HANDBOOK = "TRANSACTION_ID,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_TIME_DAYS,TX_TIME_SECONDS,TX_FRAUD"


def made(tmp_path: Path, head: str, row: str, count: int = 300) -> Path:
    """A CSV file; ``{n}`` is the row's number, ``{step}`` its third, ``{few}`` one of seven."""
    lines = [head, *(row.format(n=n, step=n // 3, few=n % 7, v="0.5") for n in range(count))]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def timed(found: Guess) -> Mapping[str, object]:
    time = found.draft["time"]
    assert isinstance(time, dict)
    return time


@pytest.mark.parametrize(
    ("head", "row", "column", "form"),
    [
        ("step,type,amount,nameOrig,isFraud", "{step},CASH,{n}.64,C{few},0", "step", "since_h"),
        ("step,type,amount,nameOrig,isFraud", "1,CASH,{n}.64,C{few},0", "step", "since_h"),
        ("Time,V1,Amount,Class,user", "{step}.0,{v}{n},{n}.5,0,u{few}", "Time", "since_s"),
        (HANDBOOK, "{n},{few},{few},{n}.57,0,{n},0", "TX_TIME_SECONDS", "since_s"),
        (IEEE_CIS, "{n},0,86{n:03d},{n}.5,W,1{few},a.com", "TransactionDT", "since_s"),
        ("when_it_was,amount,user", "{step},{n}.5,u{few}", "when_it_was", "since_s"),
    ],
    ids=["paysim", "paysim_first_hour", "ulb", "handbook", "ieee_cis", "by_values"],
)
def test_a_count_is_proposed_with_its_unit_and_its_start_is_asked(
    tmp_path: Path, head: str, row: str, column: str, form: str
) -> None:
    found = guess(made(tmp_path, head, row), CARD_PAYMENTS)
    assert found.mapping is None
    assert found.needs_start
    question = next(one for one in found.questions if one.code == "time.start")
    assert question.column == column
    assert repr(column) in question.en
    assert "no dates" in question.en
    assert f"“{column}”" in question.zh
    assert timed(found) == {"column": column, "timezone": "UTC", "format": form}
    assert question.as_json()["choices"] == []


def test_with_a_start_nothing_is_asked_and_the_rows_are_counted_from_it(tmp_path: Path) -> None:
    path = made(tmp_path, "step,amount,nameOrig", "{step},{n}.64,C{few}")
    found = guess(path, CARD_PAYMENTS, NOON)
    assert found.questions == ()
    assert found.mapping is not None
    times = parse(path, context(found.mapping)).arrays["event_time"]
    assert times.tolist() == [NOON_MS + n // 3 * 3_600_000 for n in range(300)]
    days = guess(path, CARD_PAYMENTS, Start(NOON.moment, "since_d")).mapping
    assert days is not None
    times = parse(path, context(days)).arrays["event_time"]
    assert times.tolist() == [NOON_MS + n // 3 * 86_400_000 for n in range(300)]


@pytest.mark.parametrize("form", ["jsonl", "parquet", "arrow"])
def test_numbers_with_a_fraction_of_zero_are_counts_in_every_format(
    tmp_path: Path, form: str
) -> None:
    told = [{"Time": float(n // 2), "amount": n + 0.5, "user": f"u{n % 5}"} for n in range(99)]
    found = guess(written(tmp_path / "t", form, told), CARD_PAYMENTS, NOON)
    assert found.mapping is not None
    times = parse(tmp_path / "t", context(found.mapping)).arrays["event_time"]
    assert times.tolist() == [NOON_MS + n // 2 * 1000 for n in range(99)]


def test_a_file_may_say_its_start_as_it_is_sent_and_never_is_one_made_up(tmp_path: Path) -> None:
    path = made(tmp_path, "step,amount,nameOrig", "{step},{n}.64,C{few}")
    with pytest.raises(InputRefused) as refused:
        parse(path, context(None))
    assert refused.value.code == "mapping_missing"
    assert "'step' holds counts (from 0 to 99 in the first rows)" in refused.value.message
    assert "send the fact start with the file, such as 2026-01-01" in refused.value.message
    times = parse(path, context(None, start="hours since 2026-01-01T12:00:00Z")).arrays
    assert times["event_time"][3] == NOON_MS + 3_600_000
    with pytest.raises(InputRefused) as refused:
        parse(path, context(None, start="2098-01-01"))
    assert refused.value.code == "start_ahead"
    mapping = guess(path, CARD_PAYMENTS, NOON).mapping
    with pytest.raises(InputRefused, match="a mapping too"):
        parse(path, context(mapping, start="2026-01-01"))


def test_a_label_that_is_counted_has_the_same_start_and_the_units_of_its_name(
    tmp_path: Path,
) -> None:
    head = "step,amount,nameOrig,isFraud,label_time,label_time_days"
    path = made(tmp_path, head.replace(",label_time,", ",other,"), "{step},{n}.5,C{few},0,x,{n}")
    found = guess(path, CARD_PAYMENTS)
    assert [one.code for one in found.questions] == ["time.start"]
    assert found.draft["label_time"] == {
        **{"column": "label_time_days", "timezone": "UTC", "format": "since_d"}
    }
    path = made(tmp_path, head.replace(",label_time_days", ""), "{step},{n}.5,C{few},0,{n}")
    mapping = guess(path, CARD_PAYMENTS, NOON).mapping
    assert mapping is not None
    assert mapping.label_time is not None
    assert (mapping.label_time.format, mapping.label_time.zero) == ("since_h", mapping.time.zero)


def test_times_that_are_written_out_come_first_and_need_no_start(tmp_path: Path) -> None:
    head, row = HANDBOOK + ",TX_DATETIME", "{n},{few},{few},{n}.57,0,{n},0,2018-04-01 00:00:0{few}"
    path = made(tmp_path, head, row)
    found = guess(path, CARD_PAYMENTS)
    assert found.questions == ()
    assert timed(found)["column"] == "TX_DATETIME"
    with pytest.raises(InputRefused, match="'TX_DATETIME' are written out") as refused:
        guess(path, CARD_PAYMENTS, NOON)
    assert refused.value.code == "start_unused"


@pytest.mark.parametrize(
    ("head", "row"),
    [
        ("row,amount,user", "{n},{n}.5,u{few}"),
        ("booked_on,amount,user", "2024010{few},{n}.5,u{few}"),
        ("flag,amount,user", "0,{n}.5,u{few}"),
    ],
    ids=["number_of_the_row", "date_in_one_number", "constant"],
)
def test_what_is_no_count_of_time_is_not_proposed(tmp_path: Path, head: str, row: str) -> None:
    found = guess(made(tmp_path, head, row), CARD_PAYMENTS)
    assert not found.needs_start
    assert [one.code for one in found.questions] == ["time"]


def test_a_flag_that_fraud_was_reported_is_no_time_of_a_label(tmp_path: Path) -> None:
    path = made(tmp_path, "time,amount,user,fraud_reported", "2024-01-01,{n}.5,u{few},0")
    assert {one.column: one.role for one in guess(path, CARD_PAYMENTS).columns}[
        "fraud_reported"
    ] == "label"


def test_cards_without_customers_are_told_that_somebody_must_pay(tmp_path: Path) -> None:
    draw = random.Random(3)
    names = [f"V{n}" for n in range(1, 29)]
    rows = [
        [str(n), *(f"{draw.gauss(0, 1):.9f}" for _ in names), f"{n % 90}.50", '"0"']
        for n in range(300)
    ]
    path = tmp_path / "creditcard.csv"
    head = ",".join(f'"{name}"' for name in ("Time", *names, "Amount", "Class"))
    path.write_text("\n".join([head, *map(",".join, rows)]) + "\n")
    found = guess(path, propose(path), NOON)
    assert found.mapping is None
    (question,) = found.questions
    assert question.code == "entity.customer"
    assert "Every transaction names who pays" in question.en
    assert "每笔交易都要写明付款方" in question.zh


def test_a_count_of_time_is_no_attribute_of_the_proposed_scheme(tmp_path: Path) -> None:
    path = made(tmp_path, "step,type,amount,nameOrig", "{step},T{few},{n}.64,C{few}")
    assert [one.key for one in propose(path).attributes] == ["channel"]
