"""A fit keeps its promise on the parts it certifies, and says what is missing where it cannot."""

import numpy as np
import pytest
from pydantic import ValidationError

from apps.defect_detection.operating.at_point import rates
from apps.defect_detection.operating.boxes import IGNORED
from apps.defect_detection.operating.fit import fit
from apps.defect_detection.operating.limits import Limit, Promise
from apps.defect_detection.operating.losses import weighed
from apps.defect_detection.operating.predictions import Predictions
from apps.defect_detection.operating.splitting import certifying
from apps.defect_detection.schema import ClassRule, OperatingPoint, SizeRule
from loupe.contract.runtime.errors import InputRefused
from tests.apps.defect_detection.operating.made import line, predictions

ESCAPE = Limit(kind="escape", at_most=0.03)
OVERKILL = Limit(kind="overkill", at_most=0.03)
RULES = OperatingPoint()


def many(bad: int = 400, good: int = 400, seed: int = 0, **more: str) -> Predictions:
    """Bad parts that score high, good ones that score low, two classes in turn."""
    random = np.random.default_rng(seed)
    lines = [
        line(f"bad-{n}", [label], [(label, round(random.beta(9, 2), 4))], **more)
        for n, label in ((n, ("pit", "scratch")[n % 2]) for n in range(bad))
    ]
    lines += [
        line(f"good-{n}", [], [(("pit", "scratch")[n % 2], round(random.beta(2, 9), 4))], **more)
        for n in range(good)
    ]
    return predictions(*lines)


def test_an_escape_limit_is_certified_on_parts_that_did_not_choose() -> None:
    found = many()
    fitted = fit(found, RULES, Promise(limits=(ESCAPE,)))
    assert fitted.certificate.holds
    assert fitted.point.threshold == fitted.point.review_from
    asks = certifying(found, weighed(found, RULES).worst > IGNORED)
    at = rates(found, fitted.point, parts=asks)
    one = fitted.certificate.found[0]
    assert (one.certified_on.losses, one.certified_on.parts) == (at.escape.losses, 200)
    assert one.chosen_on.parts == 200
    assert one.missing == 0


def test_a_stricter_limit_never_gives_a_higher_threshold() -> None:
    found = many()
    thresholds = [
        fit(found, RULES, Promise(limits=(Limit(kind="escape", at_most=x),))).point.threshold
        for x in (0.02, 0.05, 0.1, 0.2)
    ]
    assert thresholds == sorted(thresholds)


def test_both_limits_leave_what_lies_between_to_a_person_or_meet_midway() -> None:
    found = many()
    apart = fit(found, RULES, Promise(limits=(ESCAPE, OVERKILL))).point
    assert apart.review_from <= apart.threshold
    easy = Promise(limits=(Limit(kind="escape", at_most=0.4), Limit(kind="overkill", at_most=0.4)))
    together = fit(found, RULES, easy)
    assert together.point.review_from == together.point.threshold
    assert together.certificate.holds


def test_each_class_gets_a_threshold_of_its_own() -> None:
    random = np.random.default_rng(1)
    lines = [line(f"p{n}", ["pit"], [("pit", 0.5 + 0.4 * random.random())]) for n in range(300)]
    lines += [
        line(f"s{n}", ["scratch"], [("scratch", 0.2 + 0.2 * random.random())]) for n in range(300)
    ]
    fitted = fit(
        predictions(*lines),
        RULES,
        Promise(limits=(Limit(kind="escape", at_most=0.05),), by_class=True),
    )
    assert fitted.certificate.holds
    assert fitted.point.threshold_of("pit") > 0.45
    assert 0.15 < fitted.point.threshold_of("scratch") < 0.3


def test_a_limit_of_one_class_counts_only_parts_with_that_class() -> None:
    found = many()
    limit = Limit(kind="escape", at_most=0.1, label="scratch")
    one = fit(found, RULES, Promise(limits=(limit,))).certificate.found[0]
    assert one.chosen_on.parts + one.certified_on.parts == 200


def test_a_limit_on_severe_defects_counts_only_parts_with_one() -> None:
    rules = OperatingPoint(classes={"scratch": ClassRule(severity="critical")})
    limit = Limit(kind="escape", at_most=0.1, severity="critical")
    one = fit(many(), rules, Promise(limits=(limit,))).certificate.found[0]
    assert one.chosen_on.parts + one.certified_on.parts == 200


def test_size_rules_in_mm_say_which_parts_are_bad_and_stay_in_the_point() -> None:
    rules = OperatingPoint(
        mm_per_pixel=0.1,
        classes={"scratch": ClassRule(sizes=(SizeRule(from_mm=0, severity="ignore"),))},
    )
    fitted = fit(many(), rules, Promise(limits=(ESCAPE,)))
    one = fitted.certificate.found[0]
    assert one.chosen_on.parts + one.certified_on.parts == 200  # only the pits
    assert fitted.point.classes["scratch"].sizes == rules.classes["scratch"].sizes
    assert fitted.point.mm_per_pixel == 0.1


def test_counting_defects_is_stricter_than_counting_parts() -> None:
    lines = [line(f"{n}", ["pit", "scratch"], [("pit", 0.9), ("scratch", 0.3)]) for n in range(400)]
    limit = Limit(kind="escape", at_most=0.05)
    by_part = fit(predictions(*lines), RULES, Promise(limits=(limit,)))
    by_defect = fit(predictions(*lines), RULES, Promise(limits=(limit,), count="defects"))
    assert by_part.point.threshold == pytest.approx(0.9)
    assert by_defect.point.threshold == pytest.approx(0.3)


def test_too_few_parts_say_how_many_are_missing() -> None:
    perfect = [line(f"{n}", ["pit"], [("pit", 0.9)]) for n in range(100)]
    limit = Limit(kind="escape", at_most=0.02)
    fitted = fit(predictions(*perfect), RULES, Promise(limits=(limit,)))
    one = fitted.certificate.found[0]
    assert not fitted.certificate.holds
    assert one.missing == 2 * (149 - 50)  # half of what comes will certify
    more = [line(f"{n}", ["pit"], [("pit", 0.9)]) for n in range(100 + one.missing)]
    assert fit(predictions(*more), RULES, Promise(limits=(limit,))).certificate.holds


def test_no_number_of_parts_helps_a_model_that_misses_too_many() -> None:
    blind = [line(f"{n}", ["pit"], [("pit", 0.9)] if n % 5 else []) for n in range(300)]
    fitted = fit(predictions(*blind), RULES, Promise(limits=(ESCAPE,)))
    assert not fitted.certificate.holds
    assert fitted.certificate.found[0].missing is None


def test_without_good_parts_overkill_is_not_certified() -> None:
    fitted = fit(many(good=0), RULES, Promise(limits=(OVERKILL,)))
    one = fitted.certificate.found[0]
    assert not one.holds
    assert one.certified_on.value is None
    assert one.missing == 2 * 99


def test_validation_chooses_and_test_certifies_where_there_are_both() -> None:
    both = predictions(
        *(line(f"v{n}", ["pit"], [("pit", 0.8)], split="val") for n in range(120)),
        *(line(f"t{n}", ["pit"], [("pit", 0.8)], split="test") for n in range(160)),
        *(line(f"x{n}", ["pit"], [("pit", 0.8)], split="train") for n in range(50)),
    )
    one = fit(both, RULES, Promise(limits=(ESCAPE,))).certificate.found[0]
    assert (one.chosen_on.parts, one.certified_on.parts) == (120, 160)


def test_a_part_on_both_sides_of_the_split_never_certifies() -> None:
    both = predictions(
        line("a1", ["pit"], group="a", split="val"),
        line("a2", ["pit"], group="a", split="test"),
        line("b", ["pit"], split="test"),
        line("c1", ["pit"], group="c", split="train"),
        line("c2", ["pit"], group="c", split="test"),
    ).held_out()
    assert both.parts == ("a", "b")
    assert certifying(both, np.array([True, True])).tolist() == [False, True]


def test_more_data_leaves_every_part_on_its_side_nearly() -> None:
    few, lots = many(200, 0), many(220, 0)
    first = certifying(few, np.ones(200, dtype=bool))
    second = certifying(lots, np.ones(220, dtype=bool))[:200]
    assert (first == second).mean() > 0.9


def test_thresholds_set_by_hand_for_a_class_give_way_to_a_common_one() -> None:
    rules = OperatingPoint(classes={"pit": ClassRule(threshold=0.99, severity="critical")})
    fitted = fit(many(), rules, Promise(limits=(ESCAPE,)))
    assert fitted.point.threshold_of("pit") == fitted.point.threshold
    assert fitted.point.classes["pit"].severity == "critical"


def test_only_training_pictures_are_refused() -> None:
    with pytest.raises(InputRefused, match="was trained on"):
        fit(many(split="train"), RULES, Promise(limits=(ESCAPE,)))


def test_an_unknown_class_is_refused_with_those_there_are() -> None:
    limit = Limit(kind="escape", at_most=0.1, label="dent")
    with pytest.raises(InputRefused, match=r"no class 'dent'; the classes are: pit, scratch"):
        fit(many(), RULES, Promise(limits=(limit,)))


def test_the_same_limit_twice_is_refused() -> None:
    with pytest.raises(ValidationError, match="twice"):
        Promise(limits=(ESCAPE, Limit(kind="escape", at_most=0.5)))


def test_a_damaged_line_is_named() -> None:
    with pytest.raises(InputRefused, match="Line 2 of the predictions"):
        predictions(line("a"), '{"name": "b"')
