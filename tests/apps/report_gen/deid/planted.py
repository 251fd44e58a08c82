"""Names planted wherever a study can hold one."""

from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import UID

from tests.apps.report_gen.studies import Taken, series

NAMES = ("Zwiebelfisch", "Quastenflosser", "欧阳", "峻岭")
"""Words that stand in no header by themselves; each is planted in every script and case."""
IDS = ("MRN-99887766", "ACC5544332211", "19521203")

_TEXT = "seen by Dr Zwiebelfisch; patient Quastenflosser (MRN-99887766), 欧阳峻岭"


def planted() -> list[FileDataset]:
    """A small series with a name in every element that can hold text, at every depth."""
    images = series(Taken(count=3))
    for image in images:
        _everywhere(image)
        image.PatientName = "Zwiebelfisch^Quastenflosser=欧阳^峻岭"
        image.SpecificCharacterSet = "ISO_IR 192"
        image.PatientID, image.AccessionNumber = "MRN-99887766", "ACC5544332211"
        image.PatientBirthDate = "19521203"
        image.preamble = b"Zwiebelfisch".ljust(128, b"\0")
        image.file_meta.SourceApplicationEntityTitle = "ZWIEBELFISCH"
        image.file_meta.PrivateInformationCreatorUID = UID("1.2.3.4")
        image.file_meta.PrivateInformation = b"Quastenflosser"
    return images


def _everywhere(image: Dataset) -> None:
    image.StudyDescription = image.SeriesDescription = image.ProtocolName = _TEXT
    image.ImageComments = image.PatientComments = image.AdditionalPatientHistory = _TEXT
    image.InstitutionName, image.StationName = "Zwiebelfisch Klinik", "ZWIEBELFISCH"
    image.ReferringPhysicianName = "Zwiebelfisch^Hans"
    image.OperatorsName = ["Quastenflosser^Uwe", "欧阳^峻岭"]
    image.StudyDate = image.ContentDate = "19521203"
    image.Manufacturer = "Zwiebelfisch Scanner"
    image.BodyPartExamined = "QUASTENFLOSSER"
    image.ImageType = ["ORIGINAL", "PRIMARY", "ZWIEBELFISCH"]
    image.ConvolutionKernel = "Zwiebelfisch30"
    image.add_new(0x00091010, "LO", "Zwiebelfisch")
    image.add_new(0x00090010, "LO", "QUASTENFLOSSER 1.0")
    image.add_new(0x60003000, "OW", b"Zwiebelfisch".ljust(12, b"\0"))
    image.add_new(0x60000022, "LO", "Zwiebelfisch")
    image.add_new(0x50003000, "OW", b"Quastenflosser")
    image.add_new(0xFFFCFFFC, "OB", b"Zwiebelfisch")
    image.add_new(0x00420011, "OB", b"Quastenflosser")
    image.add_new(0x00420010, "ST", "Zwiebelfisch")
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = "ZWIEBELFISCH", "99Q"
    code.CodeMeaning = "Quastenflosser"
    request, deeper = Dataset(), Dataset()
    deeper.RequestingPhysician = "Zwiebelfisch^Hans"
    deeper.ReasonForTheRequestedProcedure = _TEXT
    deeper.ProcedureCodeSequence = DicomSequence([code])
    request.RequestedProcedureDescription = _TEXT
    request.ReferencedStudySequence = DicomSequence([deeper])
    image.RequestAttributesSequence = DicomSequence([request])
    image.ProcedureCodeSequence = DicomSequence([code])
    source = Dataset()
    source.ReferencedSOPClassUID = image.SOPClassUID
    source.ReferencedSOPInstanceUID = image.SOPInstanceUID
    source.PurposeOfReferenceCodeSequence = DicomSequence([code])
    source.PatientName = "Zwiebelfisch"
    source.add_new(0x00091010, "LO", "Quastenflosser")
    image.SourceImageSequence = DicomSequence([source])
    acquisition = Dataset()
    acquisition.ImageComments = _TEXT
    acquisition.Manufacturer = "Quastenflosser"
    image.CTExposureSequence = DicomSequence([acquisition])


def found(content: bytes) -> list[str]:
    """Which of the planted words stand in `content`, in any case and encoding used here."""
    lower = content.lower()
    hits = []
    for word in (*NAMES, *IDS):
        for encoding in ("utf-8", "gb18030", "utf-16-le"):
            if word.lower().encode(encoding) in lower:
                hits.append(f"{word} ({encoding})")
    return hits
