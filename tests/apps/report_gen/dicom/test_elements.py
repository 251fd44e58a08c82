"""What is read of a data set before it is kept, and the head that makes a file of it."""

import zlib
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import generate_uid

from apps.report_gen.dicom.answering import store_answer
from apps.report_gen.dicom.elements import Unreadable, file_head, first_elements

LITTLE, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
BIG, DEFLATED = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"


def encoded(syntax: str, **more: object) -> tuple[Dataset, bytes]:
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", generate_uid()
    made.StudyInstanceUID, made.SeriesInstanceUID = generate_uid(), generate_uid()
    made.PatientName = "Muster^Erika"
    for keyword, value in more.items():
        setattr(made, keyword, value)
    buffer = BytesIO()
    dcmwrite(
        buffer, made, implicit_vr=syntax == IMPLICIT, little_endian=syntax != BIG,
        enforce_file_format=False,
    )  # fmt: skip
    content = buffer.getvalue()
    if syntax == DEFLATED:
        squeezed = zlib.compressobj(wbits=-15)
        content = squeezed.compress(content) + squeezed.flush()
    return made, content


@pytest.mark.parametrize("syntax", [LITTLE, IMPLICIT, BIG, DEFLATED])
def test_the_uids_are_read_in_every_encoding(syntax: str) -> None:
    made, content = encoded(syntax)
    first = first_elements(content, syntax)
    assert first.sop_instance == made.SOPInstanceUID
    assert (first.study, first.series) == (made.StudyInstanceUID, made.SeriesInstanceUID)


def test_a_data_set_without_a_study_is_refused_with_a_sentence() -> None:
    with pytest.raises(Unreadable, match=r"no Study Instance UID \(0020,000D\)"):
        first_elements(encoded(LITTLE, StudyInstanceUID="")[1], LITTLE)


@given(st.binary(max_size=400), st.sampled_from([LITTLE, IMPLICIT, BIG, DEFLATED]))
def test_any_bytes_are_read_or_refused(content: bytes, syntax: str) -> None:
    with suppress(Unreadable):
        first_elements(content, syntax)


def test_head_and_data_set_make_a_file_that_pydicom_reads() -> None:
    made, content = encoded(LITTLE)
    head = file_head(made.SOPClassUID, made.SOPInstanceUID, LITTLE)
    read = dcmread(BytesIO(head + content))
    assert read.file_meta.TransferSyntaxUID == LITTLE
    assert read.file_meta.MediaStorageSOPInstanceUID == made.SOPInstanceUID
    assert read.PatientName == "Muster^Erika"
    assert len(head) == 144 + read.file_meta.FileMetaInformationGroupLength


def test_an_answer_written_by_hand_is_what_pydicom_reads() -> None:
    answer = store_answer("1.2.840.10008.5.1.4.1.1.2", "1.2.3.45", 7, 0xA700)
    read = dcmread(BytesIO(answer), force=True)
    assert read.CommandField == 0x8001
    assert (read.MessageIDBeingRespondedTo, read.Status) == (7, 0xA700)
    assert (read.AffectedSOPInstanceUID, read.CommandDataSetType) == ("1.2.3.45", 0x0101)
    assert read.CommandGroupLength == len(answer) - 12
