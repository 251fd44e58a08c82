"""A newcomer's hour with fraud: upload, alerts, backtest, shadow, publish with four eyes, back."""

import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.browser import ROOT
from tests.e2e.conftest import Visit

pytestmark = [pytest.mark.e2e, pytest.mark.serial, pytest.mark.timeout(900)]

WORKSPACE = "/p/line-3/apps/fraud/"
DESK = "/fraud/p/line-3/"
PATIENCE_MS = 240_000


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Simulated payments with labels and their times; two rows cannot be used."""
    file = tmp_path_factory.mktemp("bank") / "payments.csv"
    made = ["--out", str(file), "--customers", "400", "--days", "40", "--seed", "3"]
    subprocess.run(
        [sys.executable, "-m", "apps.fraud.simulator", *made],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT / 'platform'}:{ROOT}"},
        check=True,
    )
    rows = file.read_text(encoding="utf-8").splitlines()
    amount = [name.strip('"') for name in rows[0].split(",")].index("amount")
    for number, wrong in ((5, "-3"), (9, "=1+1")):
        cells = rows[number].split(",")
        cells[amount] = wrong
        rows[number] = ",".join(cells)
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return file


def test_from_an_upload_to_a_published_threshold_and_back(visit: Visit, table: Path) -> None:
    page = visit("engineer").page
    page.goto(WORKSPACE)
    page.set_input_files("#files", table)
    page.click("#upload-start")
    page.wait_for_url("**/jobs/**", timeout=PATIENCE_MS)
    page.get_by_text("Backtest a candidate on these").wait_for(timeout=PATIENCE_MS)

    page.get_by_text("2 bad rows").click()
    assert "amount_negative" in page.locator("main").inner_text()
    with page.expect_download() as downloaded:
        page.get_by_role("link", name="CSV", exact=True).click()
    assert "'=1+1" in downloaded.value.path().read_text(encoding="utf-8-sig")
    page.go_back()

    page.get_by_text("Backtest a candidate on these").click()
    page.select_option("#point", "cuts")
    page.fill("#cut_block", "0.5")
    page.get_by_role("button", name="Run it").click()
    page.locator("#money").wait_for(timeout=PATIENCE_MS)
    text = page.locator("main").inner_text()
    assert "Customers stopped in error" in text
    assert "assumptions" in text
    page.get_by_text("Ask to publish").click()
    page.select_option("#candidate", "")
    page.fill("#reason", "It stops more.")
    page.get_by_role("button", name="Ask", exact=True).click()
    page.get_by_text("waits for a second person").first.wait_for()
    expect(page.get_by_role("button", name="Agree")).to_have_count(0)
    before = page.locator("#now ~ dl").inner_text()

    second = visit("anna").page
    second.goto(f"{DESK}publishing/")
    assert "Money stopped" in second.locator("section.waiting").inner_text()
    second.get_by_role("button", name="Agree").click()
    second.get_by_text("It decides from now on.").first.wait_for()
    expect(second.locator("#now ~ dl")).not_to_have_text(before, use_inner_text=True)
    second.get_by_role("button", name="Roll back to operating point").click()
    second.get_by_text("Rolled back").first.wait_for()
    assert second.locator("section.waiting").count() == 0


def test_a_challenger_in_the_shadow_shows_where_it_differs(visit: Visit, table: Path) -> None:
    page = visit("engineer").page
    page.goto(f"{DESK}shadow/")
    page.select_option("#point", "cuts")
    page.fill("#cut_block", "0.4")
    page.get_by_role("button", name="Put it in the shadow").click()
    page.get_by_text("in the shadow", exact=True).wait_for()
    page.goto(WORKSPACE)
    page.set_input_files("#files", table)
    page.click("#upload-start")
    page.wait_for_url("**/jobs/**", timeout=PATIENCE_MS)
    page.get_by_text("Backtest a candidate on these").wait_for(timeout=PATIENCE_MS)
    for _look in range(120):
        page.goto(f"{DESK}shadow/")
        if page.locator("#moved").count():
            break
        page.wait_for_timeout(2_000)
    expect(page.locator("#moved")).to_have_text("What the challenger treats otherwise")
    assert "stricter" in page.locator("main").inner_text()
    page.locator("#moved ~ table a").first.click()
    expect(page.locator("#payments")).to_have_count(1)
    page.get_by_role("button", name="End it").click()
    page.get_by_text("Ended. What it found stays.").wait_for()
