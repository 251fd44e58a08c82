"""A scan measures or trains, never both, whatever it is called."""

import numpy as np
import pytest

from apps.report_gen.bridge.splitting import (
    Part,
    part_of,
    require_training,
    require_unseen,
    scan_hash,
)
from loupe.contract.runtime.errors import InputRefused
from tests.apps.report_gen.bridge.chests import chest


def test_about_a_fifth_of_scans_measures() -> None:
    digests = [f"{number:08x}" + "0" * 56 for number in range(0, 2**32, 2**22)]
    share = np.mean([part_of(each) is Part.MEASURING for each in digests])
    assert share == pytest.approx(0.2, abs=0.01)


def test_a_scan_is_known_by_its_values() -> None:
    one, same, other = chest(), chest(), chest(seed=1)
    assert scan_hash(one) == scan_hash(same)
    assert scan_hash(one) != scan_hash(other)


def test_a_scan_that_a_model_was_trained_on_does_not_measure_it() -> None:
    digest = scan_hash(chest())
    require_unseen(digest, "scan", ["f" * 64])
    with pytest.raises(InputRefused, match="background when this model was trained"):
        require_unseen(digest, "scan", [digest])


def test_a_scan_that_measures_is_no_background() -> None:
    require_training("f" * 64, "scan")
    with pytest.raises(InputRefused, match="kept for measuring"):
        require_training("0" * 64, "scan")
