"""Takes files over: nothing of them but their number of letters reaches the host."""

import tempfile
from pathlib import Path

from loupe.contract.receiving import Delivery, NotTaken, Received
from loupe.contract.runtime.errors import InputRefused
from loupe.host import submitting
from loupe.host.people import Project
from receiving_probe.boxes import pack

SEEN: list[Delivery] = []
"""What was handed over in this process, for tests."""


def receive(delivery: Delivery) -> Received:
    """Pack what is usable and submit the box."""
    SEEN.append(delivery)
    odd = [file for file in delivery.files if file.name.endswith(".odd")]
    good = [file for file in delivery.files if file not in odd]
    if not good:
        raise InputRefused("All files are odd. Send others.", code="odd")
    project = Project.objects.get(pk=delivery.project_id)
    with tempfile.TemporaryDirectory() as folder:
        box = pack(Path(folder) / "box", [file.path for file in good])
        job = submitting.submit_file(
            project, "receiving_probe", submitting.channel_of(delivery.channel), box,
            name="box", facts={"inside": "counted"},
        )  # fmt: skip
    return Received(
        reference=str(job.submission_id),
        url=f"/p/{project.slug}/boxes",
        api_url=f"/api/v1/jobs/{job.pk}",
        taken=len(good),
        not_taken=tuple(
            NotTaken(name=each.name, code="odd", message="Odd.", position=each.position)
            for each in odd
        ),
    )
