"""Sources that are due: what is taken, what is left, what is said when nothing comes."""

import socket
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone
from pytest_django import Settings

from loupe.accounts.models import Project
from loupe.accounts.policy import SYSTEM
from loupe.intake.models import Channel, Input
from loupe.jobs.models import Job, JobState
from loupe.sources import fetching, polling, services
from loupe.sources.models import HttpSource
from tests.host.sources.conftest import SECOND, Camera


def poll(source: HttpSource) -> HttpSource:
    """Ask now, as if the time had come and the last picture were done."""
    Job.objects.update(state=JobState.DONE)
    HttpSource.objects.filter(pk=source.pk).update(next_at=timezone.now() - timedelta(seconds=1))
    polling.poll_due()
    source.refresh_from_db()
    return source


def test_a_new_picture_becomes_a_submission_and_the_same_one_does_not(
    source: HttpSource, camera: Camera
) -> None:
    assert poll(source).taken == 1
    job = Job.objects.get()
    assert (job.submission.channel, job.submission.name) == (Channel.HTTP, "Cam 1")
    name = Input.objects.get().name
    assert name.startswith("Cam 1 2")
    assert name.endswith("Z.json")
    assert (poll(source).taken, source.unchanged) == (1, 1)
    camera.body = SECOND
    assert (poll(source).taken, source.unchanged) == (2, 1)
    assert source.last_job_id in set(Job.objects.values_list("pk", flat=True))
    assert source.next_at > timezone.now()


def test_an_unchanged_etag_sends_no_bytes(source: HttpSource, camera: Camera) -> None:
    camera.etag = '"one"'
    poll(source)
    assert (poll(source).taken, source.unchanged) == (1, 1)
    assert camera.asked[-1]["If-None-Match"] == '"one"'


@pytest.mark.parametrize("mode", ["mjpeg", "mjpeg_uncounted"])
def test_a_stream_gives_its_first_whole_picture(
    source: HttpSource, camera: Camera, mode: str
) -> None:
    camera.mode = mode
    assert poll(source).error == ""
    assert Input.objects.get().blob.size == len(camera.body)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("mode", "algorithm"), [("plain", "MD5"), ("plain", "SHA-256"), ("basic", "")]
)
def test_a_camera_with_a_password_is_answered(
    source: HttpSource, camera: Camera, mode: str, algorithm: str
) -> None:
    camera.user, camera.password, camera.mode, camera.algorithm = "anna", "s:s", mode, algorithm
    assert "check user and password" in poll(source).error
    services.update(SYSTEM, source, username="anna", password="s:s")
    assert (poll(source).error, source.taken) == ("", 1)
    services.update(SYSTEM, source, password="wrong")
    if mode != "basic":
        assert "check user and password" in poll(source).error


@pytest.mark.parametrize(
    ("mode", "status", "said"),
    [
        ("plain", 503, "answered 503"),
        ("plain", 302, "redirects are not followed"),
        ("cut", 200, "broke off|IncompleteRead"),
        ("endless", 200, "more than 1,000,000 bytes"),
        ("silent", 200, "did not answer within"),
    ],
)
def test_trouble_is_said_and_asked_about_less_often(
    source: HttpSource,
    camera: Camera,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    status: int,
    said: str,
) -> None:
    settings.SOURCE_BYTES = 1_000_000
    monkeypatch.setattr(fetching, "TOTAL_S", 0.5)
    monkeypatch.setattr(fetching, "SILENT_S", 0.5)
    camera.mode, camera.status = mode, status
    with pytest.raises(Exception, match=said):
        fetching.fetch(fetching.Wanted(url=camera.url))
    poll(source)
    assert source.failures == 1
    waits = [source.next_at - timezone.now()]
    poll(source)
    waits.append(source.next_at - timezone.now())
    assert timedelta(seconds=15) < waits[0] < waits[1] < timedelta(seconds=45)
    camera.mode, camera.status = "plain", 200
    assert (poll(source).failures, source.error, source.taken) == (0, "", 1)


def test_a_dead_camera_holds_up_no_other_and_is_let_go_of_after_its_silence(
    source: HttpSource, camera: Camera, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "SILENT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as dead:
        services.create(
            SYSTEM, project, app="dummy_app", name="Dead",
            url=f"http://127.0.0.1:{dead.getsockname()[1]}/", facts={},
        )  # fmt: skip
        HttpSource.objects.filter(name="Dead").update(next_at=timezone.now() - timedelta(hours=1))
        order, real = [], polling._dealt_with

        def dealt_with(which: HttpSource, answer: object) -> object:
            order.append(which.name)
            return real(which, answer)  # type: ignore[arg-type]

        monkeypatch.setattr(polling, "_dealt_with", dealt_with)
        assert len(polling.poll_due()) == 1
    assert order == [source.name, "Dead"]
    late = HttpSource.objects.get(name="Dead")
    assert "did not answer within 0.5 s" in late.error
    assert (late.failures, late.lease_until) == (1, None)


def test_a_picture_the_app_does_not_take_is_said_until_another_comes(
    source: HttpSource, camera: Camera
) -> None:
    camera.body = b"\x89PNG\r\n\x1a\n" + b"0" * 100
    assert "Dummy takes JSON" in poll(source).error
    assert "Dummy takes JSON" in poll(source).error
    assert source.unchanged == 1
    camera.body = SECOND
    assert (poll(source).error, source.taken) == ("", 1)


def test_the_next_picture_waits_for_the_last_one(source: HttpSource, camera: Camera) -> None:
    poll(source)
    camera.body = SECOND
    HttpSource.objects.update(next_at=timezone.now() - timedelta(seconds=1))
    assert polling.poll_due() == []
    source.refresh_from_db()
    assert "still waiting" in source.note
    assert len(camera.asked) == 1
    assert (poll(source).taken, source.note) == (2, "")


def test_a_source_that_is_off_or_in_work_is_not_asked(source: HttpSource, camera: Camera) -> None:
    HttpSource.objects.update(lease_until=timezone.now() + timedelta(seconds=60))
    assert polling.poll_due() == []
    HttpSource.objects.update(lease_until=timezone.now() - timedelta(seconds=1), enabled=False)
    assert polling.poll_due() == []
    assert camera.asked == []
    HttpSource.objects.update(enabled=True)
    assert len(polling.poll_due()) == 1


def test_a_worker_that_lost_its_lease_writes_nothing(source: HttpSource) -> None:
    claimed = polling._claim()
    HttpSource.objects.update(lease_until=F("lease_until") + timedelta(seconds=1))
    answer = fetching.fetch(fetching.Wanted(url=source.url))
    polling._settle(claimed[0], answer, taken=99)
    source.refresh_from_db()
    assert source.taken == 0
    assert answer.written is not None
    answer.written.path.unlink()


def test_a_private_address_is_refused_unless_its_network_is_allowed(
    project: Project, camera: Camera, settings: Settings
) -> None:
    with pytest.raises(Exception, match=r"not a public address.*LOUPE_SOURCE_ALLOW"):
        services.create(SYSTEM, project, app="dummy_app", name="Cam", url=camera.url)


def test_an_address_whose_permission_ended_is_not_asked_any_more(
    source: HttpSource, camera: Camera, settings: Settings
) -> None:
    settings.SOURCE_ALLOW = []
    assert "LOUPE_SOURCE_ALLOW" in poll(source).error
    assert camera.asked == []


def test_facts_of_the_source_go_with_every_picture(source: HttpSource) -> None:
    poll(source)
    assert Job.objects.get().submission.facts == source.facts
