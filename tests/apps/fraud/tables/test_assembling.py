"""Promises of mapping rows: each bad one is named with line, field and reason; good ones go on."""

import re
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.fraud.events import ATTRIBUTE, ENTITY, fields
from apps.fraud.money import Rate, Rates
from apps.fraud.scheme import CARD_PAYMENTS, Attribute, EntityType, Scheme
from apps.fraud.tables.assembling import Assembled, assemble
from apps.fraud.tables.declared import Declared
from apps.fraud.tables.mapping import Mapping
from apps.fraud.tables.problems import REASONS
from apps.fraud.tables.raw import Table, text_column
from apps.fraud.tables.time_column import TimeColumn
from loupe.contract.runtime.errors import InputRefused
from tests.apps.fraud.tables.files import MAPPING, ROW, context, rows

NOW = 1_750_000_000_000
SECRET = "ab" * 32


def table(told: list[dict[str, Any]]) -> Table:
    names = list(dict.fromkeys(name for row in told for name in row))
    columns = {name: text_column([row.get(name) for row in told]) for name in names}
    return Table(columns, np.arange(2, len(told) + 2))


def mapped(
    told: list[dict[str, Any]],
    mapping: Mapping = MAPPING,
    scheme: Scheme = CARD_PAYMENTS,
    **more: Any,
) -> Assembled:
    declared = Declared.of(context(mapping, scheme, **more)["context"])
    return assemble(table(told), mapping, declared, heard_at=NOW)


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"ref": ""}, "ref", "id_missing"),
    ({"ref": "x" * 201}, "ref", "too_long"),
    ({"ref": "a\x00b"}, "ref", "control_character"),
    ({"who": ""}, "who", "payer_missing"),
    ({"who": "y" * 129}, "who", "too_long"),
    ({"sum": ""}, "sum", "amount_missing"),
    ({"sum": "NaN"}, "sum", "amount_nan"),
    ({"sum": "inf"}, "sum", "amount_infinite"),
    ({"sum": "-3"}, "sum", "amount_negative"),
    ({"sum": "1e30"}, "sum", "amount_too_large"),
    ({"sum": "much"}, "sum", "amount_not_a_number"),
    ({"ccy": "ZZZ"}, "ccy", "currency_unknown"),
    ({"ccy": "USD"}, "ccy", "rate_missing"),
    ({"at": ""}, "at", "time_missing"),
    ({"at": "soon"}, "at", "time_unreadable"),
    ({"at": "2023-02-30"}, "at", "time_unreadable"),
    ({"at": "1999-12-31T23:59:59Z"}, "at", "time_out_of_span"),
    ({"at": "2099-01-01"}, "at", "time_out_of_span"),
    ({"fraud": "perhaps"}, "fraud", "label_unknown"),
]


@pytest.mark.parametrize(("changed", "field", "code"), BAD)
def test_a_bad_row_is_named_and_the_others_go_on(
    changed: dict[str, Any], field: str, code: str
) -> None:
    told = rows(3)
    told[1] |= changed
    found = mapped(told)
    assert found.columns["id"].tolist() == ["T-0", "T-2"]
    assert found.lines.tolist() == [2, 4]
    (problem,) = found.problems.listed
    assert (problem.line, problem.field, problem.code) == (3, field, code)
    assert problem.value.isprintable()
    assert problem.reason.en.endswith(".")
    assert problem.reason.zh.endswith("。")


HOURS = TimeColumn(column="at", format="since_h", start=datetime(2025, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("value", "code", "allowed"),
    [
        ("-1", "count_negative", "0 to 657,431"),
        ("1.5", "count_not_whole", "0 to 657,431"),
        ("NaN", "count_unreadable", "0 to 657,431"),
        ("2025-01-01", "count_unreadable", "0 to 657,431"),
        ("15811131", "count_past_2099", "0 to 657,431"),
        ("4000", "count_ahead", "later than 2025-06-16 15:06 UTC"),
        ("", "time_missing", ""),
    ],
)
def test_a_bad_count_is_named_with_what_is_allowed(value: str, code: str, allowed: str) -> None:
    told = rows(3, at="24")
    told[1]["at"] = value
    found = mapped(told, MAPPING.model_copy(update={"time": HOURS}))
    assert found.columns["event_time"].tolist() == [1_735_776_000_000] * 2
    (problem,) = found.problems.listed
    assert (problem.line, problem.field, problem.value) == (3, "at", value)
    assert problem.code == code
    assert allowed in problem.reason.en
    assert all(number in problem.reason.zh for number in re.findall(r"[\d,:-]{4,}", allowed))


def test_the_time_of_a_label_may_be_counted_too() -> None:
    told = rows(3, at="24", told="25", fraud="1")
    told[1]["told"] = "23"
    told[2]["told"] = "much later"
    days = TimeColumn(column="told", format="since_h", start=HOURS.start)
    found = mapped(told, MAPPING.model_copy(update={"time": HOURS, "label_time": days}))
    assert (found.columns["label_known_at"] - found.columns["event_time"]).tolist() == [3_600_000]
    codes = {one.line: one.code for one in found.problems.listed}
    assert codes == {3: "label_before_transaction", 4: "count_unreadable"}


def test_every_reason_is_given_in_both_languages_with_the_same_places() -> None:
    for text in REASONS.values():
        assert ("{allowed}" in text.en) == ("{allowed}" in text.zh)
        assert text.en != text.zh


def test_the_allowed_span_of_time_is_told() -> None:
    found = mapped(rows(1, at="1970-01-01"))
    assert "2000-01-01" in found.problems.listed[0].reason.en
    assert "2025-06-16" in found.problems.listed[0].reason.en


def test_a_clock_may_be_ahead_as_far_as_the_mapping_says() -> None:
    ahead = np.datetime_as_string(np.datetime64(NOW + 3_600_000, "ms"))
    assert len(mapped(rows(1, at=str(ahead)))) == 1
    strict = MAPPING.model_copy(update={"ahead": 60})
    assert mapped(rows(1, at=str(ahead)), strict).problems.counts == {"time_out_of_span": 1}


def test_labels_before_their_transaction_are_refused_and_others_have_their_time() -> None:
    mapping = MAPPING.model_copy(update={"label_time": TimeColumn(column="told")})
    told = rows(4, told="2024-05-07", fraud="1")
    told[1]["told"] = "2024-05-05"
    told[2] |= {"fraud": "", "told": ""}
    told[3]["told"] = ""
    found = mapped(told, mapping)
    assert [one.code for one in found.problems.listed] == ["label_before_transaction"]
    assert found.columns["label"].tolist() == [1, -1, 1]
    event = found.columns["event_time"]
    delay = CARD_PAYMENTS.label_delay * 1000
    assert found.columns["label_known_at"].tolist() == [1_715_040_000_000, -1, event[2] + delay]


def test_an_identifier_that_comes_again_with_another_body_is_refused() -> None:
    told = [*rows(2), {**rows(2)[0], "sum": "99"}, rows(2)[1]]
    found = mapped(told)
    assert found.columns["id"].tolist() == ["T-0", "T-1"]
    listed = {one.code: one for one in found.problems.listed}
    assert set(listed) == {"duplicate_id", "repeated_row"}
    assert listed["duplicate_id"].line == 4
    assert "line 2" in listed["duplicate_id"].reason.en
    assert found.problems.bad == 1


def test_a_bad_row_does_not_take_its_identifier_from_a_good_one() -> None:
    told = [{**rows(1)[0], "sum": "-1"}, rows(1)[0]]
    found = mapped(told)
    assert (len(found), dict(found.problems.counts)) == (1, {"amount_negative": 1})


def test_look_alikes_are_kept_apart_and_told() -> None:
    told = rows(2, who="paypal")
    told[1]["who"] = "раypal"
    found = mapped(told)
    assert len(set(found.columns[ENTITY + "customer"].tolist())) == 2
    assert [one.code for one in found.problems.listed] == ["lookalike"]
    assert found.problems.bad == 0


def test_only_so_many_are_listed_and_all_are_counted() -> None:
    told = table(rows(500, sum="-1"))
    told.problems.most = 10
    declared = Declared.of(context()["context"])
    found = assemble(told, MAPPING, declared, heard_at=NOW)
    assert (len(found.problems.listed), found.problems.counts) == (10, {"amount_negative": 500})
    assert len(found) == 0


def test_other_currencies_are_converted_at_the_rate_of_their_moment() -> None:
    rates = Rates(
        rates={
            "JPY": (
                Rate(from_time=0, rate="0.006"),
                Rate(from_time=1_714_979_289_000, rate="0.007"),
            )
        }
    )
    told = rows(2, ccy="jpy", sum="1000")
    told[0]["at"] = "2024-05-06T07:08:08Z"
    found = mapped(told, rates=rates.model_dump(mode="json"))
    assert found.columns["amount"].tolist() == [600, 700]
    assert found.columns["amount_original"].tolist() == [1000, 1000]
    assert found.columns["currency"].tolist() == ["JPY", "JPY"]


def test_hashed_entities_and_fingerprints_show_nothing_of_what_they_stand_for() -> None:
    scheme = Scheme(
        entities=(
            EntityType(key="customer", en="Customer", zh="客户", role="payer", hashed=True),
            EntityType(key="terminal", en="Terminal", zh="终端", role="payee"),
            EntityType(
                key="device", en="Device", zh="设备", role="instrument", built_from=("os", "screen")
            ),
        ),
        attributes=(
            Attribute(key="os", en="System", zh="系统"),
            Attribute(key="screen", en="Screen", zh="屏幕", kind="number"),
        ),
    )
    mapping = MAPPING.model_copy(update={"attributes": {"os": "os", "screen": "width"}})
    told = rows(4, os="ios", width="390.5")
    told[2] |= {"os": "", "width": ""}
    told[3]["width"] = "400"
    found = mapped(told, mapping, scheme, hash_key=SECRET)
    customers, devices = (found.columns[ENTITY + key] for key in ("customer", "device"))
    assert not any("C-" in one for one in customers.tolist())
    assert {len(one) for one in customers.tolist()} == {32}
    assert devices[0] == devices[1] != devices[3]
    assert devices[2] == ""
    assert found.columns[ATTRIBUTE + "screen"].tolist()[:2] == [390.5, 390.5]
    with pytest.raises(InputRefused, match="hash_key"):
        mapped(told, mapping, scheme)


def test_rows_without_identifiers_are_called_by_their_line() -> None:
    mapping = MAPPING.model_copy(update={"id": None})
    assert mapped(rows(2), mapping).columns["id"].tolist() == ["row-2", "row-3"]


def test_whole_minor_units_are_taken_as_they_are() -> None:
    mapping = MAPPING.model_copy(update={"amount_unit": "minor"})
    assert mapped(rows(1, sum="1234"), mapping).columns["amount"].tolist() == [1234]


VALUES = st.one_of(
    st.none(),
    st.text(max_size=12),
    st.sampled_from(["", "1.5", "-1", "NaN", "EUR", "USD", "1", "2024-01-01", "раypal", "x" * 300]),
)


@settings(deadline=None)
@given(st.lists(st.fixed_dictionaries(dict.fromkeys(ROW, VALUES)), min_size=1, max_size=25))
def test_any_row_is_either_good_or_named(told: list[dict[str, Any]]) -> None:
    found = mapped(told)
    assert set(found.columns) == set(fields(CARD_PAYMENTS))
    for name, kind in fields(CARD_PAYMENTS).items():
        assert found.columns[name].dtype.kind == kind.kind
        assert len(found.columns[name]) == len(found)
    named = {one.line for one in found.problems.listed}
    assert named | set(found.lines.tolist()) == set(range(2, len(told) + 2))
    assert len(found) == found.read - len(set(range(2, len(told) + 2)) - set(found.lines.tolist()))


def test_a_mapping_that_does_not_fit_the_scheme_is_refused_by_name() -> None:
    mapping = MAPPING.model_copy(update={"entities": {"wallet": "who"}})
    with pytest.raises(InputRefused, match=r"entities\.wallet is no entity"):
        Declared.of(context(mapping)["context"])
    with pytest.raises(InputRefused, match="scheme is not valid"):
        Declared.of({"scheme": {"entities": []}})


def test_a_mapping_survives_its_json() -> None:
    again = Mapping.model_validate_json(MAPPING.model_dump_json())
    assert (again, again.sha256) == (MAPPING, MAPPING.sha256)
