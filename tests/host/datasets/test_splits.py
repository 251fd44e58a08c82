"""Splits never tear a group or near-duplicates apart, and the same seed deals the same way."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loupe.accounts.policy import Actor
from loupe.blobs import services as blobs
from loupe.datasets import duplicates, grouping, manifest, services
from loupe.datasets.errors import DatasetRefused, VersionRefused
from loupe.datasets.models import Dataset, DatasetVersion, Record, Split
from loupe.datasets.splits import Unit, deal

SHARES = {Split.TRAIN.value: 0.7, Split.VAL.value: 0.2, Split.TEST.value: 0.1}

units = st.lists(
    st.builds(
        lambda key, size, classes: Unit(key=key, size=size, classes=classes),
        st.uuids().map(str),
        st.integers(1, 5),
        st.dictionaries(st.sampled_from("abc"), st.integers(1, 5), max_size=2),
    ),
    max_size=40,
    unique_by=lambda unit: unit.key,
)


@given(units=units, seed=st.integers(0, 5))
def test_every_unit_gets_one_split_whatever_their_order(units: list[Unit], seed: int) -> None:
    found = deal(units, SHARES, seed)
    assert found.keys() == {unit.key for unit in units}
    assert deal(units[::-1], SHARES, seed) == found


def test_shares_are_kept_for_records_and_for_each_class() -> None:
    kinds: list[dict[str, int]] = [{"rare": 1}] * 10 + [{"often": 1}] * 90 + [{"": 1}] * 100
    many = [Unit(key=f"{i}", size=1, classes=classes) for i, classes in enumerate(kinds)]
    found = deal(many, SHARES, 0)
    for chosen in (range(200), range(10), range(10, 100), range(100, 200)):
        counts = [sum(found[f"{i}"] == split for i in chosen) for split in SHARES]
        assert counts == [round(len(chosen) * share) for share in SHARES.values()]


def test_seeds_differ() -> None:
    many = [Unit(key=f"{i}", size=1, classes={"": 1}) for i in range(50)]
    assert deal(many, SHARES, 0) != deal(many, SHARES, 1)


@given(
    values=st.lists(st.integers(0, 2**64 - 1), max_size=60),
    flips=st.lists(st.tuples(st.integers(0, 59), st.integers(0, 63)), max_size=40),
    bits=st.integers(0, 7),
)
def test_clusters_are_those_of_comparing_every_pair(
    values: list[int], flips: list[tuple[int, int]], bits: int
) -> None:
    near = [*values, *(values[i] ^ (1 << bit) for i, bit in flips if i < len(values))]
    array = np.array(near, dtype=np.uint64)
    parent = list(range(len(near)))

    def root(index: int) -> int:
        while parent[index] != index:
            index = parent[index]
        return index

    for i in range(len(near)):
        for j in range(i):
            if (near[i] ^ near[j]).bit_count() <= bits:
                parent[root(i)] = root(j)
    expected = {
        frozenset(j for j in range(len(near)) if root(j) == root(i)) for i in range(len(near))
    }
    found = {frozenset(part.tolist()) for part in duplicates._components(array, bits)}
    assert found == expected


def test_a_product_that_always_looks_the_same_is_told_from_copies() -> None:
    rng = np.random.default_rng(0)
    same = {key: int(1 << int(rng.integers(0, 60))) for key in range(100)}
    copies = {1000: 2**62 + 12345678901, 1001: 2**62 + 12345678901}
    others = {2000 + key: int(rng.integers(-(2**63), 2**63 - 1)) for key in range(200)}
    found = duplicates.clusters({**same, **copies, **others})
    assert [1000, 1001] in found.groups()
    assert max(len(group) for group in found.groups()) <= 20


@pytest.mark.parametrize(
    ("name", "rule", "group"),
    [
        ("lot7/0012.jpg", "folder", "lot7"), ("a/lot7/1.jpg", "folder", "lot7"),
        ("0012.jpg", "folder", ""), ("x/00041012.jpg", "first:5", "00041"),
        ("12.jpg", "first:5", ""), ("lot7_12.jpg", "before:_", "lot7"),
        ("lot7.jpg", "before:_", ""), ("a.jpg", "", ""),
    ],
)  # fmt: skip
def test_groups_are_read_from_names(name: str, rule: str, group: str) -> None:
    assert grouping.group_of(name, grouping.check(rule)) == group


@pytest.mark.parametrize("rule", ["first:", "first:x", "first:0", "before:", "(a+)+$", "folder:1"])
def test_a_rule_that_says_nothing_known_is_refused(rule: str) -> None:
    with pytest.raises(DatasetRefused, match="says nothing known"):
        grouping.check(rule)


def fill(dataset: Dataset, actor: Actor, count: int, **more: object) -> list[Record]:
    made: list[Record] = []
    for number in range(count):
        data = b'{"value": %d}' % (number + 1000 * Record.objects.count())
        record = Record.objects.create(
            dataset=dataset,
            blob=blobs.store_bytes(data, "application/json"),
            name=f"{len(made)}-{Record.objects.count()}.json",
            fingerprint=int.from_bytes(data.ljust(8, b"x")[:8], "big") >> 1,
            **more,
        )
        made.append(services.save_labels(actor, record, {"scaled": float(number)}))
    return made


def test_a_version_keeps_groups_whole_and_is_the_same_again(
    engineer: Actor, dataset: Dataset
) -> None:
    for lot in range(12):
        fill(dataset, engineer, 3, group=f"lot {lot}")
    first = services.make_version(engineer, dataset, seed=4)
    again = services.make_version(engineer, dataset, seed=4)
    assert (first.number, again.number) == (1, 2)
    assert first.manifest_id == again.manifest_id
    splits: dict[str, set[str]] = {}
    for line in manifest.read(first.manifest):
        splits.setdefault(line.group, set()).add(line.split)
    assert len(splits) == 12
    assert all(len(each) == 1 for each in splits.values())
    assert set.union(*splits.values()) == {"train", "val", "test"}
    assert services.make_version(engineer, dataset, seed=5).manifest_id != first.manifest_id


def dealt(version: DatasetVersion) -> dict[str, str]:
    return {line.name: line.split for line in manifest.read(version.manifest)}


def test_records_keep_their_split_when_others_come(engineer: Actor, dataset: Dataset) -> None:
    for lot in range(12):
        fill(dataset, engineer, 3, group=f"lot {lot}")
    first = dealt(services.make_version(engineer, dataset, seed=4))
    for lot in range(12, 40):
        fill(dataset, engineer, 3, group=f"lot {lot}")
    second = dealt(services.make_version(engineer, dataset, seed=4))
    assert {name: second[name] for name in first} == first
    assert {second[name] for name in second if name not in first} == {"train", "val", "test"}
    anew = dealt(services.make_version(engineer, dataset, seed=5))
    assert {name: anew[name] for name in first} != first


def test_what_grows_together_goes_where_it_was_learnt_from(
    engineer: Actor, dataset: Dataset
) -> None:
    for lot in range(12):
        fill(dataset, engineer, 1, group=f"lot {lot}")
    first = dealt(services.make_version(engineer, dataset))
    learnt, tested = (next(n for n in first if first[n] == split) for split in ("train", "test"))
    Record.objects.filter(name__in=[learnt, tested]).update(group="one lot after all")
    second = dealt(services.make_version(engineer, dataset))
    assert (second[learnt], second[tested]) == ("train", "train")


def test_near_duplicates_stay_on_one_side(engineer: Actor, dataset: Dataset) -> None:
    rng = np.random.default_rng(1)
    for pair, value in enumerate(rng.integers(-(2**62), 2**62, 20).tolist()):
        for record, bit in zip(fill(dataset, engineer, 2), (0, 1), strict=True):
            Record.objects.filter(pk=record.pk).update(
                fingerprint=value ^ bit, name=f"{pair}-{bit}.json"
            )
    made = services.make_version(engineer, dataset)
    assert made.counts["alike"] == 40
    splits: dict[str, set[str]] = {}
    for line in manifest.read(made.manifest):
        splits.setdefault(line.name.partition("-")[0], set()).add(line.split)
    assert all(len(each) == 1 for each in splits.values())


def test_a_fixed_split_holds_for_the_whole_group(engineer: Actor, dataset: Dataset) -> None:
    records = fill(dataset, engineer, 3, group="lot 1")
    fill(dataset, engineer, 5)
    assert services.set_split(engineer, dataset, [records[0].pk], "test") == 3
    made = services.make_version(engineer, dataset)
    found = {line.group: line.split for line in manifest.read(made.manifest)}
    assert found["lot 1"] == "test"
    Record.objects.filter(pk=records[1].pk).update(split="train")
    with pytest.raises(VersionRefused, match="lot 1"):
        services.make_version(engineer, dataset)


@pytest.mark.parametrize(
    "shares", [{"train": 0.5}, {"train": 1.2, "val": -0.2}, {"val": 1.0}, {"train": 1, "x": 0}]
)
def test_shares_that_do_not_add_up_are_refused(
    engineer: Actor, dataset: Dataset, shares: dict[str, float]
) -> None:
    fill(dataset, engineer, 1)
    with pytest.raises(VersionRefused, match="not allowed"):
        services.make_version(engineer, dataset, shares=shares)


def test_a_dataset_without_labels_has_no_version(engineer: Actor, dataset: Dataset) -> None:
    with pytest.raises(VersionRefused, match="Nothing is labelled"):
        services.make_version(engineer, dataset)
