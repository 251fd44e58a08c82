"""Sending files by C-STORE, each in the transfer syntax it is in."""

from collections.abc import Sequence
from io import BytesIO
from typing import Final

from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.presentation import build_context

from apps.report_gen.dicom.calling import PeerUnreachable, associated
from apps.report_gen.dicom.options import Options
from apps.report_gen.models import DicomPeer
from apps.report_gen.reading.faults import DAMAGE
from loupe.contract.runtime.errors import InputRefused

_OTHERS: Final = {ExplicitVRLittleEndian: [ImplicitVRLittleEndian]}


class NotSent(InputRefused):
    """The node will not take the object however often it is sent."""

    code = "not_stored_there"


def opened(content: bytes) -> FileDataset:
    """A DICOM file (Part 10) to be sent.

    Raises:
        NotSent: it is none.
    """
    try:
        dataset = dcmread(BytesIO(content))
        named = dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.file_meta.TransferSyntaxUID
    except (*DAMAGE, AttributeError) as error:
        raise NotSent(
            f"What is to be sent is no DICOM file ({type(error).__name__}): make it again."
        ) from error
    if not all(named):
        raise NotSent("What is to be sent has no SOP class or instance UID: make it again.")
    return dataset


def send(options: Options, peer: DicomPeer, files: Sequence[bytes]) -> None:
    """Store every file at the node, in one association.

    Raises:
        PeerUnreachable: the node cannot be reached or has no room: trying again may help.
        NotSent: the node refuses the class or the object: trying again will not help.
    """
    datasets = [opened(content) for content in files]
    wanted = {
        (str(one.SOPClassUID), str(one.file_meta.TransferSyntaxUID)): None for one in datasets
    }
    contexts = [
        build_context(sop_class, [syntax, *map(str, _OTHERS.get(syntax, []))])  # type: ignore[call-overload]
        for sop_class, syntax in wanted
    ]
    with associated(options, peer, contexts) as association:
        for dataset in datasets:
            _stored(association, peer, dataset)


def _stored(association: object, peer: DicomPeer, dataset: FileDataset) -> None:
    try:
        status = association.send_c_store(dataset)  # type: ignore[attr-defined]
    except ValueError as error:
        raise NotSent(
            f"The node {peer.title} takes no {dataset.SOPClassUID.name} in this transfer syntax "
            f"({error}): let it accept them, then send again."
        ) from error
    if "Status" not in status:
        raise PeerUnreachable(f"The node {peer.title} broke off while it was being sent to.")
    code = int(status.Status)
    # 0xA7xx: out of resources; 0x01xx: general failures. All others are about the object itself.
    if code == 0 or code & 0xF000 == 0xB000:
        return
    if code & 0xFF00 == 0xA700 or code == 0x0110:
        raise PeerUnreachable(f"The node {peer.title} could not store it (0x{code:04X}).")
    raise NotSent(f"The node {peer.title} does not take it (0x{code:04X}).")
