"""Promises of ``bench int8`` beside its figures."""

from pathlib import Path

import pytest

from apps.defect_detection.benchmarks import int8


def test_an_artefact_without_int8_is_refused_before_anything_is_timed(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"holds no model\.int8\.onnx"):
        int8.main(["--model", str(tmp_path)])


def test_weights_need_pictures_to_calibrate_on(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="--weights needs --data"):
        int8.main(["--weights", str(tmp_path / "best.safetensors")])


def test_shared_boxes_are_counted_from_both_sides() -> None:
    one, two = [0, 0, 10, 10, 0.9, 0], [50, 50, 60, 60, 0.8, 1]
    assert int8.shared({"a": [one, two]}, {"a": [one, two]}) == 1
    assert int8.shared({"a": [one, two]}, {"a": [one]}) == pytest.approx(2 / 3)
    assert int8.shared({"a": []}, {"a": [one]}) == 0
    assert int8.shared({"a": []}, {"a": []}) == 1
