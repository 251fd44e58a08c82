"""Damaged bytes end in a verdict, never in a crash: pydicom's own broken files, and fuzzed ones."""

import random
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nibabel.nifti1 import Nifti1Image
from pydicom.data import get_testdata_files

from apps.report_gen.deid.files import deidentified
from apps.report_gen.deid.pseudonyms import Pseudonyms
from apps.report_gen.reading.limits import DEFAULT
from apps.report_gen.reading.studies import gate
from tests.apps.report_gen.reading.test_nifti import chest
from tests.apps.report_gen.studies import Taken, enhanced, series

LIMITS = replace(DEFAULT, file_bytes=2**26, total_bytes=2**27, workers=1)
KEY = Pseudonyms(bytes(32))


def local_files() -> list[Path]:
    """Those that come with pydicom; nothing is fetched."""
    return [Path(each) for each in get_testdata_files("*.dcm") if Path(each).is_file()]


@pytest.mark.slow
def test_every_file_of_pydicom_ends_in_a_refusal() -> None:
    files = local_files()
    assert len(files) > 50
    for file in files:
        found = gate([file], LIMITS)
        assert all(each.status == "refused" and each.reasons for each in found), file.name
        for each in found:
            assert all(reason.text.en and reason.text.zh for reason in each.reasons)


@pytest.mark.slow
def test_every_file_of_pydicom_is_de_identified_or_left_out() -> None:
    for file in local_files():
        list(deidentified([file], KEY, LIMITS))


def small() -> list[bytes]:
    made = []
    single = series(Taken(count=1, rows=16, columns=16))[0]
    for image in (single, enhanced(Taken(count=12, rows=8, columns=8))):
        stream = BytesIO()
        image.save_as(stream, enforce_file_format=True)
        made.append(stream.getvalue())
    values, affine = chest()
    made.append(Nifti1Image(values[:12, :12, :12].astype("i2"), affine).to_bytes())
    return made


SEEDS = small()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(range(len(SEEDS))))
def test_fuzzed_files_end_in_a_verdict(
    tmp_path_factory: pytest.TempPathFactory, seed: int, which: int
) -> None:
    chance = random.Random(seed)
    content = bytearray(SEEDS[which])
    for _ in range(chance.randint(1, 12)):
        at = (
            chance.randrange(len(content))
            if chance.random() < 0.3
            else chance.randrange(min(len(content), 1500))
        )
        content[at] = chance.randrange(256)
    if chance.random() < 0.3:
        del content[chance.randrange(len(content)) :]
    file = tmp_path_factory.mktemp("fuzz") / "f"
    file.write_bytes(content)
    for found in gate([file], LIMITS):
        assert found.status in ("refused", "usable", "usable_with_warning")
    list(deidentified([file], KEY, LIMITS))


def test_sequences_without_end_do_not_end_the_process(tmp_path: Path) -> None:
    head = bytes(128) + b"DICM" + b"\x02\0\x10\0UI\x14\x001.2.840.10008.1.2.1\0"
    nested = b"\x08\0\x10\x11SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\0\xe0\xff\xff\xff\xff"
    (tmp_path / "deep").write_bytes(head + nested * 20_000)
    (found,) = gate([tmp_path], LIMITS)
    assert found.status == "refused"
    list(deidentified([tmp_path], KEY, LIMITS))
