"""Rates at a point follow from decisions, part by part."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.defect_detection.decide import decide
from apps.defect_detection.operating.at_point import rates
from apps.defect_detection.operating.boxes import OUTCOMES, Boxes, outcomes, usual_ranks, weights
from apps.defect_detection.operating.curves import curves, pg2_pb2
from apps.defect_detection.schema import Box, ClassRule, DetectionResult, ImageFacts, OperatingPoint
from tests.apps.defect_detection.operating.made import CLASSES, line, predictions

IMAGE = ImageFacts(width=640, height=640, channels=3, bits=8)
share = st.floats(0, 1).map(lambda value: round(value, 2))
severity = st.sampled_from(["critical", "major", "minor"])
sizes = st.lists(st.floats(0.1, 9).map(lambda mm: round(mm, 1)), max_size=3, unique=True).flatmap(
    lambda starts: st.tuples(
        *(
            st.fixed_dictionaries(
                {
                    "from_mm": st.just(mm),
                    "severity": st.sampled_from(["critical", "major", "minor", "ignore"]),
                }
            )
            for mm in sorted(starts)
        )
    )
)
rules = st.fixed_dictionaries(
    {},
    optional={"severity": severity, "min_side": st.floats(0, 60), "sizes": sizes},
)
limits = st.tuples(share, share).map(sorted)
points = st.builds(
    lambda low_high, own, classes, sized: OperatingPoint.model_validate(
        {
            "review_from": low_high[0],
            "threshold": low_high[1],
            "mm_per_pixel": 0.1,
            "sizes": sized,
            "classes": {
                name: {**rule, "review_from": pair[0], "threshold": pair[1]}
                for (name, rule), pair in zip(classes.items(), own, strict=False)
            },
        }
    ),
    limits,
    st.lists(limits, min_size=2, max_size=2),
    st.dictionaries(st.sampled_from(CLASSES), rules, max_size=2),
    sizes,
)
boxes = st.lists(
    st.tuples(st.sampled_from(CLASSES), share, st.floats(1, 90), st.floats(1, 90)), max_size=5
)


@settings(max_examples=150, deadline=None)
@given(st.lists(boxes, min_size=1, max_size=4), points)
def test_many_at_once_are_decided_as_one_by_one(
    pictures: list[list[tuple[str, float, float, float]]], point: OperatingPoint
) -> None:
    severities = {"pit": "minor", "scratch": "critical"}
    rows = [
        (owner, CLASSES.index(label), score, 5, 5, 5 + width, 5 + height)
        for owner, found in enumerate(pictures)
        for label, score, width, height in found
    ]
    table = np.array(rows, dtype=np.float64).reshape(-1, 7)
    label = table[:, 1].astype(np.int64)
    together = Boxes(
        owner=table[:, 0].astype(np.int64),
        label=label,
        score=table[:, 2],
        corners=table[:, 3:],
        usual=usual_ranks(CLASSES, severities)[label],  # type: ignore[arg-type]
    )
    one_by_one = [
        decide(
            DetectionResult(
                image=IMAGE,
                boxes=tuple(
                    Box.model_validate(
                        {
                            "x1": 5,
                            "y1": 5,
                            "x2": 5 + width,
                            "y2": 5 + height,
                            "label": label,
                            "score": score,
                            "severity": severities[label],
                        }
                    )
                    for label, score, width, height in found
                ),
            ),
            point,
        ).outcome
        for found in pictures
    ]
    said = outcomes(together, weights(together, CLASSES, point), CLASSES, point, len(pictures))
    assert [OUTCOMES[one] for one in said] == one_by_one


def test_escape_and_overkill_are_counted_by_part_not_by_picture() -> None:
    found = predictions(
        line("a-top", ["pit"], [], group="a"),
        line("a-side", ["pit"], [("pit", 0.9)], group="a"),
        line("b", ["pit"], []),
        line("c-top", [], [("pit", 0.8)], group="c"),
        line("c-side", [], [("pit", 0.7)], group="c"),
        line("d", [], []),
    )
    by_part = rates(found, OperatingPoint())
    assert (by_part.escape.losses, by_part.escape.units) == (1, 2)
    assert (by_part.overkill.losses, by_part.overkill.units) == (1, 2)
    by_picture = rates(found.by_picture(), OperatingPoint())
    assert (by_picture.escape.losses, by_picture.escape.units) == (2, 3)
    assert (by_picture.overkill.losses, by_picture.overkill.units) == (2, 3)


def test_what_a_person_is_asked_about_neither_escapes_nor_is_lost() -> None:
    found = predictions(line("a", ["pit"], [("pit", 0.4)]), line("b", [], [("pit", 0.4)]))
    at = rates(found, OperatingPoint(threshold=0.5, review_from=0.3))
    assert (at.escape.losses, at.overkill.losses) == (0, 0)
    assert (at.asked_bad.losses, at.asked_good.losses) == (1, 1)


def test_a_defect_is_missed_when_only_something_else_was_found() -> None:
    found = predictions(line("a", ["pit", "scratch"], [("pit", 0.9), ("scratch", 0.1)]))
    at = rates(found, OperatingPoint())
    assert at.escape.losses == 0
    assert (at.missed.losses, at.missed.units) == (1, 2)
    pit, scratch = at.classes
    assert (pit.missed.losses, scratch.missed.losses) == (0, 1)
    assert scratch.escape.losses == 0  # the part did not pass


def test_a_defect_that_the_rules_ignore_makes_no_part_bad() -> None:
    found = predictions(line("a", ["pit"], [("pit", 0.9)]))
    point = OperatingPoint(classes={"pit": ClassRule(min_side=1000)})
    at = rates(found, point)
    assert at.escape.units == 0
    assert (at.overkill.losses, at.overkill.units) == (0, 1)


def test_what_lies_under_a_mask_is_neither_a_defect_nor_a_find() -> None:
    mask = {"corners": [[0, 0], [0.08, 0], [0.08, 0.2], [0, 0.2]]}
    found = predictions(
        line("a", ["pit"], [("pit", 0.9)]), line("b", ["pit", "pit"], [("pit", 0.9)])
    )
    point = OperatingPoint.model_validate({"picture": {"masks": [mask]}})
    at = rates(found, point)
    assert (at.overkill.losses, at.overkill.units) == (0, 1)
    assert (at.escape.losses, at.escape.units) == (1, 1)
    assert rates(found, OperatingPoint()).escape.units == 2


def test_finds_on_nothing_are_counted_per_picture() -> None:
    found = predictions(line("a", [], [("pit", 0.9), ("pit", 0.8)]), line("b"))
    assert rates(found, OperatingPoint()).false_finds == 1.0


def test_the_curves_are_the_rates_at_each_threshold() -> None:
    random = np.random.default_rng(3)
    found = predictions(
        *(
            line(f"{n}", ["pit"] if n % 2 else [], [("pit", round(random.random(), 3))])
            for n in range(40)
        )
    )
    drawn = curves(found, OperatingPoint())
    for place in (0, 60, 120, 198):
        at = drawn.thresholds[place]
        one = rates(found, OperatingPoint(threshold=at, review_from=at))
        assert drawn.escape.losses[place] == one.escape.losses
        assert drawn.overkill.losses[place] == one.overkill.losses
        assert drawn.overkill.high[place] == pytest.approx(one.overkill.high, abs=1e-6)


def test_pg2_and_pb2_lose_at_most_two_in_a_hundred() -> None:
    lines = [line(f"bad-{n}", ["pit"], [("pit", 0.10 + n / 200)]) for n in range(100)]
    lines += [line(f"good-{n}", [], [("pit", n / 250)]) for n in range(1, 101)]
    pair = pg2_pb2(predictions(*lines), OperatingPoint())
    # Two of the bad ones may be missed: the threshold is the third one's score.
    assert pair.pg2_threshold == pytest.approx(0.11)
    assert pair.pg2.losses == sum(n / 250 < 0.11 for n in range(1, 101))
    # Two of the good ones may be lost: the threshold lies just above the third best's score.
    assert pair.pb2_threshold == pytest.approx(98 / 250)
    assert pair.pb2.losses == sum(0.10 + n / 200 > 98 / 250 for n in range(100))


def test_pg2_needs_bad_parts_and_pb2_good_ones() -> None:
    pair = pg2_pb2(predictions(line("a", ["pit"], [("pit", 0.9)])), OperatingPoint())
    assert pair.pg2.value is None
    assert pair.pb2.value is None
