"""A case on paper says everything that is known of it, in both languages, and fits its pages."""

import io
import json
from typing import Any

import pytest
from django.utils import translation
from pypdf import PdfReader

from apps.fraud.printing.pdf import pdf
from apps.fraud.services import cases, exporting
from apps.fraud.services.alerts import find_many
from tests.apps.fraud.bank import Bank, bank, paid

__all__ = ["bank"]
LONG = "f" * 200


@pytest.fixture
def content(bank: Bank) -> dict[str, Any]:
    """A closed case about one customer: one payment in dollars, one with a very long id."""
    bank.store(
        paid(1, device="d-1", amount=80_000, amount_original=91_234, currency="USD"),
        paid(2, device="d-1", score=0.991),
        paid(3, id=LONG),
    )
    actor = bank.actor()
    case = cases.open_case(actor, bank.project, find_many(actor, bank.project, [bank.alert().pk]))
    cases.note(actor, case, "Called at 10:40. 客户换了手机。")
    cases.close(actor, case, "fraud", "Admitted.")
    case.refresh_from_db()
    with translation.override("en"):
        return exporting.content(case)


def text_of(data: bytes) -> str:
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(data)).pages]
    return " ".join("\n".join(pages).split())


def test_everything_that_is_known_stands_in_it(content: dict[str, Any]) -> None:
    text = text_of(pdf(content, "en"))
    for words in (
        "Case report", "Confidential", "State Closed", "Turned out to be Fraud", "Alerts (1)",
        "Customer C-1", "score 0.9910", "3 transactions", "Transactions (3)", "T-1", "912.34 USD",
        "800.00 EUR", "Customer C-1, Terminal M-1, Device d-1", "reviewer", "Called at 10:40.",
        "客户换了手机。", "Admitted.", "Prepared by, date", "Europe/Berlin",
    ):  # fmt: skip
        assert words in text, words
    assert LONG in text.replace(" ", "").replace("\u200b", "")
    assert "user:" not in text


def test_in_chinese_its_own_words_are_chinese(content: dict[str, Any]) -> None:
    text = text_of(pdf(content, "zh-hans"))
    for words in ("案件报告", "机密", "已结", "欺诈", "警报 (1)", "客户 C-1", "3 笔交易", "复核人"):
        assert words in text, words
    for words in ("Case report", "Alerts", "Turned out", "Prepared by", "transactions"):
        assert words not in text, words


def test_nothing_runs_over_the_edge_of_a_page(content: dict[str, Any]) -> None:
    many = json.loads(json.dumps(content))
    many["alerts"][0] |= {
        "name": {"en": "400 customers share 1 device", "zh": "400 个客户共用 1 台设备"},
        "members": [f"{at:04d}-{'a' * 60}" for at in range(400)],
    }
    many["transactions"] = content["transactions"] * 40
    reader = PdfReader(io.BytesIO(pdf(many, "en")))
    edges: list[tuple[float, float]] = []

    def visit(text: str, page: list[float], own: list[float], _font: Any, _size: Any) -> None:
        if text.strip():
            across = own[4] * page[0] + own[5] * page[2] + page[4]
            up = own[4] * page[1] + own[5] * page[3] + page[5]
            edges.append((across, up))

    for page in reader.pages:
        page.extract_text(visitor_text=visit)
    width, height = (float(one) for one in reader.pages[0].mediabox[2:])
    assert len(reader.pages) > 4
    assert len(edges) > 500
    assert [one for one in edges if not (0 < one[0] < width - 40 and 20 < one[1] < height)] == []
    assert "0399-" in text_of(pdf(many, "en"))
