"""The SEG: on the grid of the images, whatever way they were taken; valid to public tools."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from highdicom.seg import segread
from numpy.typing import NDArray
from pydicom.dataset import FileDataset

from apps.report_gen.findings import Side, State
from apps.report_gen.inference.placing import network_affine, shift
from apps.report_gen.outputs.masks import Masks, segments_of
from apps.report_gen.outputs.rendering import seg, sr
from apps.report_gen.outputs.scan import Scan
from apps.report_gen.reading.studies import read_study
from loupe.contract.runtime.errors import InputRefused
from tests.apps.report_gen import studies
from tests.apps.report_gen.outputs.made import (
    EFFUSION,
    NODULE,
    Made,
    document,
    edition,
    identity,
    lps_of,
    study,
)
from tests.apps.report_gen.outputs.public_tools import dciodvfy

WAYS = {
    "head first, supine": studies.Taken(),
    "feet first": studies.Taken(step=(0.0, 0.0, -5.0), position="FFS"),
    "prone": studies.Taken(across=(-1.0, 0.0, 0.0), down=(0.0, -1.0, 0.0), position="HFP"),
    "feet first, prone": studies.Taken(
        across=(-1.0, 0.0, 0.0), down=(0.0, -1.0, 0.0), step=(0.0, 0.0, -5.0), position="FFP"
    ),
    "columns turned": studies.Taken(across=(-1.0, 0.0, 0.0)),
    "rows turned": studies.Taken(down=(0.0, -1.0, 0.0)),
    "all turned": studies.Taken(
        across=(-1.0, 0.0, 0.0), down=(0.0, -1.0, 0.0), step=(0.0, 0.0, -5.0)
    ),
    "on the side": studies.Taken(across=(0.0, 1.0, 0.0), down=(-1.0, 0.0, 0.0)),
    "coronal": studies.Taken(
        rows=56, down=(0.0, 0.0, -1.0), step=(0.0, 5.0, 0.0), spacing=(5.0, 6.0)
    ),
    "sagittal": studies.Taken(
        count=64, rows=56, across=(0.0, 1.0, 0.0), down=(0.0, 0.0, -1.0), step=(6.0, 0.0, 0.0),
        spacing=(5.0, 5.0),
    ),
    "turned in space": studies.turned(5.0, 4.0, -6.0),
}  # fmt: skip
BOTH = document(findings=(NODULE, EFFUSION))


def read(content: bytes) -> FileDataset:
    return pydicom.dcmread(io.BytesIO(content))


def frames(content: bytes, number: int) -> dict[str, NDArray[Any]]:
    """A segment's masks by the SOP instance UID of the image they lie on."""
    found = segread(io.BytesIO(content))
    uids = [uid for _, _, uid in found.get_source_image_uids()]
    pixels = found.get_pixels_by_source_instance(
        uids, segment_numbers=[number], assert_missing_frames_are_empty=True
    )
    return {str(uid): pixels[at, :, :, 0] > 0 for at, uid in enumerate(uids)}


def truth(taken: studies.Taken, at: int, inside: Any) -> NDArray[Any]:
    """What is inside at the pixels of image `at`, from its own vectors."""
    rows = np.arange(taken.rows)[:, None, None] * taken.spacing[0] * np.array(taken.down)
    columns = np.arange(taken.columns)[None, :, None] * taken.spacing[1] * np.array(taken.across)
    return np.asarray(inside(taken.origin(at) + rows + columns))


def in_nodule(points: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(((points - studies.NODULE) ** 2).sum(-1) <= 15**2)


def in_effusion(points: NDArray[Any]) -> NDArray[Any]:
    return np.asarray((((points - (80.0, 30.0, -60.0)) / (40.0, 30.0, 30.0)) ** 2).sum(-1) <= 1)


def dice(first: NDArray[Any], second: NDArray[Any]) -> float:
    return float(2 * (first & second).sum() / (first.sum() + second.sum()))


@pytest.mark.parametrize("way", WAYS)
def test_on_the_volumes_own_grid_every_pixel_comes_back_whatever_way_it_was_taken(
    way: str, tmp_path: Path
) -> None:
    made = study(tmp_path, WAYS[way])
    content = seg(edition(BOTH), made.identity, made.scan, made.masks)
    for number, inside in ((1, in_nodule), (2, in_effusion)):
        found = frames(content, number)
        for at, image in enumerate(made.images):
            expected = truth(WAYS[way], at, inside)
            np.testing.assert_array_equal(found[image.SOPInstanceUID], expected)


@pytest.mark.parametrize("way", WAYS)
def test_the_side_that_is_told_is_the_side_where_the_pixels_lie(way: str, tmp_path: Path) -> None:
    made = study(tmp_path, WAYS[way])
    content = seg(edition(BOTH), made.identity, made.scan, made.masks)
    for segment in read(content).SegmentSequence:
        (modifier,) = segment.SegmentedPropertyTypeCodeSequence[
            0
        ].SegmentedPropertyTypeModifierCodeSequence
        found = frames(content, int(segment.SegmentNumber))
        x = np.concatenate(
            [
                truth(WAYS[way], at, lambda points: points[..., 0])[found[image.SOPInstanceUID]]
                for at, image in enumerate(made.images)
            ]
        )
        # In LPS the patient's left is where x grows.
        assert modifier.CodeMeaning == ("Left" if x.mean() > 0 else "Right")


@pytest.mark.parametrize("way", ["head first, supine", "feet first, prone", "coronal"])
def test_from_the_networks_grid_a_large_mask_overlays_the_truth(way: str, tmp_path: Path) -> None:
    made = study(tmp_path, WAYS[way])
    target, origin = (3.0, 2.5, 2.5), (-4, 6, 5)
    by = shift(origin, target, made.volume.spacing)
    affine = network_affine(made.volume.affine, made.volume.spacing, target, by)
    index = np.stack(np.meshgrid(*map(np.arange, (110, 130, 150)), indexing="ij"), -1)
    points = (index[..., ::-1] @ affine[:3, :3].T + affine[:3, 3]) * (-1.0, -1.0, 1.0)
    labels = np.where(in_nodule(points), 1, np.where(in_effusion(points), 2, 0)).astype(np.uint8)
    second = EFFUSION.model_copy(update={"label": 2})
    content = seg(
        edition(document(findings=(NODULE, second))), made.identity, made.scan,
        Masks(labels=labels, affine=affine),
    )  # fmt: skip
    for number, inside, least in ((1, in_nodule, 0.75), (2, in_effusion, 0.9)):
        found = frames(content, number)
        shown = np.stack([found[image.SOPInstanceUID] for image in made.images])
        wanted = np.stack([truth(WAYS[way], at, inside) for at in range(len(made.images))])
        assert dice(shown, wanted) >= least


@pytest.mark.parametrize(
    "taken",
    [
        studies.Taken(step=(0.0, 1.5, 5.0)),
        studies.Taken(places=[*range(25), *(at + 0.3 for at in range(25, 50))]),
    ],
    ids=["tilted", "uneven"],
)
def test_tilted_and_uneven_series_are_masked_where_their_images_really_lie(
    taken: studies.Taken, tmp_path: Path
) -> None:
    made = study(tmp_path, taken)
    assert made.volume.resampled
    content = seg(edition(BOTH), made.identity, made.scan, made.masks)
    found = frames(content, 2)
    shown = np.stack([found[image.SOPInstanceUID] for image in made.images])
    wanted = np.stack([truth(taken, at, in_effusion) for at in range(len(made.images))])
    assert dice(shown, wanted) >= 0.9


def test_a_lesion_between_thick_slices_is_not_lost(made: Made) -> None:
    # A mask ten times finer than the images, of one voxel that no pixel's centre lies in.
    fine = made.volume.affine.copy()
    fine[:3, :3] /= 10
    fine[:3, 3] = made.volume.affine[:3] @ (20.3, 20.3, 25.3, 1.0)
    labels = np.zeros((2, 2, 2), np.uint8)
    labels[0, 0, 0] = 1
    content = seg(
        edition(document(findings=(NODULE,))), made.identity, made.scan,
        Masks(labels=labels, affine=fine),
    )  # fmt: skip
    assert sum(int(mask.sum()) for mask in frames(content, 1).values()) == 1


def test_public_tools_find_no_error(made: Made, tmp_path: Path) -> None:
    for language in ("en", "zh"):
        of = edition(document(language=language))
        assert dciodvfy(seg(of, made.identity, made.scan, made.masks), tmp_path) == []


def test_segments_overlap_frames_are_sparse_and_every_image_is_referenced(made: Made) -> None:
    over = EFFUSION.model_copy(update={"kind": "atelectasis", "id": "atelectasis"})
    region = made.masks.regions["pleural_effusion"]
    masks = Masks(
        labels=made.masks.labels, affine=made.masks.affine,
        regions={"pleural_effusion": region, "atelectasis": region},
    )  # fmt: skip
    content = seg(edition(document(findings=(EFFUSION, over))), made.identity, made.scan, masks)
    found = read(content)
    assert found.SegmentationType == "BINARY"
    assert found.NumberOfFrames < len(made.images)
    (series,) = found.ReferencedSeriesSequence
    referenced = [each.ReferencedSOPInstanceUID for each in series.ReferencedInstanceSequence]
    assert sorted(referenced) == sorted(image.SOPInstanceUID for image in made.images)
    assert series.SeriesInstanceUID == made.images[0].SeriesInstanceUID
    one, two = frames(content, 1), frames(content, 2)
    for uid in one:
        np.testing.assert_array_equal(one[uid], two[uid])


def test_an_enhanced_ct_is_masked_by_its_frames(tmp_path: Path) -> None:
    taken = studies.Taken()
    image = studies.enhanced(taken)
    found = read_study([studies.write([image], tmp_path / "study")])
    volume = found.volume
    assert volume is not None
    masks = Masks(labels=in_nodule(lps_of(volume)).astype(np.uint8), affine=volume.affine)
    about = identity(study_uid=image.StudyInstanceUID, series_uid=image.SeriesInstanceUID)
    content = seg(edition(document(findings=(NODULE,))), about, Scan.of(volume), masks)
    assert dciodvfy(content, tmp_path) == []
    back = segread(io.BytesIO(content))
    pixels = back.get_pixels_by_source_frame(
        image.SOPInstanceUID, list(range(1, taken.count + 1)), segment_numbers=[1],
        assert_missing_frames_are_empty=True,
    )  # fmt: skip
    for at in range(taken.count):
        np.testing.assert_array_equal(pixels[at, :, :, 0] > 0, truth(taken, at, in_nodule))


def test_only_what_is_present_gets_a_segment_and_nothing_at_all_is_refused(made: Made) -> None:
    absent = NODULE.model_copy(update={"state": State.ABSENT})
    numbered = segments_of(document(findings=(absent, EFFUSION)), made.scan, made.masks)
    assert [(each.number, each.finding.id) for each in numbered] == [(1, "pleural_effusion")]
    with pytest.raises(InputRefused, match="nothing to segment") as refused:
        seg(edition(document(findings=(absent,))), made.identity, made.scan, made.masks)
    assert refused.value.code == "no_segments"


def test_equal_editions_are_equal_files_and_a_scan_survives_its_record(made: Made) -> None:
    again = Scan.from_record(made.scan.record())
    first = seg(edition(BOTH), made.identity, made.scan, made.masks)
    assert first == seg(edition(BOTH), made.identity, again, made.masks)
    assert sr(edition(BOTH), made.identity, made.scan) == sr(edition(BOTH), made.identity, again)


def test_a_reader_who_moves_the_finding_to_the_other_side_is_believed(made: Made) -> None:
    moved = NODULE.model_copy(update={"side": Side.LEFT, "lobes": (), "changed": True})
    found = read(seg(edition(document(findings=(moved,))), made.identity, made.scan, made.masks))
    (segment,) = found.SegmentSequence
    assert segment.SegmentAlgorithmType == "SEMIAUTOMATIC"
    assert "left" in segment.SegmentLabel
