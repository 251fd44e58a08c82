"""What pages show and do, through Django's test client."""

import json
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loupe.accounts.policy import SCOPES
from loupe.console.pages.keys import SCOPE_WORDS
from loupe.intake.models import Channel, Submission
from loupe.jobs.models import Job, JobState, Result
from loupe.registry.models import Stage
from loupe.review.models import Review
from loupe.testing import factories
from tests.host.console.conftest import APP, House, reading


def queries(house: House, there: str) -> int:
    client = house.client()
    client.get(there)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(there).status_code == 200
    return len(seen)


@pytest.mark.parametrize("rest", ["", "apps/dummy_app/", "apps/dummy_app/results/", "jobs/"])
def test_a_page_asks_the_database_as_often_with_a_thousand_results_as_with_ten(
    house: House, rest: str
) -> None:
    before = queries(house, house.url(rest))
    more = [reading(f"more-{index}.json", index * 0.01) for index in range(1000)]
    factories.job(house.project, APP, more, name="Large lot")
    assert queries(house, house.url(rest)) == before


@pytest.mark.parametrize("count", [10, 1000])
def test_the_result_and_job_pages_cost_the_same_in_a_large_job(house: House, count: int) -> None:
    made = [reading(f"more-{index}.json", index * 0.01) for index in range(count)]
    job = factories.job(house.project, APP, made)
    middle = Result.objects.filter(job=job).order_by("id")[count // 2]
    assert queries(house, house.app(f"results/{middle.pk}/?job={job.pk}")) <= 22
    assert queries(house, house.url(f"jobs/{job.pk}/")) <= 18


def test_filters_in_the_address_decide_what_is_listed_and_exported(house: House) -> None:
    client = house.client()
    wanted = set(
        Result.objects.filter(project=house.project, outcome="high").values_list("pk", flat=True)
    )
    assert 0 < len(wanted) < 12
    page = client.get(house.app("results/?outcome=high")).content.decode()
    listed = {int(found) for found in re.findall(r'name="result" value="(\d+)"', page)}
    assert listed == wanted
    answer = client.get(house.app("results/export/lines?outcome=high"))
    lines = answer.getvalue().decode().strip().splitlines()
    assert len(lines) == len(wanted)


def test_calls_of_a_line_do_not_hide_the_other_recent_jobs(house: House) -> None:
    factories.job(house.project, APP, [reading("a.json", 0.1)], name="Lot 1107")
    for number in range(9):
        made = [reading(f"call-{number}.json", 0.1)]
        factories.job(house.project, APP, made, name=f"call {number}", channel=Channel.SYNC)
    page = house.client().get(house.url("")).content.decode()
    recent = page[page.index('id="recent"') :]
    assert "Lot 1107" in recent
    assert "call 8" not in recent
    Job.objects.exclude(submission__channel=Channel.SYNC).update(
        project=factories.project("b", "B")
    )
    page = house.client().get(house.url("")).content.decode()
    assert "call 8" in page[page.index('id="recent"') :]


def test_words_in_the_address_that_mean_nothing_do_not_filter(house: House) -> None:
    answer = house.client().get(house.app("results/?outcome=x&reviewed=maybe&job=1&from=x&after=y"))
    assert answer.status_code == 200
    assert answer.content.count(b'name="result"') == 12


def test_pages_of_results_follow_one_another_without_gap_or_repeat(house: House) -> None:
    made = [reading(f"more-{index}.json", 1.0) for index in range(120)]
    job = factories.job(house.project, APP, made)
    client, seen = house.client(), []
    there = house.app(f"results/?job={job.pk}")
    while there:
        text = client.get(there).content.decode()
        seen += [int(found) for found in re.findall(r'name="result" value="(\d+)"', text)]
        older = re.search(r'rel="next" href="([^"]+)"', text)
        there = house.app("results/") + older[1].replace("&amp;", "&") if older else ""
    assert seen == list(Result.objects.filter(job=job).order_by("-id").values_list("pk", flat=True))


def test_a_review_is_stored_and_leads_to_the_next_result(house: House) -> None:
    there = house.app(f"results/{house.result.pk}/review")
    answer = house.client("reviewer").post(
        there, {"verb": "lower", "note": "dust", "next": "99", "back": "outcome=high"}
    )
    assert answer["Location"].endswith("/results/99/?outcome=high")
    given = Review.objects.get(result=house.result)
    assert (given.verb, given.note, given.user.username) == ("lower", "dust", "reviewer")
    house.result.refresh_from_db()
    assert (house.result.outcome, house.result.reviewed) == ("low", True)


def test_a_review_that_came_too_late_is_refused_with_a_sentence(house: House) -> None:
    there = house.app(f"results/{house.result.pk}/review")
    house.client("reviewer").post(there, {"verb": "agree", "last_review_id": "0"})
    answer = house.client("admin").post(
        there, {"verb": "lower", "last_review_id": "0"}, follow=True
    )
    assert "after you opened it" in answer.content.decode()
    assert Review.objects.count() == 1


@pytest.mark.parametrize("seen", ["{}", "-1", "1" * 30, "\uff11"])
def test_a_review_from_a_damaged_form_is_refused_with_a_sentence(house: House, seen: str) -> None:
    there = house.app(f"results/{house.result.pk}/review")
    form = {"verb": "lower", "last_review_id": seen}
    answer = house.client("reviewer").post(there, form, follow=True)
    assert "open it again" in answer.content.decode()
    assert not Review.objects.exists()


def test_a_signature_needs_the_password(house: House) -> None:
    client = house.client("reviewer")
    there = house.app(f"results/{house.result.pk}/review")
    client.post(there, {"verb": "sign", "password": "wrong"})
    assert not Review.objects.exists()
    client.post(there, {"verb": "sign", "password": factories.PASSWORD})
    assert Review.objects.get().content_sha256
    page = client.get(house.app(f"results/{house.result.pk}/")).content.decode()
    assert "Signed by reviewer" in page


def test_undo_restores_what_held_before(house: House) -> None:
    before = house.result.outcome
    client = house.client("reviewer")
    client.post(house.app(f"results/{house.result.pk}/review"), {"verb": "lower"})
    client.post(house.app(f"results/{house.result.pk}/undo"))
    house.result.refresh_from_db()
    assert (house.result.outcome, house.result.reviewed) == (before, False)


def test_one_verb_is_said_about_all_selected_rows(house: House) -> None:
    ids = list(Result.objects.filter(job=house.job).values_list("pk", flat=True)[:3])
    answer = house.client("reviewer").post(
        house.app("results/bulk"),
        {"verb": "agree", "result": [*ids, house.foreign.pk]},
        follow=True,
    )
    assert "3 results: Agree." in answer.content.decode()
    assert set(Review.objects.values_list("result_id", flat=True)) == set(ids)


def test_a_drop_that_holds_nothing_usable_is_answered_file_by_file(house: House) -> None:
    factories.model_version(None, APP, "double")
    files = [SimpleUploadedFile("empty.json", b""), SimpleUploadedFile("page.svg", b"<svg></svg>")]
    answer = house.client("operator", accept="application/json").post(
        house.app("upload"), {"files": files}
    )
    problem = json.loads(answer.content)
    assert answer.status_code == 400
    assert {reason["name"] for reason in problem["reasons"]} == {"empty.json", "page.svg"}
    assert not Submission.objects.filter(name="empty.json").exists()


def test_a_failed_job_names_the_reason_and_offers_to_retry_it(house: House) -> None:
    page = house.client("operator").get(house.url(f"jobs/{house.job.pk}/")).content.decode()
    assert "It is damaged." in page
    assert "broken.json" in page
    assert 'name="code" value="damaged"' in page
    assert "It is no reading." in page
    assert 'name="code" value="kind_refused"' not in page
    assert "hx-get" not in page.split('id="live"')[1].split(">")[0]


def test_a_running_job_asks_for_news_and_a_cancelled_one_no_longer_does(house: House) -> None:
    made = [reading("a.json", 1.0), factories.Made(name="b.json")]
    job = factories.job(house.project, APP, made)
    client = house.client("operator")
    live = house.url(f"jobs/{job.pk}/live")
    assert "hx-trigger" in client.get(live).content.decode()
    answer = client.post(house.url(f"jobs/{job.pk}/cancel"), follow=True)
    assert "The results stored so far are kept." in answer.content.decode()
    assert Job.objects.get(pk=job.pk).state == JobState.CANCELLED
    assert "hx-trigger" not in client.get(live).content.decode()


def test_a_cancelled_job_says_what_is_left_and_goes_on_at_a_click(house: House) -> None:
    made = [reading("a.json", 1.0), factories.Made(name="b.json"), factories.Made(name="c.json")]
    job = factories.job(house.project, APP, made)
    client = house.client("operator")
    page = house.url(f"jobs/{job.pk}/")
    assert f"{page}resume" not in client.get(page).content.decode()
    client.post(f"{page[:-1]}/cancel")
    shown = client.get(page).content.decode()
    assert f"{page}resume" in shown
    assert "Resume, 2 files left" in shown
    assert f"{page}resume" not in house.client("viewer").get(page).content.decode()
    answer = client.post(f"{page}resume", follow=True).content.decode()
    assert "Resumed: 2 files wait." in answer
    assert f"{page}resume" not in answer
    job.refresh_from_db()
    assert (job.state, job.items.filter(state="queued").count()) == (JobState.RUNNING, 2)
    again = client.post(f"{page}resume", follow=True).content.decode()
    assert "no item of it was cancelled" in again


def test_the_bar_of_a_job_adds_up_to_the_whole(house: House) -> None:
    made = [reading("a.json", 1.0), factories.Made(name="b.json"), factories.Made(name="c.json")]
    job = factories.job(house.project, APP, made)
    page = house.client().get(house.url(f"jobs/{job.pk}/live")).content.decode()
    widths = [float(width) for width in re.findall(r'<rect [^>]*width="([\d.]+)%"', page)]
    assert len(widths) == 2
    assert sum(widths) == pytest.approx(100, abs=0.01)


def test_a_new_key_is_shown_once_and_never_again(house: House) -> None:
    client = house.client()
    form = {"name": "MES", "scopes": ["view"], "expires": "30"}
    page = client.post(house.url("settings/keys/"), form).content.decode()
    secret = re.search(r'id="secret">([^<]+)<', page)
    assert secret is not None
    assert secret[1] not in client.get(house.url("settings/keys/")).content.decode()


def test_every_scope_of_a_key_says_what_it_allows(house: House) -> None:
    assert set(SCOPE_WORDS) == SCOPES
    page = house.client().get(house.url("settings/keys/")).content.decode()
    assert "submit – send files and rows" in page


def test_members_are_added_and_the_last_administrator_stays(house: House) -> None:
    client = house.client()
    form = {"username": "stranger", "role": "viewer"}
    assert client.post(house.url("settings/members/"), form).status_code == 302
    assert "stranger" in client.get(house.url("settings/members/")).content.decode()
    answer = client.post(house.url("settings/members/remove"), {"username": "admin"}, follow=True)
    assert "only administrator" in answer.content.decode()


def test_a_schedule_is_made_listed_switched_and_deleted(house: House) -> None:
    client = house.client("engineer")
    form = {
        "name": "Nightly",
        "what": f"{APP}:folder",
        "folder": "line-1",
        "cron": "30 2 * * *",
        "time_zone": "Europe/Berlin",
        "only_new": "on",
    }
    made = client.post(house.url("schedules/new"), form)
    assert made.status_code == 302, made.content.decode()
    page = client.get(made["Location"]).content.decode()
    assert "30 2 * * *" in page
    assert "02:30" in page
    client.post(made["Location"] + "off")
    assert "Switch on" in client.get(made["Location"]).content.decode()
    client.post(made["Location"] + "delete")
    assert "Nothing is scheduled" in client.get(house.url("schedules/")).content.decode()


def test_a_wrong_cron_line_is_explained_at_the_form(house: House) -> None:
    form = {
        "name": "Nightly",
        "what": f"{APP}:folder",
        "folder": "line-1",
        "cron": "99 2 * * *",
        "time_zone": "UTC",
    }
    answer = house.client("engineer").post(house.url("schedules/new"), form)
    assert answer.status_code == 200
    assert "cannot be used" in answer.content.decode()


def test_a_webhook_to_a_private_address_is_refused_at_the_form(house: House) -> None:
    answer = house.client().post(house.url("settings/webhooks/"), {"url": "https://10.0.0.7/hook"})
    assert answer.status_code == 200
    assert "not a public address" in answer.content.decode()


def test_an_operating_point_is_set_as_a_new_version_and_bad_values_are_refused(
    house: House,
) -> None:
    version = factories.model_version(house.project, APP)
    there = house.url(f"models/{APP}/{version.model_id}/{version.number}/point")
    client = house.client("engineer")
    bad = client.post(there, {"low": "many", "high": "5"})
    assert bad.status_code == 200
    assert "aria-invalid" in bad.content.decode()
    good = client.post(there, {"low": "1", "high": "5", "note": "stricter"})
    assert good.status_code == 302
    assert "stricter" in client.get(good["Location"] + "").content.decode()


def test_promotion_needs_a_reason_and_is_told(house: House) -> None:
    factories.model_version(house.project, APP, "own", 1)
    version = factories.model_version(house.project, APP, "own", 2, stage=Stage.CANDIDATE)
    there = house.url(f"models/{APP}/{version.model_id}/2/promote")
    client = house.client("engineer")
    client.post(there, {"reason": ""})
    version.refresh_from_db()
    assert version.stage == "candidate"
    client.post(there, {"reason": "fewer escapes on lot 7"})
    version.refresh_from_db()
    assert version.stage == "production"


def test_every_page_carries_the_strict_policy(house: House) -> None:
    for there in (house.url(), house.app(), house.app(f"results/{house.result.pk}/")):
        policy = house.client().get(there)["Content-Security-Policy"]
        assert "script-src 'self';" in policy + ";"
        assert "unsafe" not in policy


def test_pages_speak_chinese_when_asked(house: House) -> None:
    page = house.client(accept_language="zh-CN").get(house.url()).content.decode()
    assert '<html lang="zh-hans">' in page
    assert "待人判定" in page
    assert "示例" in page


def test_a_very_long_name_is_kept_whole_in_the_title(house: House) -> None:
    name = "folder/" + "x" * 480 + ".json"
    job = factories.job(house.project, APP, [reading(name, 2.0)])
    result = Result.objects.get(job=job)
    page = house.client().get(house.app(f"results/{result.pk}/")).content.decode()
    assert f'title="{name}"' in page
