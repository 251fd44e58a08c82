"""Whatever bytes come as an archive: a Loupe error or entries, and nothing outside the spool."""

import contextlib
import tarfile
import tempfile
import zipfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loupe.blobs.sniff import table
from loupe.contract.runtime.errors import LoupeError
from loupe.intake.archives import reading
from loupe.intake.archives.budget import Budget
from tests.host.intake.samples import JPEG, PNG, below, tar_bytes, tar_special, zip_bytes

_ENTRIES = [("a.png", PNG * 20), ("零件/b.jpg", JPEG), ("c/d.bin", bytes(range(256)) * 8)]
SEEDS = [
    (table.ZIP, zip_bytes(_ENTRIES)),
    (table.ZIP, zip_bytes(_ENTRIES, zipfile.ZIP_STORED)),
    (table.TAR, tar_bytes(_ENTRIES)),
    (table.TAR, tar_bytes([*_ENTRIES, ("n" * 300, PNG)], "w:gz")),
    (table.TAR, tar_bytes(_ENTRIES, "w:bz2")),
    (table.TAR, tar_bytes(_ENTRIES, "w:xz")),
    (table.TAR, tar_bytes([tar_special("l", tarfile.SYMTYPE, "/etc/passwd"), *_ENTRIES])),
]


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, bytes]:
    """A good archive with bytes changed, cut out, repeated or cut off."""
    media_type, seed = draw(st.sampled_from(SEEDS))
    data = bytearray(seed)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        match draw(st.integers(0, 3)):
            case 0:
                change = draw(st.binary(min_size=1, max_size=8))
                data[at : at + len(change)] = change
            case 1:
                del data[at : at + draw(st.integers(1, 600))]
            case 2:
                data[at:at] = data[at : at + draw(st.integers(1, 600))]
            case _:
                del data[at:]
    return media_type, bytes(data)


def consume(media_type: str, data: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spool = folder / "spool"
        spool.mkdir()
        (folder / "sent").write_bytes(data)
        count = 0

        def new_file() -> Path:
            nonlocal count
            count += 1
            return spool / str(count)

        budget = Budget(max_files=50, max_bytes=2_000_000, max_entry_bytes=1_000_000, max_ratio=200)
        finished = set()
        with contextlib.suppress(LoupeError):
            for entry in reading.read(folder / "sent", media_type, budget, new_file):
                if entry.written is not None:
                    finished.add(entry.written.path)
                    assert entry.written.path.stat().st_size == entry.written.size
        assert below(folder) == finished | {folder / "sent"}


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutated())
def test_a_damaged_archive_is_a_loupe_error_or_good_entries(case: tuple[str, bytes]) -> None:
    consume(*case)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([table.ZIP, table.TAR]), st.binary(max_size=3000))
def test_noise_is_a_loupe_error_or_nothing(media_type: str, data: bytes) -> None:
    consume(media_type, data)
