"""What the class body says is complete, consistent and cheap to import."""

import subprocess
import sys
from importlib.util import find_spec

import pytest
from croniter import croniter
from django.contrib.staticfiles import finders
from django.template.loader import get_template

from loupe.contract.app import DomainApp
from loupe.contract.runtime.columns import dtypes
from loupe.contract.runtime.steps import Place, load
from loupe.contract.slots import shown_templates, static_files
from loupe.testing.conformance.subject import Subject, package_folder, places

SHAPES = {
    (Place.SANDBOX,),
    (Place.SANDBOX, Place.ENGINE),
    (Place.CHILD,),
}
LIVE_SHAPES = {
    (Place.ENGINE,),
    (Place.ENGINE, Place.ENGINE),
    (Place.SANDBOX, Place.ENGINE),
    (Place.SANDBOX, Place.ENGINE, Place.ENGINE),
}
HEAVY = ("django", "celery", "torch", "openvino", "onnxruntime", "cv2", "transformers", "xgboost")


class Declaration(Subject):
    """The declarative half of the contract."""

    def test_c1_the_slug_is_a_lower_case_identifier(self, app: type[DomainApp]) -> None:
        assert app.slug.isidentifier()
        assert app.slug == app.slug.lower()

    def test_c2_every_word_is_said_in_both_languages(self, app: type[DomainApp]) -> None:
        texts = [app.name, app.summary]
        texts += [kind.label for kind in app.inputs]
        texts += [outcome.label for outcome in app.outcomes]
        texts += [verb.label for verb in app.review_verbs]
        texts += [export.label for export in app.exports]
        texts += [schedule.label for schedule in app.schedules]
        texts += [app.pages.words.start, app.pages.words.name_hint]
        texts += [tab.label for tab in app.pages.tabs]
        empty = [text for text in texts if not (text.en and text.zh)]
        assert empty == []

    def test_c3_no_media_type_belongs_to_two_kinds_of_input(self, app: type[DomainApp]) -> None:
        types = [media_type for kind in app.inputs for media_type in kind.media_types]
        assert types
        assert len(types) == len(set(types))
        assert all(kind.max_bytes > 0 for kind in app.inputs)

    def test_c4_steps_name_importable_code_in_an_allowed_shape(self, app: type[DomainApp]) -> None:
        names = [step.name for step in app.steps]
        assert len(names) == len(set(names))
        assert places(app) in (SHAPES if app.service is None else LIVE_SHAPES)
        assert all(callable(load(step.run)) for step in app.steps)
        others = [other for step in app.steps for other in step.also]
        assert all(callable(load(other.run)) and other.device != "cpu" for other in others)
        if app.service is not None:
            in_engine = [step.run for step in app.steps if step.place is Place.ENGINE]
            assert in_engine[0] == app.service
            assert (len(in_engine) > 1) == app.needs_model

    def test_c5_the_result_schema_is_frozen_closed_and_versioned(
        self, app: type[DomainApp]
    ) -> None:
        schema = app.result_schema
        assert schema.model_config.get("frozen") is True
        assert schema.model_config.get("extra") == "forbid"
        assert schema.model_fields["schema_version"].default is not None
        if app.result_form == "columns":
            assert set(dtypes(schema)) == set(schema.model_fields)

    def test_c6_an_operating_point_has_defaults_and_refuses_unknown_fields(
        self, app: type[DomainApp]
    ) -> None:
        default = app.operating_point_schema()
        assert app.operating_point_schema.model_validate(default.model_dump()) == default
        with pytest.raises(ValueError, match="no_such_threshold"):
            app.operating_point_schema.model_validate({"no_such_threshold": 1})

    def test_c7_review_verbs_have_their_own_keys_and_known_outcomes(
        self, app: type[DomainApp]
    ) -> None:
        outcomes = {outcome.key for outcome in app.outcomes}
        shortcuts = [verb.shortcut for verb in app.review_verbs]
        assert shortcuts
        assert len(shortcuts) == len(set(shortcuts))
        assert len({verb.key for verb in app.review_verbs}) == len(app.review_verbs)
        assert {verb.outcome for verb in app.review_verbs} - {None} <= outcomes

    def test_c8_synchronous_fallbacks_are_known_outcomes(self, app: type[DomainApp]) -> None:
        if app.sync is None:
            pytest.skip("the app has no synchronous mode")
        outcomes = {outcome.key for outcome in app.outcomes}
        assert {app.sync.fail_open, app.sync.fail_closed} <= outcomes
        assert app.sync.body in {"file", "rows"}
        if app.sync.body == "rows":
            assert app.sync.max_rows > 0
            schema = load(str(app.sync.row_schema))
            assert schema.model_fields
            assert app.sync.read_rows is not None or dtypes(schema)
            assert set(app.sync.reasons_for) <= outcomes

    def test_c9_pages_find_their_templates_and_files(self, app: type[DomainApp]) -> None:
        for template in shown_templates(app):
            get_template(template)
        for path in static_files(app):
            assert finders.find(path), path

    def test_c10_commands_benchmarks_and_schedules_name_code(self, app: type[DomainApp]) -> None:
        for command in (*app.commands, *app.benchmarks):
            assert callable(load(command.run)), command.name
        for schedule in app.schedules:
            assert callable(load(schedule.run)), schedule.key
            assert croniter.is_valid(schedule.default_cron), schedule.default_cron
        for process in app.processes:
            assert find_spec(process.module), process.module

    def test_c11_declaring_the_app_imports_nothing_heavy(self, app: type[DomainApp]) -> None:
        code = f"import sys, {app.__module__}; print(sorted(set({HEAVY!r}) & set(sys.modules)))"
        answer = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert answer.stdout.strip() == "[]"

    def test_c12_inference_and_training_know_neither_django_nor_celery(
        self, app: type[DomainApp]
    ) -> None:
        targets = [step.run for step in app.steps]
        targets += [other.run for step in app.steps for other in step.also]
        targets += [target for target in (app.check_artefact, app.service) if target]
        modules = ", ".join(sorted({target.partition(":")[0] for target in targets}))
        code = f"import sys, {modules}; print(sorted({{'django', 'celery'}} & set(sys.modules)))"
        answer = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert answer.stdout.strip() == "[]"

    def test_c13_shipped_folders_exist(self, app: type[DomainApp]) -> None:
        folder = package_folder(app)
        for name in (*app.shipped_models, *([app.samples] if app.samples else [])):
            assert any((folder / name).iterdir()), name
