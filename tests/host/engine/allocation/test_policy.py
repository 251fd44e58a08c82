"""A policy file is read whole or refused with the field that is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from loupe.engine.allocation.policy import Policy, PolicyRefused, Rule, read_policy

GOOD: dict[str, Any] = {
    "devices": {"cuda:0": {}, "cpu": {"memory_bytes": 1000}},
    "fallback": ["cuda:0", "cpu"],
    "models": [
        {"match": "a.*", "share": 2.5, "pinned": True},
        {"match": "b.*", "devices": ["cpu"]},
    ],
}


def written(tmp_path: Path, **changes: Any) -> Path:
    path = tmp_path / "policy.json"
    path.write_text(json.dumps({**GOOD, **changes}))
    return path


def test_everything_that_is_declared_is_read(tmp_path: Path) -> None:
    policy = read_policy(written(tmp_path))
    assert policy.memory_bytes == {"cuda:0": None, "cpu": 1000}
    assert policy.fallback == ("cuda:0", "cpu")
    assert policy.rule("a.x.y") == Rule(match="a.*", share=2.5, pinned=True)
    assert policy.devices_of("b.x.y") == ("cpu",)
    assert policy.rule("c.x.y").share == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"devices": {}}, "must name at least one device"),
        ({"devices": {"cpu": {"memory_bytes": "4G"}}}, "'memory_bytes' of 'cpu' is '4G'"),
        ({"fallback": ["cuda:7"]}, "names the device 'cuda:7'"),
        ({"fallback": []}, "'fallback' is empty"),
        ({"models": [{"share": 1}]}, "has no 'match'"),
        ({"models": [{"match": "a", "share": 0}]}, "shares are positive"),
        ({"models": [{"match": "a", "share": "much"}]}, "share of 'a' is 'much'"),
        ({"models": [{"match": "a", "pinned": 1}]}, "must be true or false"),
        ({"models": [{"match": "a", "devices": ["npu"]}]}, "names the device 'npu'"),
        ({"models": [{"match": "a", "replicas": 0}]}, "gives 0 replicas"),
        ({"models": [{"match": "a", "replicas": 1.5}]}, "'replicas' of 'a' is 1.5"),
        ({"models": [{"match": "a", "shares": 2}]}, "has the field 'shares'"),
        ({"speed": 9}, "has the field 'speed'"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(PolicyRefused, match=sentence):
        read_policy(written(tmp_path, **changes))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyRefused, match="cannot be read"):
        read_policy(tmp_path / "none.json")


def test_without_a_policy_there_is_the_cpu_and_no_order_but_age() -> None:
    assert Policy().devices_of("any.model.here") == ("cpu",)
    assert not Policy().shares_declared
