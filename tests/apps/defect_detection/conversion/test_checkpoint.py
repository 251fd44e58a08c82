"""A checkpoint says what its detector is; nothing of it runs, whatever its pickle asks for."""

import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from apps.defect_detection.conversion.archive import Archive
from apps.defect_detection.conversion.checkpoint import Detector, described
from loupe.contract.runtime.errors import ModelRefused
from tests.apps.defect_detection.conversion.pickles import (
    FOUR,
    Call,
    Name,
    Storage,
    checkpoint,
    detector,
    module,
    tensor,
)


def read(path: Path) -> tuple[Detector, dict[str, np.ndarray]]:
    with Archive(path, "best.pt") as archive:
        found = described(archive.load(), "best.pt")
        return found, {name: archive.read(each) for name, each in found.tensors.items()}


def refused(path: Path) -> ModelRefused:
    with pytest.raises(ModelRefused) as refusal:
        read(path)
    assert "best.pt" in refusal.value.message or refusal.value.code == "pickle_foreign"
    return refusal.value


def test_weights_classes_and_architecture_come_out(tmp_path: Path) -> None:
    given = {"model": detector(), "train_args": {"imgsz": 320}, "version": "8.4.0", "epoch": -1}
    found, arrays = read(checkpoint(tmp_path / "best.pt", given))
    assert (found.architecture, found.head, found.size) == ("yolo11n", "raw", 320)
    assert found.classes == ("scratch", "pit")
    assert found.said == {"version": "8.4.0", "epoch": "-1"}
    assert {name: array.tolist() for name, array in arrays.items()} == {
        "0.weight": [[0.0, 1.0], [2.0, 3.0]]
    }


def test_the_moving_average_is_what_counts(tmp_path: Path) -> None:
    other = detector(names={0: "crack"})
    found, _ = read(checkpoint(tmp_path / "last.pt", {"model": detector(), "ema": other}))
    assert found.classes == ("crack",)


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        ("HalfStorage", np.arange(4, dtype="<f2").tobytes(), "float16"),
        ("DoubleStorage", np.arange(4, dtype="<f8").tobytes(), "float32"),
        ("LongStorage", np.arange(4, dtype="<i8").tobytes(), "int64"),
        ("BFloat16Storage", (np.arange(4, dtype="<f4").view("<u4") >> 16).astype("<u2").tobytes(),
         "float32"),
    ],
)  # fmt: skip
def test_every_element_type_keeps_its_values(
    tmp_path: Path, kind: str, data: bytes, expected: str
) -> None:
    weights = tensor(Storage("0", 4, kind), (2, 2), (1, 2))
    model = detector()
    model.state["_modules"]["0"].state["_parameters"]["weight"] = weights
    _, arrays = read(checkpoint(tmp_path / "best.pt", {"model": model}, storages={"0": data}))
    assert arrays["0.weight"].dtype == expected
    assert arrays["0.weight"].tolist() == [[0, 2], [1, 3]]


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("os", "system"), ("posix", "system"), ("subprocess", "Popen"), ("builtins", "eval"),
        ("builtins", "exec"), ("builtins", "getattr"), ("__builtin__", "__import__"),
        ("torch", "load"), ("torch.hub", "load"), ("torch.jit", "load"), ("torch._utils", "sys"),
        ("torch.nn", "modules.module.torch"), ("numpy", "load"), ("runpy", "run_path"),
        ("collections", "defaultdict"), ("pickle", "loads"), ("apps.defect_detection", "app"),
        ("importlib", "import_module"), ("functools", "partial"), ("operator", "attrgetter"),
    ],
)  # fmt: skip
def test_a_name_that_no_detector_has_is_refused_and_never_called(
    tmp_path: Path, where: str, name: str
) -> None:
    marker = tmp_path / "it-ran"
    call = Call(Name(where, name), (f"touch {marker}",))
    for given in ({"model": call}, {"model": detector(), "optimizer": [call]}):
        found = refused(checkpoint(tmp_path / "best.pt", given))
        assert found.code == "pickle_foreign"
        assert f"{where}.{name}" in found.message
    assert not marker.exists()


def test_a_real_reduce_to_the_shell_is_refused(tmp_path: Path) -> None:
    marker = tmp_path / "it-ran"

    class Hostile:
        def __reduce__(self) -> tuple[Any, ...]:
            return eval, (f"open({str(marker)!r}, 'w')",)

    for protocol in range(6):
        raw = pickle.dumps({"model": Hostile()}, protocol)
        assert refused(checkpoint(tmp_path / "best.pt", raw=raw)).code == "pickle_foreign"
    assert not marker.exists()


def test_names_that_detectors_have_run_nothing_either(tmp_path: Path) -> None:
    marker = tmp_path / "it-ran"
    calls = [
        Call(Name("ultralytics.utils.downloads", "safe_download"), (f"file://{marker}",)),
        Call(Name("ultralytics.utils.checks", "check_requirements"), ("nothing",)),
        Call(Name("torch.nn.modules.module", "torch.os.system"), (f"touch {marker}",)),
        Call(Name("pathlib", "PosixPath"), (str(marker),), {"touch": True}),
    ]
    found, _ = read(checkpoint(tmp_path / "best.pt", {"model": detector(), "optimizer": calls}))
    assert found.architecture == "yolo11n"
    assert not marker.exists()


OUTSIDE: dict[str, Call] = {
    "longer than its storage": tensor(Storage("0", 4), (2, 3)),
    "from behind its end": tensor(Storage("0", 4), (1,), (1,), 4),
    "by its strides": tensor(Storage("0", 4), (2, 2), (3, 1)),
    "backwards": tensor(Storage("0", 4), (2,), (-1,), 1),
    "by a storage that claims more": tensor(Storage("0", 400), (20, 20)),
    "of a storage that is not there": tensor(Storage("../../0", 4), (2, 2)),
    "with sizes that are no numbers": tensor(Storage("0", 4), ("a", 1), (1, 1)),
    "of absurd size": tensor(Storage("0", 4), (2**39, 2**39), (0, 0)),
    "made of nothing": Call(Name("torch._utils", "_rebuild_tensor_v2"), ("x", 0, (1,), (1,))),
    "changed once it is made": Call(
        Name("torch._utils", "_rebuild_tensor_v2"), (Storage("0", 4), 0, (2,), (1,), False, {}),
        {"offset": -8},
    ),
    "of changed functions": Call(
        Name("torch._utils", "_rebuild_parameter"),
        (Call(Name("torch._utils", "_rebuild_tensor_v2"), (Storage("0", -4), 0, (2,), (1,))),),
    ),
}  # fmt: skip


@pytest.mark.parametrize("which", OUTSIDE)
def test_a_tensor_cannot_reach_outside_its_storage(tmp_path: Path, which: str) -> None:
    model = detector()
    model.state["_modules"]["0"].state["_parameters"]["weight"] = OUTSIDE[which]
    found = refused(checkpoint(tmp_path / "best.pt", {"model": model}))
    assert found.code == "checkpoint_damaged"


def test_a_model_that_holds_itself_is_refused(tmp_path: Path) -> None:
    parts: dict[str, Any] = {}
    knot = module(parts=parts)
    # The pickle itself is finite: its memo refers back.
    inner = OrderedDict(a=knot, b=knot)
    for _ in range(40):
        inner = OrderedDict(a=module(parts=inner), b=module(parts=inner))
    model = detector()
    model.state["_modules"]["0"] = module(parts=inner)
    assert "more parts" in refused(checkpoint(tmp_path / "best.pt", {"model": model})).message


DAMAGED: dict[str, dict[str, Any]] = {
    "no dictionary": {"value": [1, 2]},
    "weights alone": {"value": {"model": {"0.weight": 1}}},
    "no pickle": {"raw": b"MZ what is this"},
    "an empty pickle": {"raw": b""},
    "a cut pickle": {"raw": pickle.dumps({"model": "x" * 100})[:40]},
    "a foreign reference": {"raw": b"\x80\x02X\x01\x00\x00\x00xQ."},
    "an extension": {"raw": b"\x80\x02\x82\x01."},
    "compressed": {"value": {"model": 1}, "compression": zipfile.ZIP_DEFLATED},
    "TorchScript": {"value": {"model": 1}, "more": {"best/constants.pkl": b""}},
    "two pickles": {"value": {"model": 1}, "more": {"other/data.pkl": b""}},
    "big-endian": {"value": {"model": 1}, "more": {"best/byteorder": b"big"}},
}


@pytest.mark.parametrize("which", DAMAGED)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_is_no_checkpoint_is_refused_with_what_to_send(tmp_path: Path, which: str) -> None:
    found = refused(checkpoint(tmp_path / "best.pt", **DAMAGED[which]))
    assert found.code == "checkpoint_damaged"
    assert "best.pt or last.pt of a training" in found.message


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n", b"PK\x03\x04", b"\x80\x02}q\x00."])
def test_files_of_other_kinds_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "best.pt"
    path.write_bytes(data)
    assert refused(path).code == ("checkpoint_damaged" if data else "empty_file")


UNKNOWN: dict[str, tuple[Call, str, str]] = {
    "another task": (
        module("ultralytics.nn.tasks.SegmentationModel"), "task_unknown", "SegmentationModel",
    ),
    "another family": (
        detector(yaml={"yaml_file": "/x/yolov5n6.yaml", "scale": "n"}),
        "architecture_unknown", "'yolov5n6.yaml'",
    ),
    "its own architecture": (
        detector(yaml={"yaml_file": "yolo11-mine.yaml", "scale": "n"}),
        "architecture_unknown", "'yolo11-mine.yaml'",
    ),
    "no architecture": (detector(yaml=None), "architecture_unknown", "without a name"),
    "no classes": (detector(names={}), "checkpoint_damaged", "no classes"),
    "numbers for names": (detector(names={0: 7}), "checkpoint_damaged", "no texts"),
    "gaps in the classes": (detector(names={0: "a", 2: "b"}), "classes_invalid", "class names"),
    "names twice": (detector(names={0: "a", 1: "a"}), "classes_invalid", "class names"),
    "no weights": (
        module("ultralytics.nn.tasks.DetectionModel",
               yaml={"yaml_file": "yolo11n.yaml", "scale": "n"}, names={0: "a"}),
        "checkpoint_damaged", "no weights",
    ),
}  # fmt: skip


@pytest.mark.parametrize("which", UNKNOWN)
def test_a_detector_that_loupe_does_not_know_is_named(tmp_path: Path, which: str) -> None:
    model, code, said = UNKNOWN[which]
    path = checkpoint(tmp_path / "best.pt", {"model": model}, storages={"0": FOUR})
    with pytest.raises(ModelRefused) as refusal:
        read(path)
    assert refusal.value.code == code
    assert said in refusal.value.message
