"""Signing in, languages, themes, two-step sign-in."""

import base64
import hmac
import struct
import time

import pytest

from loupe.testing.factories import PASSWORD
from tests.e2e.browser import sign_in
from tests.e2e.conftest import Visit

pytestmark = [pytest.mark.e2e, pytest.mark.serial]


def one_time_code(secret: str) -> str:
    """RFC 6238 with SHA-1, six digits, thirty seconds: what an authenticator app shows."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, struct.pack(">Q", int(time.time()) // 30), "sha1")
    offset = digest[-1] & 15
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


def test_a_wrong_password_is_refused_and_the_right_one_leads_home(visit: Visit) -> None:
    page = visit().page
    page.goto("/p/line-3/")
    page.locator("#id_login").fill("operator")
    page.locator("#id_password").fill("wrong")
    page.locator("form:has(#id_login) button[type=submit]").click()
    page.locator(".notice.error").wait_for()
    sign_in(page, "operator", PASSWORD)
    page.goto("/")
    page.wait_for_url("**/p/line-3/")
    assert page.locator("h1").inner_text() == "Line 3 · bearing rings"


def test_the_language_is_switched_in_the_bar_and_stays(visit: Visit) -> None:
    page = visit("viewer").page
    page.goto("/p/line-3/")
    page.get_by_label("Language and theme").click()
    page.get_by_role("button", name="简体中文").click()
    page.wait_for_selector("html[lang=zh-hans]")
    page.get_by_role("heading", name="待人判定").wait_for()
    page.goto("/p/line-3/jobs/")
    assert page.locator("h1").inner_text() == "任务"


def test_the_theme_is_switched_at_once_and_stays(visit: Visit) -> None:
    page = visit("viewer").page
    page.goto("/p/line-3/")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_label("Language and theme").click()
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate(ground) != light
    page.reload()
    assert page.locator("html").get_attribute("data-bs-theme") == "dark"


def test_a_system_set_to_dark_gets_the_dark_theme(visit: Visit) -> None:
    page = visit(theme="dark").page
    page.goto("/accounts/login/")
    assert page.locator("html").get_attribute("data-bs-theme") == "dark"


def test_two_step_sign_in_is_set_up_and_asked_for(visit: Visit) -> None:
    page = visit("careful").page
    page.goto("/accounts/2fa/totp/activate/")
    if page.locator("#id_password").is_visible():
        page.locator("#id_password").fill(PASSWORD)
        page.locator("main button[type=submit].btn-primary").first.click()
    secret = page.locator("#authenticator_secret").input_value()
    page.locator("img.qr").wait_for()
    page.locator("#id_code").fill(one_time_code(secret))
    page.locator("main button[type=submit].btn-primary").first.click()
    page.wait_for_url("**/recovery-codes/**")
    recovery = page.locator("#recovery_codes").input_value().split()
    assert len(recovery) == 10
    page.context.clear_cookies()
    page.goto("/accounts/login/")
    page.locator("#id_login").fill("careful")
    page.locator("#id_password").fill(PASSWORD)
    page.locator("form:has(#id_login) button[type=submit]").click()
    page.wait_for_url("**/2fa/authenticate/**")
    page.locator("#id_code").fill("000000")
    page.locator("main button[type=submit].btn-primary").first.click()
    page.locator(".wrong, .notice.error").first.wait_for()
    page.locator("#id_code").fill(recovery[0])
    page.locator("main button[type=submit].btn-primary").first.click()
    page.wait_for_url("**/p/line-3/")


def test_a_question_mark_shows_the_keys_of_the_page(visit: Visit) -> None:
    page = visit("viewer").page
    page.goto("/p/line-3/apps/defect_detection/results/")
    page.keyboard.press("?")
    page.locator("#keyboard-help").wait_for()
    page.get_by_text("Select the row").wait_for()
    page.keyboard.press("Escape")
    assert not page.locator("#keyboard-help").is_visible()


def test_an_operator_of_the_installation_reaches_the_admin(visit: Visit) -> None:
    page = visit("anna").page
    page.goto("/admin/")
    page.locator("#site-name").wait_for()
