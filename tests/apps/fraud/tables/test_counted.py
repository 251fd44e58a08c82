"""Where bad rows are counted, a reason is a whole sentence in both languages."""

from apps.fraud.tables.counted import reason_of_many
from apps.fraud.tables.problems import REASONS


def test_no_reason_of_many_rows_has_a_place_to_fill_in() -> None:
    for code, told in REASONS.items():
        said = reason_of_many(code)
        assert "{" not in said.en + said.zh, code
        assert said.en.endswith(".")
        assert said.zh.endswith("。")
        assert (said == told) == ("{allowed}" not in told.en), code
