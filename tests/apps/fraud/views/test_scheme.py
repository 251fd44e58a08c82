"""The scheme is declared in a form; what a change does to what is there is said before."""

import re
from typing import Any

import pytest
from django.http import QueryDict

from apps.fraud.models import SchemeVersion
from apps.fraud.scheme import CARD_PAYMENTS, Scheme
from apps.fraud.services import deciding, rates, rules, schemes
from apps.fraud.services.rule_changes import put
from apps.fraud.services.scheme_problems import problems
from apps.fraud.views import scheme_form
from loupe.host.models import operating_point
from loupe.testing import factories
from tests.apps.fraud.bank import Bank


def form(**changed: str) -> dict[str, str]:
    """What a browser sends of the form of the scheme that every project starts with."""
    filled = scheme_form.filled(CARD_PAYMENTS)
    sent = {name: filled[name] for name in ("currency", "timezone", "windows", "label_delay")}
    for name, fields in scheme_form.FIELDS.items():
        for at, row in enumerate(filled[name]):
            for field in fields:
                value = row.get(field, "")
                if value is not False:
                    sent[f"{name}.{at}.{field}"] = "yes" if value is True else str(value)
    return {**sent, "seen": "0", **changed}


def post(bank: Bank, sent: dict[str, str], verb: str = "check") -> Any:
    address = bank.url("scheme/save")
    return bank.client("engineer").post(address, {**sent, "verb": verb})


def checked_and_saved(bank: Bank, sent: dict[str, str]) -> Any:
    """As a person does: look at what it changes, then save."""
    html = post(bank, sent).content.decode()
    (checked,) = re.findall(r'name="checked" value="([0-9a-f]+)"', html)
    return post(bank, {**sent, "checked": checked}, "save")


def test_the_form_of_a_scheme_declares_that_scheme() -> None:
    told = scheme_form.declared(scheme_form.filled(CARD_PAYMENTS))
    assert problems(told) == {}
    assert Scheme.model_validate(told) == CARD_PAYMENTS


def test_decisions_follow_the_schemes_words_and_clock(bank: Bank) -> None:
    version = factories.model_version(None, "fraud", "payments")
    actor = bank.actor("engineer")
    before = deciding.now(actor, bank.project)
    assert before.point.scheme.timezone == "UTC"
    sent = form(timezone="Asia/Shanghai", **{"entities.0.en": "Holder", "entities.0.zh": "持卡人"})
    assert checked_and_saved(bank, sent).status_code == 302
    after = deciding.now(actor, bank.project)
    assert after.point.scheme == schemes.of(bank.project.pk)
    assert (after.point.scheme.timezone, after.point.scheme.payer.zh) == (
        "Asia/Shanghai",
        "持卡人",
    )
    assert after.stored.number == 1
    assert operating_point(version, bank.project) == after.stored
    # What was decided before keeps the point it names.
    before.stored.refresh_from_db()
    assert before.stored.data["scheme"]["timezone"] == "UTC"
    assert operating_point(version, bank.other).project is None


def test_what_a_change_does_is_said_before_it_can_be_saved(bank: Bank) -> None:
    version = factories.model_version(None, "fraud", "payments")
    version.manifest["features"] = ["amount", "device_count_1h"]
    version.save()
    actor = bank.actor("engineer")
    added = {
        "key": "new_device",
        "when": "features.device_new > 0",
        "outcome": "review",
    }
    rules.edit(actor, bank.project, lambda present: put(present, added), 0)
    rules.use(actor, bank.project, 1)
    sent = form(currency="USD", **{"entities.0.hashed": "yes"})
    for name in ("entities.2.key", "entities.2.en", "entities.2.zh"):
        sent[name] = ""
    for name in ("relations.0.key", "relations.0.en", "relations.0.zh"):
        sent[name] = ""
    page = post(bank, sent, "save").content.decode()
    assert "payments v1 reads 1 features that would be gone (device_count_1h)" in page
    assert "Rule new_device does not fit any more" in page
    assert "Amounts so far stay in EUR" in page
    assert "Customer: identifiers are kept as keyed hashes from now on" in page
    assert "Device: its page, alerts and list entries stay" in page
    assert not SchemeVersion.objects.exists()
    assert checked_and_saved(bank, sent).status_code == 302
    saved = SchemeVersion.objects.get()
    assert [one["key"] for one in saved.data["entities"]] == ["customer", "terminal", "address"]
    # A change after the look is looked at again.
    html = post(bank, sent).content.decode()
    assert "Nothing differs" in html


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"currency": "EURO"}, "currency"),
        ({"timezone": "Mars/Base"}, "timezone"),
        ({"windows": "1h 1h"}, "windows"),
        ({"windows": "soon"}, "windows"),
        ({"label_delay": "-1"}, "label_delay"),
        ({"entities.1.key": "customer"}, "entities.1.key"),
        ({"entities.1.key": "Amount"}, "entities.1.key"),
        ({"entities.1.key": "amount"}, "entities.1.key"),
        ({"entities.1.zh": ""}, "entities.1.zh"),
        ({"entities.1.role": "payer"}, "entities.1.role"),
        ({"entities.0.role": "trait"}, "entities.0.role"),
        ({"entities.2.built_from": "colour"}, "entities.2.built_from"),
        ({"entities.2.degree_cap": "1"}, "entities.2.degree_cap"),
        ({"attributes.0.key": "device"}, "attributes.0.key"),
        ({"relations.0.shared": "customer"}, "relations.0.shared"),
        ({"relations.1.key": "same_device"}, "relations.1.key"),
    ],
)
def test_what_is_wrong_stands_at_its_field(changed: dict[str, str], field: str) -> None:
    sent = {name: value for name, value in form(**changed).items() if name != "seen"}
    posted = QueryDict(mutable=True)
    posted.update(sent)
    found = problems(scheme_form.declared(scheme_form.again(posted)))
    assert set(found) == {field}


def test_the_page_marks_the_field_and_keeps_what_was_written(bank: Bank) -> None:
    answer = post(bank, form(**{"entities.1.key": "Terminal!"}))
    html = answer.content.decode()
    assert answer.status_code == 200
    assert 'id="entities.1.key-wrong"' in html
    assert 'value="Terminal!"' in html
    assert 'aria-invalid="true"' in html
    assert " style=" not in html


def test_a_fingerprint_is_declared_and_hashed_and_the_next_rows_have_it(bank: Bank) -> None:
    sent = form(
        **{
            "attributes.2.key": "screen",
            "attributes.2.en": "Screen",
            "attributes.2.zh": "屏幕",
            "attributes.2.kind": "category",
            "entities.2.built_from": "screen, channel",
        }
    )
    assert checked_and_saved(bank, sent).status_code == 302
    told = schemes.context(bank.project.pk, {})
    assert told["scheme"]["entities"][2]["built_from"] == ["screen", "channel"]
    assert len(told["hash_key"]) == 64


def test_two_people_at_once_do_not_overwrite_each_other(bank: Bank) -> None:
    assert checked_and_saved(bank, form(timezone="Asia/Shanghai")).status_code == 302
    late = checked_and_saved(bank, form(timezone="Europe/Paris"))
    assert b"Somebody else saved a version meanwhile" in late.content
    page = bank.client("viewer").get(bank.url("scheme/") + "?version=1").content.decode()
    assert "Asia/Shanghai" in page
    assert bank.client().post(bank.url("scheme/save"), form()).status_code == 403
    assert bank.client("stranger").get(bank.url("scheme/")).status_code == 404


def test_rates_of_another_currency_are_not_taken_for_the_new_ones(bank: Bank) -> None:
    actor = bank.actor("engineer")
    told = rates.Told(currency="GBP", moment="2026-03-01", rate="1.2")
    rates.tell(actor, bank.project, schemes.of(bank.project.pk), [told])
    assert "rates" in schemes.context(bank.project.pk, {})
    checked_and_saved(bank, form(currency="USD"))
    assert "rates" not in schemes.context(bank.project.pk, {})
