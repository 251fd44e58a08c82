"""What dcmtk and dicom3tools say of an object. Neither is a Python library: no test is skipped
without them, `scripts/dicom_tools.sh` installs them."""

import subprocess
from pathlib import Path


def dciodvfy(content: bytes, folder: Path) -> list[str]:
    """The errors that dicom3tools finds."""
    file = folder / "object.dcm"
    file.write_bytes(content)
    said = subprocess.run(["dciodvfy", str(file)], capture_output=True, check=False, timeout=240)
    told = (said.stdout + said.stderr).decode(errors="replace")
    assert "Comprehensive3DSR" in told or "Segmentation" in told, told
    return [line for line in told.splitlines() if line.startswith("Error")]


def dsrdump(content: bytes, folder: Path) -> str:
    """The document as dcmtk reads it; fails where it finds an error."""
    file = folder / "report.dcm"
    file.write_bytes(content)
    said = subprocess.run(
        ["dsrdump", "-Er", "+U8", "+Pl", "+Pc", str(file)],
        capture_output=True,
        check=False,
        timeout=240,
    )
    assert said.returncode == 0, said.stderr.decode(errors="replace")
    # dcmtk 3.6.7 checks no values in UTF-8 and says so.
    told = said.stderr.decode(errors="replace").splitlines()
    assert not [line for line in told if "VR checker does not support" not in line], told
    return said.stdout.decode()
