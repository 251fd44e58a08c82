"""Pages of trials: shown to members, in both languages, and what their forms send is kept."""

import json
import uuid
from typing import Any

import pytest

from apps.fraud.models import Backtest, PointDraft, PriceVersion, Publication, Shadow
from apps.fraud.services import backtest_work
from loupe.registry.models import Stage
from tests.apps.fraud.bank import Bank
from tests.apps.fraud.services import trials

PAGES = (
    "backtests/",
    "backtests/{backtest}/",
    "backtests/{backtest}/live",
    "shadow/",
    "publishing/",
    "publishing/?backtest={backtest}",
    "prices/",
    "bad-rows/{job}/",
)
FORM = {"point": "cuts", "block": "0.5", "source": "period", "start": "2026-03-01T00:00",
        "stop": "2026-03-20T00:00"}  # fmt: skip


@pytest.fixture
def tried(bank: Bank) -> tuple[Bank, Backtest]:
    made = trials.version(bank, 1, Stage.PRODUCTION)
    for day in range(2):
        rows = trials.payments(30, day)
        bank.store(*rows)
        trials.label(bank, rows)
    answer = bank.client("engineer").post(bank.url("backtests/begin"), {**FORM, "version": made.pk})
    assert answer.status_code == 302
    for _ in range(20):  # a slow machine needs several turns
        backtest_work.turn(Backtest.objects.get().pk)
        if (found := Backtest.objects.get()).state != "running":
            break
    return bank, found


def test_every_page_is_shown_to_a_viewer_in_both_languages_and_hidden_from_strangers(
    tried: tuple[Bank, Backtest],
) -> None:
    bank, backtest = tried
    assert backtest.state == "done", backtest.error
    job = bank.block(*trials.payments(2, 5)).job_id
    for page in PAGES:
        path = bank.url(page.format(backtest=backtest.pk, job=job))
        for language in ("en", "zh-hans"):
            answer = bank.client("viewer").get(path, headers={"Accept-Language": language})
            assert answer.status_code == 200, path
            if not page.endswith("live"):
                assert ("关闭" in answer.content.decode()) == (language == "zh-hans"), path
        assert bank.client("stranger").get(path).status_code == 404, path


def test_a_form_becomes_a_draft_and_a_backtest_of_it(tried: tuple[Bank, Backtest]) -> None:
    _bank, backtest = tried
    draft = PointDraft.objects.get()
    assert backtest.draft == draft
    assert draft.data["bands"][0]["block"] == 0.5
    assert backtest.rows == 60


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"stop": ""}, "end after"),
        ({"start": "yesterday"}, "no time"),
        ({"block": "high"}, "write a number"),
        ({"block": ""}, "at least one"),
        ({"version": "7777"}, "Choose a model version"),
        ({"point": "draft:x"}, "Choose an operating point"),
        ({"source": "table", "job": "x"}, "uploaded table"),
        ({"source": "table", "job": str(uuid.UUID(int=1))}, "no such job"),
    ],
)
def test_a_wrong_form_is_refused_with_a_sentence_and_kept(
    bank: Bank, wrong: dict[str, str], said: str
) -> None:
    made = trials.version(bank, 1, Stage.PRODUCTION)
    form = {**FORM, "version": str(made.pk), **wrong}
    answer = bank.client("engineer").post(bank.url("backtests/begin"), form)
    html = answer.content.decode()
    assert answer.status_code == 400
    assert said in html
    assert 'value="2026-03-20T00:00"' in html or "stop" in wrong
    assert Backtest.objects.count() == 0


def test_its_figures_are_downloaded_in_both_forms(tried: tuple[Bank, Backtest]) -> None:
    bank, backtest = tried
    table, told = (
        bank.client("viewer").get(bank.url(f"backtests/{backtest.pk}/export/{form}"))
        for form in ("csv", "json")
    )
    assert "attachment" in table["Content-Disposition"]
    assert "challenger,total,total,60," in table.content.decode("utf-8-sig")
    assert json.loads(told.content)["comparison"]["challenger"]["total"]["transactions"] == 60
    strange = bank.client("viewer").get(bank.url(f"backtests/{backtest.pk}/export/xls"))
    assert strange.status_code == 404


def test_prices_say_that_they_are_assumptions_until_they_are_set(bank: Bank) -> None:
    trials.version(bank, 1, Stage.PRODUCTION)
    client, url = bank.client("engineer"), bank.url("prices/")
    assert "assumptions" in client.get(url).content.decode()
    form = {
        "review": "4.20", "review_minutes": "5", "step_up": "0,10", "customer": "12",
        "margin": "1.5", "step_up_lost": "5", "step_up_stops": "90", "review_stops": "95",
    }  # fmt: skip
    assert client.post(bank.url("prices/save"), form).status_code == 302
    kept = PriceVersion.objects.get().data
    assert (kept["review"], kept["step_up"], kept["margin"]) == (420, 10, 0.015)
    assert "assumptions" not in client.get(url).content.decode()
    wrong = client.post(bank.url("prices/save"), {**form, "margin": "200"})
    assert wrong.status_code == 400
    assert 'value="200"' in wrong.content.decode()


def test_who_may_only_look_is_offered_nothing_and_can_do_nothing(
    tried: tuple[Bank, Backtest],
) -> None:
    bank, backtest = tried
    client = bank.client("reviewer")
    for page in ("backtests/", "shadow/", "publishing/"):
        assert "<textarea" not in client.get(bank.url(page)).content.decode()
        assert 'id="version"' not in client.get(bank.url(page)).content.decode()
    for address in ("backtests/begin", f"backtests/{backtest.pk}/cancel", "shadow/begin",
                    "publishing/ask", "publishing/back/point", "prices/save"):  # fmt: skip
        assert client.post(bank.url(address), {}).status_code == 403, address
    assert (Shadow.objects.count(), Publication.objects.count()) == (0, 0)


def test_what_a_backtest_tried_is_asked_for_with_it(tried: tuple[Bank, Backtest]) -> None:
    bank, backtest = tried
    client = bank.client("engineer")
    form: dict[str, Any] = {"draft": "1", "backtest": str(backtest.pk), "reason": "Saves more."}
    assert client.post(bank.url("publishing/ask"), form).status_code == 302
    asked = Publication.objects.get()
    assert asked.backtest == backtest
    page = bank.client("admin").get(bank.url("publishing/")).content.decode()
    assert "Saves more." in page
    assert "Money saved" in page
    act = bank.url(f"publishing/{asked.pk}/approve")
    assert bank.client("admin").post(act, {}).status_code == 302
    asked.refresh_from_db()
    assert asked.state == "approved"
