"""The peers of ``bench report-intake``: C-STORE handlers as pynetdicom's documentation writes them.

``decode`` decodes each data set and its pixels and saves it, ``save`` leaves the pixels as the
bytes they came in. Nothing is encrypted, synced or told to a database. Run as
``python plain_storage.py PORT FOLDER PDU decode|save``.
"""

import sys
from pathlib import Path

from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]


def main(port: int, folder: Path, pdu: int, *, decode: bool) -> None:
    """Listen until killed."""

    def handle_store(event: evt.Event) -> int:
        dataset = event.dataset
        dataset.file_meta = event.file_meta
        if decode and dataset.pixel_array.size == 0:
            return 0xC000
        dataset.save_as(folder / f"{dataset.SOPInstanceUID}.dcm", enforce_file_format=True)
        return 0x0000

    ae = AE(ae_title="PLAIN")
    ae.supported_contexts = AllStoragePresentationContexts
    ae.add_supported_context(Verification)
    ae.maximum_pdu_size = pdu
    ae.start_server(("127.0.0.1", port), evt_handlers=[(evt.EVT_C_STORE, handle_store)])


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), decode=sys.argv[4] == "decode")
