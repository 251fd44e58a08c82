"""Rows that a parsing step left out are lines of `manage.py predict`, by what its meta says."""

from loupe.contract.runtime.payload import JsonValue
from loupe.jobs.offline.bad_rows import bad_rows

ROW: dict[str, JsonValue] = {
    "line": 5, "field": "cents", "value": "x", "code": "not_whole", "warning": False,
    "en": "A whole number is needed.", "zh": "需要整数。",
}  # fmt: skip


def test_a_row_that_was_left_out_is_refused_with_line_field_value_and_reason() -> None:
    listed: list[JsonValue] = [ROW]
    (line,) = bad_rows("a.csv", {"problems": {"counts": {"not_whole": 1}, "listed": listed}})
    assert line == {
        "status": "refused",
        "name": "a.csv",
        "line": 5,
        "error": {
            "code": "not_whole",
            "message": "line 5, cents = 'x': A whole number is needed.",
            "message_zh": "需要整数。",
            "field": "cents",
            "value": "x",
        },
    }


def test_what_is_odd_and_used_is_a_warning_and_the_rest_is_counted() -> None:
    listed: list[JsonValue] = [{**ROW, "warning": True, "field": ""}]
    odd, more = bad_rows("a.csv", {"problems": {"counts": {"not_whole": 1200}, "listed": listed}})
    assert odd["warning"]["message"] == "line 5: A whole number is needed."
    assert "error" not in odd
    assert more["warning"]["code"] == "more_bad_rows"
    assert "1,200 rows" in more["warning"]["message"]


def test_a_step_that_says_nothing_of_rows_has_no_such_lines() -> None:
    assert list(bad_rows("a.csv", {"kind": "rows"})) == []
