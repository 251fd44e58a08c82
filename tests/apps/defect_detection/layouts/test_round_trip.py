"""What a layout writes, its reader reads back: every box, class, split and group."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.defect_detection.labels import DatasetAbout, ImageLabels, LabelledBox
from apps.defect_detection.layouts import coco, coco_write, voc, voc_write, yolo, yolo_write
from apps.defect_detection.layouts.opening import open_dataset
from loupe.contract.labelling import ReadDataset, ReadRecord
from loupe.contract.runtime.payload import JsonValue
from tests.apps.defect_detection.layouts.folders import picture

WIDTH, HEIGHT = 64, 48
NAMES = ("scratch", "no", "0", "气孔", 'a "b": c', "pin hole")
LAYOUTS = {
    "yolo": (yolo.read, yolo_write.write),
    "coco": (coco.read, coco_write.write),
    "voc": (voc.read, voc_write.write),
}


class Silent:
    def progress(self, done: float, total: float, note: str = "") -> None: ...

    def metrics(self, values: dict[str, JsonValue]) -> None: ...


def side(length: int) -> st.SearchStrategy[tuple[float, float]]:
    """Two places along a side, at thousandths of a pixel."""
    place = st.integers(0, length * 1000)
    pairs = st.tuples(place, place).filter(lambda pair: abs(pair[0] - pair[1]) > 100)
    return pairs.map(lambda pair: (min(pair) / 1000, max(pair) / 1000))


@st.composite
def boxes(draw: st.DrawFn) -> LabelledBox:
    (x1, x2), (y1, y2) = draw(side(WIDTH)), draw(side(HEIGHT))
    return LabelledBox(x1=x1, y1=y1, x2=x2, y2=y2, label=draw(st.sampled_from(NAMES)))


images = st.lists(boxes(), max_size=6, unique=True).map(
    lambda found: ImageLabels(width=WIDTH, height=HEIGHT, boxes=tuple(found))
)
records = st.lists(
    st.tuples(
        images, st.sampled_from(["train", "val", "test"]), st.sampled_from(["", "lot 7", "板,1"])
    ),
    min_size=1,
    max_size=4,
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Four different pictures."""
    folder = tmp_path_factory.mktemp("pictures")
    return [picture(folder / f"{seed}.png", WIDTH, HEIGHT, seed) for seed in range(4)]


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(said=records)
def test_everything_comes_back(
    files: list[Path], layout: str, said: list[tuple[ImageLabels, str, str]]
) -> None:
    read, write = LAYOUTS[layout]
    about = DatasetAbout(classes=NAMES)
    names = ["cam1/a.png", "cam2/a.png", "a.jpg", "train/images/a.png"]
    given_records = [
        ReadRecord(name=name, file=file, labels=labels, split=split, group=group)
        for name, file, (labels, split, group) in zip(names, files, said, strict=False)
    ]
    with TemporaryDirectory() as folder:
        write(about, iter(given_records), Path(folder), Silent())
        found = read(Path(folder), {})
        assert open_dataset(Path(folder)).records == found.records
        expected = {seen(record): record for record in given_records}
        assert len(found.records) == len(given_records)
        for record in found.records:
            before = expected[seen(record)]
            assert rounded(record) == rounded(before)
            assert (record.split, record.group) == (before.split, before.group)
    assert found.about == about
    assert [problem.code for problem in found.problems] == []


def seen(record: ReadRecord) -> bytes:
    return record.file.read_bytes()


def rounded(record: ReadRecord) -> list[tuple[float, float, float, float, str]]:
    labels = record.labels
    assert isinstance(labels, ImageLabels)
    assert (labels.width, labels.height) == (WIDTH, HEIGHT)
    return sorted(
        (round(b.x1, 2), round(b.y1, 2), round(b.x2, 2), round(b.y2, 2), b.label)
        for b in labels.boxes
    )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_dataset_without_records_is_written_all_the_same(tmp_path: Path, layout: str) -> None:
    write: Callable[..., None] = LAYOUTS[layout][1]
    write(DatasetAbout(classes=("a",)), iter(()), tmp_path, Silent())
    assert any(tmp_path.rglob("*"))


def test_unlabelled_records_stay_unlabelled(files: list[Path], tmp_path: Path) -> None:
    record = ReadRecord(name="a.png", file=files[0], labels=None, split="train")
    yolo_write.write(DatasetAbout(classes=("a",)), iter([record]), tmp_path, Silent())
    found: ReadDataset = open_dataset(tmp_path)
    assert found.records[0].labels is None
