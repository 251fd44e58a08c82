"""``clinical``: what cannot be brought back is asked for exactly."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from apps.report_gen.clinical import installed
from apps.report_gen.commands.clinical import main
from apps.report_gen.models import ClinicalObject, Study
from loupe.accounts.models import Project
from tests.apps.report_gen.services.conftest import place, project
from tests.apps.report_gen.services.sending import send
from tests.apps.report_gen.studies import Taken, series, write

__all__ = ["place", "project"]
pytestmark = pytest.mark.slow


@pytest.fixture
def old(project: Project, tmp_path: Path) -> Study:
    """A study that arrived forty days ago."""
    folder = write(series(Taken(count=12, rows=16, columns=16)), tmp_path / "in")
    send(project, sorted(folder.iterdir()))
    study = Study.objects.get()
    Study.objects.update(arrived_at=timezone.now() - timedelta(days=40))
    return study


@pytest.mark.parametrize("days", ["0", "-5", "1.5", "99999999999", "36501", "all"])
def test_a_period_that_is_none_forgets_nobody(
    old: Study, days: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(installed.store().names())
    with pytest.raises(SystemExit) as ended:
        main(["retain", f"--days={days}"])
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert f"{days!r} is no period: a whole number of days from 1 to 36,500 is needed" in told
    assert sorted(installed.store().names()) == before


def test_studies_older_than_a_period_are_forgotten(
    old: Study, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["retain", "--days", "41", "--project", project.slug]) == 0
    assert "0 studies erased." in capsys.readouterr().out
    assert main(["retain", "--days", "39", "--project", project.slug]) == 0
    assert "1 studies erased." in capsys.readouterr().out
    assert not ClinicalObject.objects.exists()
