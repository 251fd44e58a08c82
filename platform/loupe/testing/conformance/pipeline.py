"""The app's own samples go through its own steps, and bad input is refused in a sentence."""

from pathlib import Path

import pytest

from loupe.contract.app import DomainApp
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import Payload
from loupe.contract.runtime.steps import Place, load
from loupe.testing.conformance.subject import Subject, package_folder


def refusal(app: type[DomainApp], path: Path) -> InputRefused:
    """What the app's first step says of `path`."""
    options = dict(app.inputs[0].options)
    with pytest.raises(InputRefused) as refused:
        load(app.steps[0].run)(path, options)
    return refused.value


class Pipeline(Subject):
    """The working half of the contract."""

    def test_c20_samples_parse(self, app: type[DomainApp]) -> None:
        if app.samples is None or app.steps[0].place is not Place.SANDBOX:
            pytest.skip("the app ships no samples for a parsing step")
        options = dict(app.inputs[0].options)
        for path in sorted((package_folder(app) / app.samples).iterdir()):
            payload = load(app.steps[0].run)(path, options)
            assert isinstance(payload, Payload)
            assert payload.arrays

    @pytest.mark.parametrize(
        "content",
        [b"", b"\0" * 64, b"%PDF-1.7 not this", b"\xff\xd8\xff"],
        ids=["empty", "zeros", "pdf", "cut jpeg"],
    )
    def test_c21_foreign_bytes_are_refused_in_a_sentence(
        self, app: type[DomainApp], content: bytes, tmp_path: Path
    ) -> None:
        if app.steps[0].place is not Place.SANDBOX or app.result_form == "columns":
            pytest.skip("the app parses no single untrusted file in a sandbox")
        path = tmp_path / "foreign"
        path.write_bytes(content)
        error = refusal(app, path)
        assert error.message.endswith(".")
        assert len(error.message.split()) >= 3
        assert error.code
