"""Associations that Loupe asks other nodes for."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from pynetdicom.presentation import PresentationContext

from apps.report_gen.dicom.listening import quieten
from apps.report_gen.dicom.options import Options, client_tls
from apps.report_gen.models import DicomPeer
from loupe.contract.runtime.errors import TemporarilyUnavailable


class PeerUnreachable(TemporarilyUnavailable):
    """A node does not answer, refuses the association, or what was to be done there."""

    code = "peer_unreachable"


@contextmanager
def associated(
    options: Options,
    peer: DicomPeer,
    contexts: Sequence[PresentationContext],
    *,
    roles: Sequence[SCP_SCU_RoleSelectionNegotiation] = (),
    handlers: Sequence[Any] = (),
) -> Iterator[Association]:
    """An association with the node, released at the end.

    Raises:
        PeerUnreachable: there is none to be had.
    """
    if not peer.host or peer.port is None:
        raise PeerUnreachable(
            f"The node {peer.title} has no host and port: enter them under DICOM, then try again."
        )
    quieten()
    ae = AE(ae_title=options.title)
    ae.connection_timeout = 10
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = options.network_timeout
    tls = (client_tls(options), peer.host) if peer.tls else None
    association = ae.associate(
        peer.host, peer.port, contexts=list(contexts), ae_title=peer.title,
        ext_neg=list(roles) or None, evt_handlers=list(handlers) or None, tls_args=tls,
    )  # fmt: skip
    if not association.is_established:
        how = "refused the association" if association.is_rejected else "does not answer"
        raise PeerUnreachable(
            f"The node {peer.title} at {peer.host}:{peer.port} {how}: see that it is running and "
            f"knows the AE title {options.title}."
        )
    try:
        yield association
    finally:
        if association.is_established:
            association.release()
