"""What a change of the scheme does is told before it is saved."""

from apps.fraud.scheme import CARD_PAYMENTS
from apps.fraud.services import scheme_effects
from loupe.registry.models import Stage
from tests.apps.fraud.bank import Bank
from tests.apps.fraud.services import trials


def test_a_model_lacks_the_features_of_what_goes_and_no_embeddings(bank: Bank) -> None:
    version = trials.version(bank, 1, Stage.PRODUCTION)
    version.manifest |= {
        "features": ["amount", "device_count_1d", "embedding_device_0", "embedding_age"],
        "embeddings": {"entities": ["device"]},
    }
    version.save()
    without = CARD_PAYMENTS.model_copy(
        update={
            "entities": tuple(one for one in CARD_PAYMENTS.entities if one.key != "device"),
            "relations": tuple(one for one in CARD_PAYMENTS.relations if one.shared != "device"),
        }
    )
    told = scheme_effects.of_change(bank.actor("engineer"), bank.project, CARD_PAYMENTS, without)
    (stop,) = [one.text for one in told if one.stops and "cannot score" in one.text.en]
    assert "reads 1 features that would be gone (device_count_1d)" in stop.en
    # Without a declaration of embeddings such names are features like any other.
    version.manifest.pop("embeddings")
    version.save()
    told = scheme_effects.of_change(bank.actor("engineer"), bank.project, CARD_PAYMENTS, without)
    assert any("reads 3 features" in one.text.en for one in told)
