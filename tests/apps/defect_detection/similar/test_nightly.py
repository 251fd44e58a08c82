"""By night, what was confirmed is taken in, and a promoted model becomes the one that looks."""

import pytest

from apps.defect_detection.app import App
from apps.defect_detection.models import Case, Embedder
from apps.defect_detection.similar import nightly
from loupe.contract.runtime.steps import load
from loupe.registry.models import Stage
from loupe.testing import factories
from tests.apps.defect_detection.similar.conftest import APP, Line, data


def test_the_schedule_takes_in_what_was_confirmed_and_says_so(line: Line) -> None:
    run = load(App.schedules[0].run)
    case, other, _ = line.results(data((10, "pit")), data((12, "pit")), data((14, "pit")))
    line.confirm(case)
    line.confirm(other)
    assert run(str(line.project.pk), {}) == "2 results taken in, 0 left."
    assert run(str(line.project.pk), {}) == "0 results taken in, 0 left."


def test_what_does_not_fit_into_one_run_is_left_for_the_next(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    (case,) = line.results(data((10, "pit")))
    line.confirm(case)
    monkeypatch.setattr(nightly, "SECONDS", 0.0)
    assert nightly.take_in(str(line.project.pk), {}) == "0 results taken in, 1 left."


def test_after_a_promotion_everything_is_seen_anew_by_the_promoted_model(line: Line) -> None:
    (case,) = line.results(data((10, "pit")))
    line.confirm(case)
    nightly.take_in(str(line.project.pk), {})
    line.version.stage = Stage.RETIRED
    line.version.save()
    newer = factories.model_version(None, APP, number=2)
    told = nightly.take_in(str(line.project.pk), {})
    assert told == f"Began anew with {newer}; 1 results taken in, 0 left."
    assert Embedder.objects.get(project=line.project).version == newer
    assert Case.objects.get(result=case).embedder.version == newer
