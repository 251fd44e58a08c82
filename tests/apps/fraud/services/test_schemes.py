"""The newest version of a scheme counts, at once."""

from apps.fraud.scheme import CARD_PAYMENTS
from apps.fraud.services import schemes
from loupe.accounts.models import Project
from tests.apps.fraud.bank import Bank


def test_the_newest_version_of_the_project_holds(bank: Bank) -> None:
    other = Project.objects.create(slug="elsewhere", name="elsewhere")
    assert schemes.of(bank.project.pk) == CARD_PAYMENTS
    actor = bank.actor("engineer")
    for number, currency in enumerate(("USD", "GBP")):
        declared = CARD_PAYMENTS.model_copy(update={"currency": currency})
        data = declared.model_dump(mode="json")
        made = schemes.save(actor, bank.project, data, seen=number)
        assert made.number == number + 1
        assert schemes.of(bank.project.pk) == declared
    assert schemes.of(other.pk) == CARD_PAYMENTS


def test_asking_for_it_is_one_question_to_the_database(
    bank: Bank, django_assert_num_queries: object
) -> None:
    with django_assert_num_queries(1):  # type: ignore[operator]
        schemes.of(bank.project.pk)
