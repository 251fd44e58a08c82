"""What senders may say beside the bytes is declared so that every way in can take it."""

from loupe.contract.app import DomainApp
from loupe.contract.facts import RESERVED
from loupe.contract.runtime.steps import load
from loupe.testing.conformance.subject import Subject


class Facts(Subject):
    """The facts of submissions and the code that follows them."""

    def test_c24_facts_have_keys_of_their_own_and_name_code(self, app: type[DomainApp]) -> None:
        keys = [fact.key for fact in app.facts]
        assert len(keys) == len(set(keys))
        assert all(key.isidentifier() and key == key.lower() for key in keys)
        assert RESERVED.isdisjoint(keys)
        assert all(fact.label.en and fact.label.zh and fact.max_length > 0 for fact in app.facts)
        assert sum(fact.scope for fact in app.facts) <= 1
        named = [fact.choices for fact in app.facts] + [app.check_facts, app.on_results]
        assert all(callable(load(target)) for target in named if target)

    def test_c25_scope_fields_belong_to_the_operating_point(self, app: type[DomainApp]) -> None:
        assert set(app.scope_fields) <= set(app.operating_point_schema.model_fields)
        assert not app.scope_fields or any(fact.scope for fact in app.facts)
