"""Rates of exchange are told, imported, and used where a transaction is in another currency."""

import json
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.fraud.models import ExchangeRate
from apps.fraud.services import rates, schemes
from apps.fraud.services.rates import Told
from apps.fraud.tables.batch import read_rows
from loupe.audit.models import Event
from loupe.contract.runtime.errors import InputRefused
from tests.apps.fraud.bank import Bank

ROW = {"id": "T-1", "time": "2026-03-03T10:00:00Z", "amount": "100", "customer": "C-1"}
CSV = b"date,currency,rate\n2026-03-01,USD,0.9137\n2026-03-04,USD,0.92\n2026-03-01,JPY,0.0061\n"


def tell(bank: Bank, **changed: str) -> Any:
    sent = {"currency": "USD", "from": "2026-03-01", "rate": "0.9137", **changed}
    return bank.client("engineer").post(bank.url("rates/add"), sent)


def load(bank: Bank, data: bytes, **more: str) -> Any:
    file = SimpleUploadedFile("rates.csv", data, "text/csv")
    return bank.client("engineer").post(bank.url("rates/load"), {"file": file, **more})


def read(bank: Bank, **row: str) -> Any:
    body = json.dumps([{**ROW, **row}]).encode()
    return read_rows(body, "application/json", schemes.context(bank.project.pk, {}))


def test_another_currency_scores_by_the_rate_of_its_moment_and_is_refused_without(
    bank: Bank,
) -> None:
    with pytest.raises(InputRefused, match="currency = 'USD': The project has no rate") as caught:
        read(bank, currency="USD")
    assert caught.value.code == "rate_missing"
    assert load(bank, CSV).status_code == 302
    arrays = read(bank, currency="USD").arrays
    assert arrays["amount"].tolist() == [9_137]
    assert arrays["amount_original"].tolist() == [10_000]
    later = read(bank, currency="USD", time="2026-03-04T10:00:00Z").arrays
    assert later["amount"].tolist() == [9_200]
    # 100 yen have no parts: 100 × 0.0061 = 0.61 euros.
    assert read(bank, currency="JPY").arrays["amount"].tolist() == [61]
    with pytest.raises(InputRefused, match="currency = 'USD'"):
        read(bank, currency="USD", time="2026-02-03T10:00:00Z")


def test_a_rate_the_other_way_round_is_turned(bank: Bank) -> None:
    tell(bank, rate="1.25", inverse="yes")
    assert ExchangeRate.objects.get().rate == "0.8"
    assert Decimal(rates.checked(Told(currency="USD", moment="2026-01-01", rate="3"),
        schemes.of(bank.project.pk), inverse=True).rate) == round(Decimal(1) / 3, 12)  # fmt: skip


def test_a_date_is_midnight_on_the_projects_clocks(bank: Bank) -> None:
    data = schemes.of(bank.project.pk).model_dump(mode="json")
    schemes.save(bank.actor("engineer"), bank.project, {**data, "timezone": "Asia/Shanghai"})
    tell(bank, **{"from": "2026-03-01"})
    # 16:00 UTC of the day before.
    assert ExchangeRate.objects.get().from_ms == 1_772_294_400_000


def test_a_rate_told_again_is_replaced_and_both_are_in_the_audit(bank: Bank) -> None:
    tell(bank)
    tell(bank, rate="0.95")
    assert ExchangeRate.objects.get().rate == "0.95"
    told = list(
        Event.objects.filter(action="rates.told").order_by("id").values_list("details", flat=True)
    )
    assert [(one["new"], one["changed"], one["rate"]) for one in told] == [
        (1, 0, "0.9137"),
        (0, 1, "0.95"),
    ]
    row = ExchangeRate.objects.get()
    bank.client("engineer").post(bank.url(f"rates/{row.pk}/remove"))
    assert not ExchangeRate.objects.exists()
    assert Event.objects.filter(action="rates.removed").exists()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"date,currency\n2026-03-01,USD\n", "no column rate"),
        (b"date,currency,rate\n2026-03-01,USD\n", "line 2 has 2 fields"),
        (b"date,currency,rate\n2026-03-01,USD,0.9\n2026-13-01,USD,1\n", "line 3, from"),
        (b"date,currency,rate\n2026-03-01,EUR,0.9\n", "line 2, currency: EUR is the project"),
        (b"date,currency,rate\n2026-03-01,XXX,0.9\n", "line 2, currency"),
        (b"date,currency,rate\n2026-03-01,USD,-1\n", "line 2, rate"),
        (b"date,currency,rate\n2026-03-01,USD,NaN\n", "line 2, rate"),
        (b"date,currency,rate\n2026-03-01,USD,1\n2026-03-01,usd,2\n", "line 3, from"),
        (b"date,currency,rate\n", "no rate below its header"),
        (b"\xff\xfe", "not UTF-8"),
        (b"date,currency,rate\n" + b"2026-03-01,USD,1\n" * 60_000, "more than"),
        (b"x" * (1 << 20) + b"x", "at most"),
    ],
)
def test_a_file_is_taken_whole_or_not_at_all_with_line_and_field(
    bank: Bank, data: bytes, words: str
) -> None:
    answer = load(bank, data)
    assert answer.status_code == 200
    assert words in answer.content.decode().replace("&#x27;", "'")
    assert not ExchangeRate.objects.exists()


def test_semicolons_and_decimal_commas_are_read(bank: Bank) -> None:
    data = b"\xef\xbb\xbfcurrency;rate;date\nUSD;0,9137;2026-03-01\n"
    assert load(bank, data).status_code == 302
    assert ExchangeRate.objects.get().rate == "0.9137"
    page = bank.client("viewer").get(bank.url("rates/")).content.decode()
    assert "0.9137" in page
    assert "user:engineer" not in page


def test_a_project_keeps_a_bounded_number_of_rates(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "MOST", 2)
    answer = load(bank, CSV)
    assert b"There would be 3 rates; a project keeps at most 2" in answer.content


def test_only_engineers_change_rates(bank: Bank) -> None:
    assert bank.client().post(bank.url("rates/add"), {}).status_code == 403
    assert bank.client().post(bank.url("rates/load"), {}).status_code == 403
    assert bank.client("stranger").get(bank.url("rates/")).status_code == 404
    assert b"currency" in tell(bank, currency="ZZZ").content
