"""The SR: valid to public tools, complete, unverified until it is signed."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from highdicom.sr import Comprehensive3DSR, srread
from pydicom.dataset import FileDataset

from apps.report_gen.outputs.edition import Edition, OutputIdentity
from apps.report_gen.outputs.rendering import seg, sr
from apps.report_gen.outputs.scan import Scan
from apps.report_gen.report import ReportState
from loupe.contract.runtime.errors import InputRefused
from tests.apps.report_gen.outputs.made import AT, BOXED, Made, document, edition
from tests.apps.report_gen.outputs.public_tools import dciodvfy, dsrdump


def read(content: bytes) -> FileDataset:
    return pydicom.dcmread(io.BytesIO(content))


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("state", [ReportState.DRAFT, ReportState.SIGNED])
def test_public_tools_find_no_error(
    made: Made, tmp_path: Path, language: str, state: ReportState
) -> None:
    content = sr(edition(document(language=language), state), made.identity, made.scan, made.masks)
    assert dciodvfy(content, tmp_path) == []
    told = dsrdump(content, tmp_path)
    assert "Imaging Measurement Report" in told
    sentence = "右肺上叶见一肺结节" if language == "zh" else "There is a 30 mm nodule"
    assert sentence in told
    assert "张^伟" in told


def test_a_draft_is_unverified_and_a_signed_report_names_who_verified_it(made: Made) -> None:
    draft = read(sr(edition(), made.identity, made.scan))
    assert (draft.VerificationFlag, draft.CompletionFlag) == ("UNVERIFIED", "PARTIAL")
    assert "VerifyingObserverSequence" not in draft
    signed = read(sr(edition(state=ReportState.SIGNED), made.identity, made.scan))
    assert (signed.VerificationFlag, signed.CompletionFlag) == ("VERIFIED", "COMPLETE")
    (observer,) = signed.VerifyingObserverSequence
    assert "李医生" in str(observer.VerifyingObserverName)
    assert observer.VerifyingOrganization == "第一医院"
    assert observer.VerificationDateTime.startswith(AT.strftime("%Y%m%d%H%M%S"))


def test_an_amendment_points_to_the_version_before_it(made: Made) -> None:
    first = edition(state=ReportState.SIGNED)
    changed = document(findings=(BOXED,))
    second = edition(changed, ReportState.AMENDED, version=2, previous=first)
    before, after = (read(sr(each, made.identity, made.scan)) for each in (first, second))
    (study,) = after.PredecessorDocumentsSequence
    referenced = study.ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert referenced.ReferencedSOPInstanceUID == before.SOPInstanceUID
    assert after.SOPInstanceUID != before.SOPInstanceUID
    assert after.SeriesInstanceUID == before.SeriesInstanceUID


def groups(content: bytes) -> dict[str, Any]:
    """Measurement groups by tracking identifier, as highdicom reads them."""
    report = srread(io.BytesIO(content))
    assert isinstance(report, Comprehensive3DSR)
    found: Any = report.content
    return {
        each.tracking_identifier: each
        for each in (
            *found.get_volumetric_roi_measurement_groups(),
            *found.get_image_measurement_groups(),
        )
    }


def test_every_finding_is_a_group_with_ids_code_site_and_state(made: Made) -> None:
    by_id = groups(sr(edition(), made.identity, made.scan, made.masks))
    assert set(by_id) == {each.id for each in document().findings}
    nodule = by_id["lung_nodule.1"]
    assert nodule.finding_type.meaning == "Nodule"
    (site,) = nodule.finding_sites
    assert (site.topographical_modifier, site.laterality.meaning) == (None, "Right")
    assert site.value.meaning == "Upper lobe of lung"
    sizes = {each.name.meaning: each.value for each in nodule.get_measurements()}
    assert sizes == {"Long axis": 30.0, "Volume": 14.1, "Certainty of Finding": 93.0}
    states = {
        key: each.get_qualitative_evaluations()[0].value.meaning for key, each in by_id.items()
    }
    assert states["pneumothorax"] == "Absent"
    assert states["emphysema"] == "Presence Undetermined"
    assert states["r1"] == "Present"


def test_a_finding_refers_to_its_segment_in_the_segmentation_of_the_same_edition(
    made: Made,
) -> None:
    segmentation = read(seg(edition(), made.identity, made.scan, made.masks))
    told = groups(sr(edition(), made.identity, made.scan, made.masks))
    for segment in segmentation.SegmentSequence:
        group = told[segment.TrackingID]
        assert group.tracking_uid == segment.TrackingUID
        reference = group.referenced_segment
        assert reference.referenced_sop_instance_uid == segmentation.SOPInstanceUID
        assert reference.referenced_segment_numbers == [segment.SegmentNumber]


def test_a_box_without_a_mask_becomes_an_ellipsoid_at_its_place(made: Made) -> None:
    surface = groups(sr(edition(), made.identity, made.scan))["r1"].roi
    assert surface.frame_of_reference_uid == made.images[0].FrameOfReferenceUID
    points = np.asarray(surface.graphic_data).reshape(-1, 3)
    # From the first voxel, 24 mm along x is 24 mm to the patient's right: minus x in LPS.
    first = made.volume.to_patient(np.zeros(3)) * (-1.0, -1.0, 1.0)
    np.testing.assert_allclose(points.mean(0), first + np.array([-24.0, -15.0, 10.0]), atol=1e-4)


def test_a_finding_that_a_reader_changed_is_not_put_down_to_the_model(made: Made) -> None:
    changed = document(findings=(document().findings[0].model_copy(update={"changed": True}),))
    content = sr(edition(changed), made.identity, made.scan)
    assert b"Algorithm Name" not in content
    assert b"Algorithm Name" in sr(edition(), made.identity, made.scan)


def test_every_source_image_is_evidence_and_ids_go_back_to_the_original_study(made: Made) -> None:
    originals = {each.sop_instance_uid: f"9.9.{at}" for at, each in enumerate(made.scan.sources)}
    filed = OutputIdentity(study_uid="9.1", series_uid="9.2", sop_uids=originals)
    content = read(sr(edition(), filed, made.scan))
    (study,) = content.CurrentRequestedProcedureEvidenceSequence
    assert study.StudyInstanceUID == "9.1"
    (series,) = study.ReferencedSeriesSequence
    found = {each.ReferencedSOPInstanceUID for each in series.ReferencedSOPSequence}
    assert found == set(originals.values())


def test_it_says_that_it_is_for_research(made: Made, tmp_path: Path) -> None:
    told = dsrdump(sr(edition(), made.identity, made.scan), tmp_path)
    assert told.count("Research use; not for diagnosis.") >= 2
    assert "phantoms that never were patients" in told


def test_nothing_of_the_study_reaches_the_log(made: Made, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    seg(edition(), made.identity, made.scan, made.masks)
    sr(edition(), made.identity, made.scan, made.masks)
    assert not [each for each in caplog.messages if made.images[0].SOPInstanceUID in each]
    assert not [each for each in caplog.records if each.name.startswith("highdicom")]


def test_equal_editions_are_equal_files(made: Made) -> None:
    assert sr(edition(), made.identity, made.scan) == sr(edition(), made.identity, made.scan)


def test_a_rejected_draft_and_a_scan_without_images_are_refused(made: Made) -> None:
    with pytest.raises(InputRefused, match="rejected") as refused:
        sr(edition(state=ReportState.REJECTED), made.identity, made.scan)
    assert refused.value.code == "rejected_report"
    nifti = Scan(affine=made.scan.affine, spacing=made.scan.spacing)
    with pytest.raises(InputRefused, match="NIfTI") as refused:
        sr(edition(), made.identity, nifti)
    assert refused.value.code == "no_source_images"


def test_a_signature_on_another_content_is_refused() -> None:
    signed = edition(state=ReportState.SIGNED)
    with pytest.raises(InputRefused, match="hashes must be equal") as refused:
        Edition(
            document=document(findings=()), state=ReportState.SIGNED, version=1, made_at=AT,
            signature=signed.signature,
        )  # fmt: skip
    assert refused.value.code == "signature_mismatch"
