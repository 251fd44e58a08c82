"""Labelling and training: what people say has a form, and programs keep to the host's seam."""

import subprocess
import sys
from pathlib import Path

import pytest

from loupe.contract.app import DomainApp
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.panel import Panel
from loupe.contract.runtime.steps import load
from loupe.contract.runtime.training import REFUSED
from loupe.testing.conformance.decisions import nothing_outside
from loupe.testing.conformance.hearing import project
from loupe.testing.conformance.subject import Subject

PROGRAM = """
import runpy, sys
module, *sys.argv[1:] = sys.argv[1:]
try:
    runpy.run_module(module, run_name="__main__", alter_sys=True)
except SystemExit as ended:
    print(sorted({"django", "celery"} & set(sys.modules)), ended.code)
"""


class Training(Subject):
    """The half of the contract that makes models."""

    def test_c26_labels_are_frozen_closed_and_versioned(self, app: type[DomainApp]) -> None:
        if app.labelling is None:
            pytest.skip("people label nothing of this app")
        schema = app.labelling.schema
        assert schema.model_config.get("frozen") is True
        assert schema.model_config.get("extra") == "forbid"
        assert schema.model_fields["schema_version"].default is not None
        assert app.labelling.about_schema.model_config.get("extra") == "forbid"

    def test_c27_labelling_and_layouts_name_importable_code(self, app: type[DomainApp]) -> None:
        if app.labelling is None:
            pytest.skip("people label nothing of this app")
        said = app.labelling
        targets = [said.propose, said.check, said.count, said.merge, said.of_model]
        targets += [said.fingerprint] if said.fingerprint else []
        for layout in said.layouts:
            assert layout.label.en
            assert layout.label.zh
            targets += [layout.recognise, layout.read, layout.write]
        assert all(callable(load(target)) for target in targets)
        keys = [layout.key for layout in said.layouts]
        assert keys
        assert len(keys) == len(set(keys))

    def test_c28_an_empty_folder_is_of_no_layout(
        self, app: type[DomainApp], tmp_path: Path
    ) -> None:
        if app.labelling is None:
            pytest.skip("people label nothing of this app")
        assert not any(load(layout.recognise)(tmp_path) for layout in app.labelling.layouts)

    def test_c29_a_recipe_has_defaults_and_refuses_unknown_fields(
        self, app: type[DomainApp]
    ) -> None:
        if app.training is None:
            pytest.skip("the app trains nothing")
        schema = app.training.config_schema
        default = schema()
        assert schema.model_validate_json(default.model_dump_json()) == default
        with pytest.raises(ValueError, match="no_such_setting"):
            schema.model_validate({"no_such_setting": 1})
        keys = [curve.key for curve in app.training.curves]
        assert keys
        assert len(keys) == len(set(keys))
        assert all(curve.label.en and curve.label.zh for curve in app.training.curves)

    def test_c30_programs_refuse_a_missing_folder_and_know_neither_django_nor_celery(
        self, app: type[DomainApp], tmp_path: Path
    ) -> None:
        if app.training is None:
            pytest.skip("the app trains nothing")
        missing = str(tmp_path / "missing")
        asked = {
            app.training.module: ["--data", missing, "--out", str(tmp_path / "out")],
            app.training.evaluate_module: [
                *("--data", missing, "--out", str(tmp_path / "out"), "--artefact", missing),
            ],
        }
        for module, arguments in asked.items():
            done = subprocess.run(
                [sys.executable, "-c", PROGRAM, module, *arguments],
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.stdout.split("\n")[-2] == f"[] {REFUSED}", done.stderr
            assert "is not a folder." in done.stderr

    def test_c31_the_gate_is_pure_and_closed_to_what_was_not_measured(
        self, app: type[DomainApp]
    ) -> None:
        if app.training is None:
            pytest.skip("the app trains nothing")
        gate = load(app.training.gate)
        gate(Panel(), None)
        with nothing_outside() as touched:
            rows = gate(Panel(), None)
        assert touched == []
        assert rows == gate(Panel(), None)
        assert not all(row.holds for row in rows)
        assert all(row.key and row.en and row.zh for row in rows)

    @pytest.mark.django_db
    def test_c40_sources_stand_with_gather_and_an_unknown_one_is_refused(
        self, app: type[DomainApp]
    ) -> None:
        if app.training is None or (app.training.sources is None and app.training.gather is None):
            pytest.skip("the app trains on datasets that people label")
        assert app.training.sources is not None
        assert app.training.gather is not None
        key = project().pk
        offered = load(app.training.sources)(key)
        assert len({value for value, _words in offered}) == len(offered)
        assert all(value and words for value, words in offered)
        gather = load(app.training.gather)
        for unknown in ("", "no-such-source", "../../etc/passwd", "\x00"):
            with pytest.raises(InputRefused) as refused:
                gather(key, unknown)
            assert refused.value.code
            assert refused.value.message.endswith(".")
