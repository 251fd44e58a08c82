"""The benchmark is what it says: known members, fixed sizes, nothing held out used for tuning."""

import json

import numpy as np
import pytest

from apps.fraud.events import ENTITY, fields
from apps.fraud.rings import fitting
from apps.fraud.rings.baseline import components
from apps.fraud.rings.generator import (
    BANDS,
    CHECK_SEEDS,
    HELD_OUT_LOOKALIKES,
    HELD_OUT_SEEDS,
    HELD_OUT_SHAPES,
    LARGEST,
    SCHEME,
    SMALLEST,
    TUNED_LOOKALIKES,
    TUNED_SEEDS,
    TUNED_SHAPES,
    Planted,
    Setting,
    generate,
)
from apps.fraud.rings.lookalikes import LOOKALIKES
from apps.fraud.rings.matching import match
from apps.fraud.rings.measuring import NAMES
from apps.fraud.rings.scoring import MODEL, RISING, inputs
from apps.fraud.rings.shapes import SHAPES

SMALL = Setting(customers=5_000, days=30, each=1, honest_each=3)


def test_equal_seeds_give_equal_banks_with_rings_of_every_shape_and_band() -> None:
    (first, planted), (again, same) = generate(SMALL, 7), generate(SMALL, 7)
    assert planted == same
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert list(first) == list(fields(SCHEME))
    assert (np.diff(first["event_time"]) >= 0).all()
    for shape in SHAPES:
        sizes = sorted(len(ring.members) for ring in planted if ring.shape == shape)
        assert all(low <= size <= high for size, (low, high) in zip(sizes, BANDS, strict=True))


def test_members_are_customers_with_a_life_and_belong_to_one_ring() -> None:
    columns, planted = generate(SMALL, 8)
    members = [member for ring in planted for member in ring.members]
    assert len(members) == len(set(members))
    payers, counts = np.unique(columns[ENTITY + "customer"], return_counts=True)
    acting = np.isin(payers, members)
    assert acting.sum() > 0.9 * len(members)
    assert counts[acting].mean() > 4


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_has_a_place_for_each_of_its_members(shape: str) -> None:
    rng = np.random.default_rng(1)
    for size in (SMALLEST, 4, 5, 12, 30, LARGEST):
        plan = SHAPES[shape](rng, size)
        seen = np.concatenate([plan.flows[:, 0], plan.flows[:, 1], plan.uses[:, 0]]).astype(int)
        assert set(seen.tolist()) == set(range(size))
        assert (plan.flows[:, 0] != plan.flows[:, 1]).all()
        assert plan.tools.shape == (size, 2)
        assert min(plan.flows[:, 2].min(initial=0), plan.uses[:, 3].min(initial=0)) >= 0


@pytest.mark.parametrize("kind", LOOKALIKES)
def test_every_lookalike_lives_within_the_span(kind: str) -> None:
    rng = np.random.default_rng(2)
    for days in (30, 60):
        plan = LOOKALIKES[kind](rng, days)
        times = np.concatenate([plan.flows[:, 2], plan.uses[:, 3]])
        assert times.min() >= 0
        assert times.max() <= days * 86_400_000
        assert (plan.tools == -1).all()


def test_what_is_tuned_and_what_is_held_out_share_nothing() -> None:
    assert not set(TUNED_SHAPES) & set(HELD_OUT_SHAPES)
    assert {*TUNED_SHAPES, *HELD_OUT_SHAPES} == set(SHAPES)
    assert not set(TUNED_LOOKALIKES) & set(HELD_OUT_LOOKALIKES)
    assert {*TUNED_LOOKALIKES, *HELD_OUT_LOOKALIKES} == set(LOOKALIKES)
    assert not {*TUNED_SEEDS, *CHECK_SEEDS} & set(HELD_OUT_SEEDS)
    assert fitting.TUNING.shapes == TUNED_SHAPES
    assert fitting.TUNING.lookalikes == TUNED_LOOKALIKES


def test_the_shipped_trees_take_the_inputs_that_scoring_gives() -> None:
    told = json.loads(MODEL.read_bytes())
    names = list(inputs(np.zeros((0, len(NAMES)))))
    assert int(told["learner"]["learner_model_param"]["num_feature"]) == len(names)
    assert set(RISING) <= set(names)


def test_too_many_members_are_refused_with_their_number() -> None:
    with pytest.raises(ValueError, match="do not fit into 300 customers"):
        generate(Setting(customers=300, days=30), 1)


def test_found_means_most_members_and_little_else() -> None:
    planted = [Planted("star", frozenset("abcdefghij")), Planted("cycle", frozenset("klm"))]

    def found(*told: str) -> tuple[bool, ...]:
        return match(planted, [set(members) for members in told]).found

    assert found("abcdefg", "klm") == (True, True)  # 7 of 10 are enough
    assert found("abcdef", "kl") == (False, False)  # 6 of 10, 2 of 3
    assert found("abcdefghij0123456789") == (True, False)  # overlap of one half
    assert found("abcdefghij0123456789!") == (False, False)
    twice = match(planted, [set("abcdefghij"), set("abcdefghi"), set("xyz")])
    assert (twice.recall, twice.told) == (0.5, 3)
    assert twice.precision == pytest.approx(1 / 3)


def test_plain_components_fail_the_benchmark() -> None:
    columns, planted = generate(SMALL, 60)
    plain = match(planted, components(columns, SCHEME))
    assert plain.recall < 0.5
    assert plain.precision < 0.5


def test_plain_components_are_components() -> None:
    """Against the definition, pair by pair, on a small bank."""
    columns, _ = generate(
        Setting(customers=1_200, days=20, shapes=("star",), each=1, honest_each=1), 3
    )
    groups = components(columns, SCHEME, smallest=1)
    payers = set(columns[ENTITY + "customer"].tolist())
    assert set().union(*groups) == payers
    assert sum(map(len, groups)) == len(payers)
    where = {member: at for at, group in enumerate(groups) for member in group}
    caps = {entity.key: entity.degree_cap for entity in SCHEME.entities}
    for key in ("device", "address"):
        users: dict[str, set[str]] = {}
        rows = zip(
            columns[ENTITY + key].tolist(), columns[ENTITY + "customer"].tolist(), strict=True
        )
        for thing, payer in rows:
            users.setdefault(thing, set()).add(payer)
        for thing, sharers in users.items():
            if thing and len(sharers) <= caps[key]:
                assert len({where[payer] for payer in sharers}) == 1
