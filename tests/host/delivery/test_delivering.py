"""From a change to a receiver: signed, retried, once, and never to a private address."""

import json
import socket
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from loupe.accounts.models import Project
from loupe.accounts.policy import Actor
from loupe.changes.kinds import Kind
from loupe.changes.services import publish
from loupe.delivery import posting, sending
from loupe.delivery.fan_out import fan_out
from loupe.delivery.models import Attempt, Delivery, Webhook
from loupe.delivery.sending import backoff_s, send_due
from loupe.delivery.services import create, deliveries, replay, rotate_secret, update
from loupe.delivery.signature import verify_signature
from loupe.delivery.tasks import deliver
from tests.host.delivery.conftest import Receiver

pytestmark = pytest.mark.usefixtures("local_allowed")


@pytest.fixture
def hook(admin: Actor, project: Project, receiver: Receiver) -> tuple[Webhook, str]:
    return create(admin, project, receiver.url)


def test_a_change_arrives_signed_with_its_event_id(
    hook: tuple[Webhook, str], project: Project, receiver: Receiver
) -> None:
    change = publish(project, Kind.JOB_DONE, "job-1", {"done": 3, "名": "裂纹"})
    deliver()
    (path, headers, body), *rest = receiver.got
    assert rest == []
    assert path == "/hook?from=loupe"
    verify_signature(hook[1], body, headers["Loupe-Signature"])
    assert headers["Loupe-Event-Id"] == str(change.pk)
    assert headers["Loupe-Event-Kind"] == "job.done"
    assert headers["Host"] == f"127.0.0.1:{receiver.port}"
    told = json.loads(body)
    assert told["data"] == {"done": 3, "名": "裂纹"}
    assert (told["id"], told["project"], told["subject"]) == (change.pk, "line-3", "job-1")
    delivery = Delivery.objects.get()
    assert delivery.state == Delivery.State.DELIVERED
    assert [(one.status, one.error) for one in delivery.attempts.all()] == [(200, "")]


def test_only_wanted_kinds_and_only_later_changes_arrive(
    admin: Actor, project: Project, receiver: Receiver
) -> None:
    publish(project, Kind.JOB_DONE, "before")
    create(admin, project, receiver.url, [Kind.JOB_DONE])
    publish(project, Kind.RESULT_DECIDED, "1")
    publish(project, Kind.JOB_DONE, "after")
    publish(Project.objects.create(slug="line-4", name="Line 4"), Kind.JOB_DONE, "elsewhere")
    deliver()
    assert [json.loads(body)["subject"] for _, _, body in receiver.got] == ["after"]


def test_making_deliveries_twice_makes_them_once(
    hook: tuple[Webhook, str], project: Project
) -> None:
    publish(project, Kind.JOB_DONE, "a")
    assert fan_out() == 1
    assert fan_out() == 0
    Webhook.objects.update(cursor=0)
    fan_out()
    assert Delivery.objects.count() == 1


def test_a_failing_receiver_is_tried_again_later_until_it_takes_it(
    hook: tuple[Webhook, str], project: Project, receiver: Receiver
) -> None:
    receiver.statuses = [500, 503, 200]
    publish(project, Kind.JOB_DONE, "a")
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        deliver()
        deliver()
        assert len(receiver.got) == 1
        delivery = Delivery.objects.get()
        assert 8 <= (delivery.next_attempt_at - start).total_seconds() <= 12
        clock.shift(13)
        deliver()
        clock.shift(25)
        deliver()
    delivery.refresh_from_db()
    assert delivery.state == Delivery.State.DELIVERED
    attempts = list(delivery.attempts.order_by("pk").values_list("status", "error"))
    assert attempts == [(500, "HTTP 500"), (503, "HTTP 503"), (200, "")]
    bodies = {body for _, _, body in receiver.got}
    assert len(bodies) == 1


def test_a_receiver_that_never_takes_it_is_given_up_after_a_day(
    hook: tuple[Webhook, str], project: Project, receiver: Receiver
) -> None:
    receiver.statuses = [500]
    publish(project, Kind.JOB_DONE, "a")
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        deliver()
        while (delivery := Delivery.objects.get()).state == Delivery.State.PENDING:
            clock.move_to(delivery.next_attempt_at)
            deliver()
        assert timezone.now() - start <= timedelta(days=1)
        assert timezone.now() - start > timedelta(hours=12)
    assert delivery.state == Delivery.State.GIVEN_UP
    assert 10 <= delivery.attempts.count() <= 20


def test_waits_double_up_to_four_hours() -> None:
    for attempts, wait in ((1, 10), (2, 20), (5, 160), (30, 4 * 3600)):
        waits = [backoff_s(attempts) for _ in range(200)]
        assert min(waits) >= 0.8 * wait
        assert max(waits) <= 1.2 * wait
        assert max(waits) - min(waits) > 0.1 * wait


def test_a_redirect_is_not_followed(
    hook: tuple[Webhook, str],
    project: Project,
    receiver: Receiver,
    make_receiver: Callable[[], Receiver],
) -> None:
    inside = make_receiver()
    receiver.statuses, receiver.headers = [302], {"Location": inside.url}
    publish(project, Kind.JOB_DONE, "a")
    deliver()
    assert inside.got == []
    assert "redirects are not followed" in Attempt.objects.get().error


def test_a_name_that_turned_private_is_refused_when_delivering(
    admin: Actor, project: Project, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = ["93.184.215.14", "10.0.0.5"]

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answers.pop(0), port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    create(admin, project, "https://mes.example/hook")
    publish(project, Kind.JOB_DONE, "a")
    deliver()
    attempt = Attempt.objects.get()
    assert attempt.status is None
    assert "10.0.0.5, which is not a public address" in attempt.error


def test_the_connection_goes_to_the_checked_address_not_to_the_name_again(
    admin: Actor, project: Project, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = socket.getaddrinfo

    def resolve(host: str, port: int, *args: Any, **options: Any) -> list[Any]:
        asked.append(host)
        return real("127.0.0.1", port, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    create(admin, project, f"http://mes.example:{receiver.port}/hook")
    publish(project, Kind.JOB_DONE, "a")
    asked.clear()
    deliver()
    assert len(receiver.got) == 1
    assert receiver.got[0][1]["Host"] == f"mes.example:{receiver.port}"
    assert asked.count("mes.example") == 1


def test_proxies_of_the_environment_are_not_used(
    hook: tuple[Webhook, str],
    project: Project,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    publish(project, Kind.JOB_DONE, "a")
    deliver()
    assert len(receiver.got) == 1


def test_a_receiver_that_is_down_is_an_attempt_with_a_reason(
    admin: Actor, project: Project
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    create(admin, project, f"http://127.0.0.1:{port}/")
    publish(project, Kind.JOB_DONE, "a")
    deliver()
    assert "ConnectionRefusedError" in Attempt.objects.get().error


def test_a_receiver_that_drips_is_cut_off(
    admin: Actor, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "TOTAL_S", 0.3)
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(100_000)
                peer.sendall(b"HTTP/1.1 200 OK\r\n")
                while not stop.wait(0.05):
                    try:
                        peer.sendall(b"X-More: 1\r\n")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        create(admin, project, f"http://127.0.0.1:{server.getsockname()[1]}/")
        publish(project, Kind.JOB_DONE, "a")
        deliver()
        stop.set()
        thread.join()
    attempt = Attempt.objects.get()
    assert attempt.status is None
    assert attempt.error


def test_half_an_answer_is_none(admin: Actor, project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def break_off() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(100_000)
                peer.sendall(b"HTTP/1.1 2")

        thread = threading.Thread(target=break_off)
        thread.start()
        create(admin, project, f"http://127.0.0.1:{server.getsockname()[1]}/")
        publish(project, Kind.JOB_DONE, "a")
        deliver()
        thread.join()
    attempt = Attempt.objects.get()
    assert attempt.status is None
    assert attempt.error


def test_plain_text_on_a_tls_port_is_an_attempt_with_a_reason(
    admin: Actor, project: Project, receiver: Receiver
) -> None:
    create(admin, project, receiver.url.replace("http:", "https:"))
    publish(project, Kind.JOB_DONE, "a")
    deliver()
    assert Attempt.objects.get().error.startswith("TLS:")
    assert receiver.got == []


def test_a_failing_receiver_holds_up_no_other(
    admin: Actor, project: Project, make_receiver: Callable[[], Receiver]
) -> None:
    broken, healthy = make_receiver(), make_receiver()
    broken.statuses = [500]
    create(admin, project, broken.url)
    create(admin, project, healthy.url)
    for number in range(5):
        publish(project, Kind.RESULT_DECIDED, number)
    deliver()
    assert len(broken.got) == 1
    assert len(healthy.got) == 5


@pytest.mark.django_db(transaction=True)
def test_many_workers_send_each_delivery_once(
    admin: Actor, project: Project, receiver: Receiver
) -> None:
    create(admin, project, receiver.url)
    for number in range(30):
        publish(project, Kind.RESULT_DECIDED, number)
    fan_out()
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        send_due()
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent = [headers["Loupe-Event-Id"] for _, headers, _ in receiver.got]
    assert len(sent) == len(set(sent)) == 30
    assert Delivery.objects.filter(state=Delivery.State.DELIVERED).count() == 30


def test_a_delivery_whose_worker_died_is_taken_over_after_its_lease(
    hook: tuple[Webhook, str], project: Project, receiver: Receiver
) -> None:
    publish(project, Kind.JOB_DONE, "a")
    fan_out()
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        assert sending._claim(set()) is not None
        send_due()
        assert receiver.got == []
        clock.shift(61)
        send_due()
    assert len(receiver.got) == 1


def test_a_webhook_switched_off_is_sent_nothing_and_misses_that_time(
    admin: Actor, project: Project, hook: tuple[Webhook, str], receiver: Receiver
) -> None:
    update(admin, hook[0], enabled=False)
    publish(project, Kind.JOB_DONE, "while off")
    deliver()
    update(admin, hook[0], enabled=True)
    publish(project, Kind.JOB_DONE, "after")
    deliver()
    assert [json.loads(body)["subject"] for _, _, body in receiver.got] == ["after"]


def test_a_delivery_is_sent_again_on_request_with_the_new_secret(
    admin: Actor, project: Project, hook: tuple[Webhook, str], receiver: Receiver
) -> None:
    publish(project, Kind.JOB_DONE, "a")
    deliver()
    secret = rotate_secret(admin, hook[0])
    replay(admin, Delivery.objects.get())
    deliver()
    assert len(receiver.got) == 2
    _, headers, body = receiver.got[1]
    verify_signature(secret, body, headers["Loupe-Signature"])
    listed = deliveries(admin, hook[0]).get()
    assert [one.status for one in listed.attempts.all()] == [200, 200]


def test_a_private_address_is_refused_without_being_asked(
    admin: Actor,
    project: Project,
    hook: tuple[Webhook, str],
    receiver: Receiver,
    settings: Settings,
) -> None:
    settings.WEBHOOK_ALLOW = []
    publish(project, Kind.JOB_DONE, "a")
    deliver()
    assert receiver.got == []
    assert "not a public address" in Attempt.objects.get().error
