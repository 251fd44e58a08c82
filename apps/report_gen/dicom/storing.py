"""One object that was sent: onto the disk as it came, then the answer. Nothing is decoded."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from apps.report_gen.clinical.errors import ClinicalDiskFull, TooLarge
from apps.report_gen.clinical.store import ClinicalStore, Sealed
from apps.report_gen.dicom.elements import First, Unreadable, file_head, first_elements

SUCCESS: Final = 0x0000
OUT_OF_RESOURCES: Final = 0xA700
CANNOT_UNDERSTAND: Final = 0xC000
PROCESSING_FAILURE: Final = 0x0110
_PIECE: Final = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Sender:
    """Who sent an object: AE titles, address."""

    calling: str
    called: str
    address: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """An object on the disk that the database does not know of yet."""

    sealed: Sealed
    first: First
    transfer_syntax: str
    calling: str
    received_at: datetime


class Storing:
    """Takes objects into the store.

    Args:
        stored: told of each object once it is on the disk, before the peer is answered.
        refused: told of each one that is not taken, with the reason.
        sync: whether the disk itself must have it before the answer.
    """

    def __init__(
        self,
        store: ClinicalStore,
        stored: Callable[[Stored], None],
        refused: Callable[[Sender, str], None],
        *,
        sync: bool = True,
    ) -> None:
        self._sync = sync
        self._store = store
        self._stored = stored
        self._refused = refused

    def take(self, content: memoryview, transfer_syntax: str, sender: Sender) -> int:
        """The status that answers the object (PS3.4 B.2.3, PS3.7 C).

        Args:
            content: the encoded data set as it came, without file meta.
        """
        try:
            first = first_elements(content, transfer_syntax)
            received_at = datetime.now(UTC)
            sealed = self._store.put(
                _file(content, first, transfer_syntax),
                inbox=True,
                sync=self._sync,
                note={
                    "calling": sender.calling,
                    "called": sender.called,
                    "at": received_at.isoformat(),
                },
            )
        except Unreadable as error:
            self._refused(sender, error.message)
            return CANNOT_UNDERSTAND
        except (ClinicalDiskFull, TooLarge) as error:
            self._refused(sender, error.message)
            return OUT_OF_RESOURCES
        self._stored(
            Stored(
                sealed=sealed,
                first=first,
                transfer_syntax=transfer_syntax,
                calling=sender.calling,
                received_at=received_at,
            )
        )
        return SUCCESS


def _file(content: memoryview, first: First, transfer_syntax: str) -> Iterator[bytes | memoryview]:
    yield file_head(first.sop_class, first.sop_instance, transfer_syntax)
    for at in range(0, len(content), _PIECE):
        yield content[at : at + _PIECE]
