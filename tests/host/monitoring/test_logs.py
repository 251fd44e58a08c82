"""Logs are JSON, one event a line, and carry the request they belong to."""

import json
import subprocess
import sys

SCRIPT = """
import django; django.setup()
import logging
from django.test import RequestFactory
from django.http import HttpResponse
from loupe.monitoring.middleware import RequestLog

def answer(request):
    logging.getLogger("loupe.test").warning("from %s", "inside")
    return HttpResponse("ok", status=201)

RequestLog(answer)(RequestFactory().get("/some/page", HTTP_X_REQUEST_ID="mes-0000-7"))
logging.getLogger("loupe.test").info("outside")
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("loupe.test").exception("broken")
"""


def test_every_line_is_json_and_lines_of_a_request_carry_its_id() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    inside, request, outside, broken = lines
    assert inside["event"] == "from inside"
    assert inside["request_id"] == request["request_id"] == "mes-0000-7"
    assert (request["event"], request["path"], request["status"]) == ("request", "/some/page", 201)
    assert request["ms"] >= 0
    assert "request_id" not in outside
    assert {"timestamp", "level", "logger"} <= set(outside)
    assert "ZeroDivisionError" in broken["exception"]
