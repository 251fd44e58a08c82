"""What an app says of a project, and what it does when it hears of blocks."""

import json
import uuid

import pytest
from django.apps import apps as django_apps
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from loupe.accounts.models import Project
from loupe.contract.app import DomainApp
from loupe.contract.runtime.columns import from_rows
from loupe.contract.runtime.steps import load
from loupe.testing import factories
from loupe.testing.conformance.subject import Subject

MOST_CONTEXT_BYTES = 64 * 2**10


def project() -> Project:
    """A fresh one."""
    name = f"conformance-{uuid.uuid4().hex[:12]}"
    return factories.project(slug=name, name=name)


def kept_rows(app: type[DomainApp]) -> dict[str, int]:
    """How many rows each of the app's own tables has."""
    package = app.__module__.rpartition(".")[0]
    configs = [one for one in django_apps.get_app_configs() if one.name == package]
    return {
        model._meta.label: model._default_manager.count()
        for config in configs
        for model in config.get_models()
    }


class Hearing(Subject):
    """The code of the app that runs beside its Django models."""

    def test_c32_what_follows_blocks_and_reads_rows_names_code(self, app: type[DomainApp]) -> None:
        read_rows = app.sync.read_rows if app.sync is not None else None
        asked = (app.pages.waiting, app.pages.search)
        said = (app.context, app.on_blocks, app.after_samples, *asked, read_rows)
        named = [target for target in said if target]
        assert all(callable(load(target)) for target in named)
        assert app.on_blocks is None or app.result_form == "columns"
        assert read_rows is None or (app.sync is not None and app.sync.row_examples)
        assert read_rows is None or app.service is not None

    @pytest.mark.django_db
    def test_c33_a_context_is_plain_json_and_stays_the_same(self, app: type[DomainApp]) -> None:
        if app.context is None:
            pytest.skip("the app says nothing of projects")
        key = project().pk
        said = dict(load(app.context)(key, {}))
        body = json.dumps(said, allow_nan=False)
        assert json.loads(body) == said
        assert len(body) <= MOST_CONTEXT_BYTES
        assert dict(load(app.context)(key, {})) == said

    @pytest.mark.django_db
    def test_c41_a_fresh_project_declares_no_field_of_operating_points(
        self, app: type[DomainApp]
    ) -> None:
        assert set(app.project_fields) <= set(app.operating_point_schema.model_fields)
        told = load(app.declared_fields)(project().pk) if app.declared_fields else {}
        assert dict(told) == {}

    @pytest.mark.django_db
    def test_c37_hearing_of_a_block_again_changes_nothing_and_costs_no_more_with_its_rows(
        self, app: type[DomainApp]
    ) -> None:
        if app.on_blocks is None:
            pytest.skip("the app does not follow its blocks")
        on_blocks = load(app.on_blocks)
        examples = app.examples()
        on_blocks([factories.block(project(), app, from_rows(examples, app.result_schema))])
        queries = []
        for times in (1, 40):
            many = from_rows(examples * times, app.result_schema)
            block = factories.block(project(), app, many)
            with CaptureQueriesContext(connection) as captured, transaction.atomic():
                on_blocks([block])
            queries.append(len(captured))
            kept = kept_rows(app)
            with transaction.atomic():
                on_blocks([block])
            assert kept_rows(app) == kept
        assert queries[0] == queries[1]
