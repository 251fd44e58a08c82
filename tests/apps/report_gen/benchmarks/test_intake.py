"""The bench of the intake: its peers do what the goal says of them."""

from pathlib import Path

import pytest
from pydicom import dcmread

from apps.report_gen.benchmarks import intake, scans

pytestmark = [pytest.mark.serial, pytest.mark.slow]


@pytest.mark.parametrize("work", ["decode", "save"])
def test_a_plain_handler_keeps_what_is_sent(tmp_path: Path, work: str) -> None:
    folder = scans.write(tmp_path / "sent", scans.values(3, 64))
    with intake.plain_handler(tmp_path / "kept", intake.PDU, work) as (port, _pid):
        intake.send([folder], port, "PLAIN")
    sent = {intake.digest(path) for path in folder.iterdir()}
    assert {intake.digest(path) for path in (tmp_path / "kept").iterdir()} == sent


def test_only_the_handler_that_decodes_looks_at_the_pixels(tmp_path: Path) -> None:
    folder = scans.write(tmp_path / "sent", scans.values(1, 64))
    (path,) = folder.iterdir()
    image = dcmread(path)
    image.PixelData = image.PixelData[:100]
    image.save_as(path)
    with intake.plain_handler(tmp_path / "saved", intake.PDU, "save") as (port, _pid):
        intake.send([folder], port, "PLAIN")
    with (
        intake.plain_handler(tmp_path / "decoded", intake.PDU, "decode") as (port, _pid),
        pytest.raises(SystemExit, match="storescu failed"),
    ):
        intake.send([folder], port, "PLAIN")


def test_sides_are_compared_round_by_round() -> None:
    ours, theirs = intake.Side(), intake.Side()
    ours._rates, theirs._rates = [300.0, 100.0, 500.0], [100.0, 50.0, 100.0]
    assert ours.rate() == 300
    assert ours.ratio(theirs) == 3
    assert ours.all() == [300, 100, 500]
