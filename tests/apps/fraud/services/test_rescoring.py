"""Open alerts are scored again by the model that decides now, from features as they were."""

import pytest
from django.utils import timezone

from apps.fraud.app import App
from apps.fraud.models import Alert, AlertScore
from apps.fraud.models.alerts import AlertState
from apps.fraud.services import rescoring
from loupe.registry.models import ModelVersion, Stage
from tests.apps.fraud.bank import Bank
from tests.apps.fraud.services import trials


@pytest.fixture
def alerts(bank: Bank) -> list[Alert]:
    trials.version(bank, 1, Stage.PRODUCTION)
    bank.store(*trials.payments(60))
    found = list(Alert.objects.filter(project=bank.project, kind="transaction").order_by("pk"))
    assert len(found) > 3
    return found


def run(bank: Bank) -> str:
    return rescoring.rescore(str(bank.project.pk), {})


def test_the_score_is_what_xgboost_says_of_the_features_as_they_were(
    bank: Bank, alerts: list[Alert]
) -> None:
    told = run(bank)
    version = AlertScore.objects.select_related("model_version__model").first().model_version  # type: ignore[union-attr]
    assert told == f"{len(alerts)} alerts scored again by {version}"
    rows = trials.payments(60)
    by_id = dict(
        zip((row.id for row in rows), trials.scores(trials.folder_of(version), rows), strict=True)
    )
    for alert in alerts:
        mine = [by_id[name] for name in alert.transactions.values_list("transaction", flat=True)]
        kept = AlertScore.objects.get(alert=alert)
        assert kept.score == pytest.approx(max(mine), abs=1e-6)
        assert kept.hits == len(mine)
    page = bank.client("viewer").get(bank.url(f"alerts/{alerts[0].pk}/"))
    assert 'id="rescored"' in page.content.decode()


def test_it_is_done_again_only_where_something_changed(
    bank: Bank, alerts: list[Alert], monkeypatch: pytest.MonkeyPatch
) -> None:
    Alert.objects.filter(pk=alerts[0].pk).update(state=AlertState.CLOSED)
    run(bank)
    assert not AlertScore.objects.filter(alert=alerts[0]).exists()  # closed ones are left alone
    assert run(bank) == "no open alert that the model has not seen"
    ModelVersion.objects.filter(number=1).update(stage=Stage.RETIRED)
    trials.version(bank, 2, Stage.PRODUCTION)
    run(bank)
    assert [one.model_version.number for one in rescoring.history(alerts[1])] == [2, 1]
    monkeypatch.setattr(rescoring, "KEPT", 1)
    Alert.objects.update(changed_at=timezone.now())
    run(bank)
    assert AlertScore.objects.filter(alert=alerts[1]).count() == 1  # what is kept ends


def test_it_is_a_schedule_of_every_night() -> None:
    (one,) = [one for one in App.schedules if one.key == "rescore"]
    assert one.default_cron == "30 2 * * *"
