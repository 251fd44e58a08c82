"""Objects read from the socket, by a peer that cuts them into fragments as it likes."""

import hashlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.sop_class import CTImageStorage  # type: ignore[attr-defined]

from apps.report_gen.clinical import installed
from apps.report_gen.dicom.listening import Associations
from apps.report_gen.dicom.options import read_options
from apps.report_gen.dicom.storing import Stored, Storing
from tests.apps.report_gen.dicom.test_elements import LITTLE, encoded

MESSAGE = 7
COMMAND, DATA, LAST = 1, 0, 2


class Node:
    """Associations on a port of the test's own; whoever comes may send."""

    def __init__(self) -> None:
        self.stored: list[Stored] = []
        self.refused: list[str] = []
        storing = Storing(
            installed.store(), self.stored.append, lambda _sender, why: self.refused.append(why)
        )
        self.associations = Associations(read_options(), self, storing)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def may_send(self, calling: str, address: str) -> bool:
        return True

    def _accept(self) -> None:
        while True:
            try:
                client, address = self._listening.accept()
            except OSError:
                return
            self.associations.serve(client, address)

    def end(self) -> None:
        self._listening.close()
        self.associations.end()


@pytest.fixture
def node(place: Path) -> Iterator[Node]:
    one = Node()
    yield one
    one.end()


@contextmanager
def associated(node: Node) -> Iterator[Association]:
    """An association of a peer whose own reactor rests, so that the test reads the answers."""
    ae = AE(ae_title="CUTTER")
    ae.add_requested_context(CTImageStorage, LITTLE)
    one = ae.associate("127.0.0.1", node.port)
    assert one.is_established
    one._reactor_checkpoint.clear()
    while not one._is_paused:
        time.sleep(0.001)
    try:
        yield one
    finally:
        one._reactor_checkpoint.set()
        one.abort()


def pdu(*fragments: bytes) -> bytes:
    body = b"".join(fragments)
    return struct.pack(">BxL", 4, len(body)) + body


def fragment(kind: int, content: bytes, context: int = 1) -> bytes:
    return struct.pack(">LBB", len(content) + 2, context, kind) + content


def command(uid: str) -> bytes:
    """A C-STORE-RQ (PS3.7 9.3.1.1)."""

    def element(number: int, value: bytes) -> bytes:
        value += b"\0" * (len(value) % 2)
        return struct.pack("<HHL", 0, number, len(value)) + value

    rest = (
        element(0x0002, str(CTImageStorage).encode()) + element(0x0100, b"\1\0")
        + element(0x0110, struct.pack("<H", MESSAGE)) + element(0x0700, b"\0\0")
        + element(0x0800, b"\0\0") + element(0x1000, uid.encode())
    )  # fmt: skip
    return element(0, struct.pack("<L", len(rest))) + rest


def sent(one: Association, raw: bytes) -> None:
    assert one.dul.socket is not None
    one.dul.socket.send(raw)


def answer(one: Association) -> tuple[int | None, int | None]:
    """Message answered and status."""
    one.dimse_timeout = 20
    _context, message = one.dimse.get_msg(block=True)
    assert message is not None
    return message.MessageIDBeingRespondedTo, message.Status


def pieces(content: bytes, size: int) -> list[bytes]:
    found = [content[at : at + size] for at in range(0, len(content), size)]
    kinds = [DATA] * (len(found) - 1) + [DATA | LAST]
    return [fragment(kind, piece) for kind, piece in zip(kinds, found, strict=True)]


def kept(stored: Stored) -> bytes:
    with installed.store().open(stored.sealed.name) as stream:
        whole = stream.read()
    assert hashlib.sha256(whole).hexdigest() == stored.sealed.sha256
    return whole[144 + int.from_bytes(whole[140:144], "little") :]


def cuts(ask: bytes, content: bytes) -> dict[str, bytes]:
    """Ways to send one object."""
    whole = fragment(COMMAND | LAST, ask)
    halves = fragment(COMMAND, ask[:50]), fragment(COMMAND | LAST, ask[50:])
    return {
        "all in one PDU": pdu(whole, *pieces(content, len(content))),
        "a PDU for each fragment": b"".join(map(pdu, (whole, *pieces(content, 30_000)))),
        "many fragments in a PDU": pdu(whole) + pdu(*pieces(content, 999)),
        "the first fragment with the command": pdu(whole, pieces(content, 70_000)[0])
        + b"".join(map(pdu, pieces(content, 70_000)[1:])),
        "a command in two fragments": b"".join(map(pdu, (*halves, *pieces(content, 50_000)))),
        "a command in two fragments of a PDU": pdu(*halves) + pdu(*pieces(content, 50_000)),
    }


@pytest.mark.parametrize("way", cuts(bytes(99), bytes(199_999)))
def test_an_object_is_kept_byte_for_byte_however_it_is_cut(node: Node, way: str) -> None:
    with associated(node) as one:
        for size in (200_000, 140_000):  # the second finds the first one's bytes in the buffer
            made, content = encoded(LITTLE, EncapsulatedDocument=bytes(range(250)) * (size // 250))
            sent(one, cuts(command(made.SOPInstanceUID), content)[way])
            assert answer(one) == (MESSAGE, 0)
            assert kept(node.stored[-1]) == content
            assert node.stored[-1].first.sop_instance == made.SOPInstanceUID
            assert node.stored[-1].calling == "CUTTER"


@pytest.mark.parametrize(
    "wrong",
    [
        fragment(DATA | LAST, b"of another context", context=3),
        fragment(COMMAND | LAST, command("1.2.3")),
        struct.pack(">LBB", 1_000_000, 1, DATA) + b"shorter than it says",
        fragment(DATA | LAST, b"") + fragment(DATA | LAST, b"after the last"),
        struct.pack(">L", 1),
    ],
)
def test_what_is_no_fragment_of_the_object_ends_the_association(node: Node, wrong: bytes) -> None:
    made, content = encoded(LITTLE, EncapsulatedDocument=bytes(50_000))
    start = pdu(fragment(COMMAND | LAST, command(made.SOPInstanceUID)))
    with associated(node) as one:
        sent(one, start + pdu(fragment(DATA, content[:20_000])) + pdu(wrong))
        until = time.monotonic() + 90
        while one.dul.is_alive() and one.dul.to_user_queue.empty() and time.monotonic() < until:
            time.sleep(0.01)
        assert not one.dul.to_user_queue.empty()  # its abort
        assert node.stored == []
    with associated(node) as one:
        sent(one, start + b"".join(map(pdu, pieces(content, 20_000))))
        assert answer(one) == (MESSAGE, 0)
    assert kept(node.stored[0]) == content


def test_a_pdu_larger_than_agreed_is_not_waited_for(node: Node) -> None:
    made, _content = encoded(LITTLE)
    with associated(node) as one:
        sent(one, pdu(fragment(COMMAND | LAST, command(made.SOPInstanceUID))))
        sent(one, struct.pack(">BxL", 4, 2**32 - 1) + bytes(100))
        until = time.monotonic() + 90
        while node.associations.addresses() and time.monotonic() < until:
            time.sleep(0.01)
        assert node.associations.addresses() == []


def test_an_object_without_a_study_is_answered_with_a_refusal(node: Node) -> None:
    made, content = encoded(LITTLE, StudyInstanceUID="")
    with associated(node) as one:
        sent(one, cuts(command(made.SOPInstanceUID), content)["all in one PDU"])
        assert answer(one) == (MESSAGE, 0xC000)
    assert len(node.refused) == 1


def test_a_sender_with_nagles_algorithm_is_not_kept_waiting(node: Node) -> None:
    """dcmtk's: the end of an object goes when what went before is acknowledged, which Linux does
    40 ms late after an answer."""
    # What is refused is not written, so that no disk is timed.
    made, content = encoded(LITTLE, StudyInstanceUID="", EncapsulatedDocument=bytes(200_000))
    late = 0
    with associated(node) as one:
        (served,) = node.associations._server.active_associations
        for _ in range(40):
            connection(served).setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
            began = time.monotonic()
            sent(one, pdu(fragment(COMMAND | LAST, command(made.SOPInstanceUID))))
            for piece in pieces(content, 100_000):
                sent(one, pdu(piece))
            assert answer(one) == (MESSAGE, 0xC000)
            late += time.monotonic() - began > 0.039
    # Without what the node does against it, every second one is late; a busy machine delays a few.
    assert late < 12


def connection(one: Association) -> socket.socket:
    assert one.dul.socket is not None
    assert one.dul.socket.socket is not None
    return one.dul.socket.socket
