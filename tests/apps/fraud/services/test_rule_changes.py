"""What a version changed is told rule by rule, and the changes explain the new set."""

from hypothesis import given
from hypothesis import strategies as st

from apps.fraud.schema import Rule
from apps.fraud.services.rule_changes import diff

KEYS = st.lists(st.sampled_from("abcdefg"), unique=True)


def made(keys: list[str], limit: int = 5) -> list[Rule]:
    return [Rule(key=key, when=f"amount > {limit} EUR", outcome="block") for key in keys]


@given(KEYS, KEYS)
def test_what_is_added_removed_and_moved_explains_the_difference(
    old: list[str], new: list[str]
) -> None:
    told = diff(made(old), made(new))
    kinds = {kind: {one.key for one in told if one.kind == kind} for kind in ("added", "removed")}
    assert kinds["added"] == set(new) - set(old)
    assert kinds["removed"] == set(old) - set(new)
    moved = {one.key for one in told if one.kind == "moved"}
    # Without those that moved, both sets have the same order.
    kept = [key for key in old if key in new and key not in moved]
    assert kept == [key for key in new if key in old and key not in moved]


def test_moving_one_rule_is_one_change() -> None:
    (one,) = diff(made(list("abcde")), made(list("bcdea")))
    assert (one.kind, one.key) == ("moved", "a")


def test_a_changed_field_says_what_was_and_what_is() -> None:
    (one,) = diff(made(["a"]), made(["a"], 9))
    assert one.fields == (("when", "amount > 5 EUR", "amount > 9 EUR"),)
