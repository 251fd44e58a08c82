"""Apps that take files over themselves, and those that find what belongs together."""

from pathlib import Path

import pytest

from loupe.contract.app import DomainApp
from loupe.contract.receiving import GatheredItem
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import Payload
from loupe.contract.runtime.steps import Place, load
from loupe.testing.conformance.subject import Subject, package_folder


class Handing(Subject):
    """Ways of files past the host's storage, and limits that steps declare."""

    def test_c42_receive_and_gather_name_code(self, app: type[DomainApp]) -> None:
        if app.receive is None and app.gather is None:
            pytest.skip("the app leaves files to the host")
        assert all(callable(load(each)) for each in (app.receive, app.gather) if each)
        assert app.steps[0].place is Place.SANDBOX

    def test_c43_gather_finds_what_the_first_step_reads(
        self, app: type[DomainApp], tmp_path: Path
    ) -> None:
        if app.gather is None:
            pytest.skip("a file is an item")
        gather = load(app.gather)
        nowhere = tmp_path / "not-there"
        with pytest.raises(InputRefused) as refused, gather([nowhere]) as found:
            list(found)
        assert refused.value.message.endswith(".")
        assert refused.value.code
        if app.samples is None:
            return
        items = 0
        with gather([package_folder(app) / app.samples]) as found:
            for item in found:
                assert isinstance(item, GatheredItem)
                payload = load(app.steps[0].run)(item.path, dict(app.inputs[0].options))
                assert isinstance(payload, Payload)
                items += 1
        assert items

    def test_c44_limits_of_steps_are_none_or_positive(self, app: type[DomainApp]) -> None:
        for step in app.steps:
            assert step.memory_bytes >= 0
            assert step.seconds >= 0
            assert not step.memory_bytes or step.place is Place.SANDBOX
            assert not step.seconds or step.place in (Place.SANDBOX, Place.ENGINE)
