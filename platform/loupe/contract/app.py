"""The declarative class that makes a folder a Loupe app.

The class body is the contract: the host reads class attributes and calls a few pure functions.
Nothing here imports Django, and declaring an app imports nothing heavy: code is named as
``"package.module:attribute"`` and imported by the process that needs it.
"""

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import numpy as np
from pydantic import BaseModel

from loupe.contract.exports import Export
from loupe.contract.extras import AppCommand, AppProcess, AppSchedule, Pages, SyncMode
from loupe.contract.facts import Fact
from loupe.contract.inputs import InputKind
from loupe.contract.labelling import Labelling
from loupe.contract.outcomes import DecisionColumns, DecisionDraft, Outcome, ReviewVerb
from loupe.contract.runtime.columns import Columns, to_rows
from loupe.contract.runtime.payload import Payload
from loupe.contract.runtime.steps import Step
from loupe.contract.text import Text
from loupe.contract.training import Training


class DomainApp(ABC):
    """One pluggable domain app. Each SHALL below has a test in the conformance suite."""

    slug: ClassVar[str]
    """SHALL be a lower-case Python identifier, unique among the installed apps."""

    name: ClassVar[Text]
    summary: ClassVar[Text]
    icon: ClassVar[str]
    """The static path of an SVG of the app's own."""

    inputs: ClassVar[tuple[InputKind, ...]]
    """SHALL hold at least one kind; no media type SHALL belong to two kinds."""

    facts: ClassVar[tuple[Fact, ...]] = ()
    """What a sender may say of a submission. Keys SHALL be unique, at most one the scope."""

    check_facts: ClassVar[str | None] = None
    """A `CheckFacts`: refuses facts that name what does not exist, completes the others."""

    receive: ClassVar[str | None] = None
    """A `loupe.contract.receiving.Receive`: files of every channel are handed over to it, and the
    host stores none. The app submits what it makes of them by `loupe.host.submitting`."""

    gather: ClassVar[str | None] = None
    """A `loupe.contract.receiving.Gather`: finds the files that make one item together, for
    ``manage.py predict``. None: a file is an item."""

    scope_fields: ClassVar[tuple[str, ...]] = ()
    """Fields of the operating point that belong to what is inspected and not to the model, such as
    the pixel size of a product's pictures. A scope keeps them when its model changes."""

    project_fields: ClassVar[tuple[str, ...]] = ()
    """Fields of the operating point that belong to the project and not to the model, such as rules.
    A version that is new in a project takes them over from the project's newest point."""

    declared_fields: ClassVar[str | None] = None
    """Names a function ``(project_id: UUID) -> Mapping[str, JsonValue]``: fields of the operating
    point that a project declares elsewhere. A point that says otherwise is followed by a new one
    when it is next asked for. SHALL be quick, and say nothing of a fresh project."""

    on_results: ClassVar[str | None] = None
    """An `OnResults`: joins results of submissions with facts, e.g. the views of a part."""

    on_blocks: ClassVar[str | None] = None
    """A `loupe.contract.blocks.OnBlocks`: follows up on columnar results, e.g. with alerts."""

    context: ClassVar[str | None] = None
    """A `loupe.contract.context.Context`: what a project declares. It reaches `Parse` as
    ``options["context"]`` and the service as ``payload.meta["context"]``; where an app is tried
    without a project (``manage.py predict``) it is an empty object."""

    steps: ClassVar[tuple[Step, ...]]
    """SHALL name importable code; step names SHALL be unique. Allowed shapes: sandbox then
    engine; sandbox alone; one child; or, with live state, sandbox, the service, and then perhaps
    the runner of a model. Rows of a synchronous call enter at the service."""

    needs_model: ClassVar[bool] = True
    """Whether a job names a registered model. The last engine step is then that model's runner;
    beside a `service` it comes after it."""

    points_need_consent: ClassVar[bool] = False
    """Whether operating points, too, need a second person where a project demands one; the app's
    own pages are then where one asks and agrees (`loupe.host.promotions`)."""

    service: ClassVar[str | None] = None
    """The `Service` class resident in the engine, for apps with live state. Where a model follows,
    the service's answer is the runner's request, and what the runner adds is merged over it: the
    arrays and the `meta` of both reach `assemble`, the runner's win."""

    questions: ClassVar[tuple[Payload, ...]] = ()
    """Examples of what a service with ``ask`` answers, for the conformance suite; their `meta` is
    completed as that of requests is."""

    result_schema: ClassVar[type[BaseModel]]
    """SHALL be frozen, forbid unknown fields and carry a ``schema_version`` with a default."""

    result_form: ClassVar[Literal["rows", "columns"]] = "rows"
    """``rows``: one database row a result. ``columns``: one Parquet block an item, for results
    by the thousand; the schema is then that of one row of the block, of scalar fields and
    dictionaries of them (`loupe.contract.runtime.columns`)."""

    operating_point_schema: ClassVar[type[BaseModel]]
    """SHALL be constructible without arguments: the defaults of a new model."""

    outcomes: ClassVar[tuple[Outcome, ...]]
    review_verbs: ClassVar[tuple[ReviewVerb, ...]]
    """Shortcuts SHALL be unique; an outcome a verb sets SHALL be declared."""

    labelling: ClassVar[Labelling | None] = None
    """How its datasets look; None: people label nothing here."""

    training: ClassVar[Training | None] = None
    """How its models are trained and evaluated; None: models only come from elsewhere."""

    exports: ClassVar[tuple[Export, ...]] = ()
    sync: ClassVar[SyncMode | None] = None
    pages: ClassVar[Pages]
    commands: ClassVar[tuple[AppCommand, ...]] = ()
    benchmarks: ClassVar[tuple[AppCommand, ...]] = ()
    schedules: ClassVar[tuple[AppSchedule, ...]] = ()
    processes: ClassVar[tuple[AppProcess, ...]] = ()

    check_artefact: ClassVar[str | None] = None
    """``"package.module:function"`` ``(folder: Path, upload: Path, name: str) -> dict``: checks an
    uploaded model file in a sandbox, writes the artefact into `folder` and returns its manifest.
    None: the app takes no uploaded models."""

    shipped_models: ClassVar[tuple[str, ...]] = ()
    """Folders (relative to the app's package) with artefacts registered by ``manage.py up``."""

    sentences: ClassVar[str | None] = None
    """A JSON file below the app's package: what its readers and runners say, with its Chinese, see
    `loupe.contract.sentences`. REST answers in English all the same. It SHALL be readable."""

    samples: ClassVar[str | None] = None
    """Folder (relative to the app's package) with sample inputs for a first try."""

    after_samples: ClassVar[str | None] = None
    """Names a function ``(actor: loupe.host.people.Actor, project: Project) -> None`` that a worker
    calls once the samples of the demo project are through: what else there is to look at on a first
    day. It SHALL be safe to repeat."""

    @classmethod
    @abstractmethod
    def assemble(cls, payload: Payload) -> BaseModel | Columns:
        """Turn the last step's payload into the result: of rows-form an instance of the schema,
        of columns-form one array per scalar field of the schema and one for each key of a
        dictionary, called ``field.key``.

        The payload's `meta` holds ``input_name``, what the sender called the input, and ``facts``,
        what was said of it.
        """

    @classmethod
    @abstractmethod
    def decide(cls, result: BaseModel, operating_point: BaseModel) -> DecisionDraft:
        """SHALL be pure: equal arguments give equal decisions, and nothing else is read."""

    @classmethod
    def decide_columns(cls, columns: Columns, operating_point: BaseModel) -> DecisionColumns:
        """Decide a whole block. SHALL agree with `decide` on every row; override it to be quick."""
        drafts = [
            cls.decide(cls.result_schema(**row), operating_point)
            for row in to_rows(columns, cls.result_schema)
        ]
        return DecisionColumns(
            outcome=np.array([draft.outcome for draft in drafts], dtype=np.str_),
            score=np.array([draft.score for draft in drafts], dtype=np.float64),
            label=np.array([draft.label for draft in drafts], dtype=np.str_),
        )

    @classmethod
    @abstractmethod
    def examples(cls) -> tuple[BaseModel, ...]:
        """Results that, under the default operating point, SHALL reach every outcome. They are
        shown in the API's documentation and drive the conformance suite."""

    @classmethod
    def parse_options(cls, operating_point: BaseModel) -> dict[str, float | int | str | bool]:
        """Options handed to the parsing step beside those of the input's kind."""
        return {}

    @classmethod
    def request(cls, operating_point: BaseModel) -> dict[str, float | int | str | bool]:
        """Options handed to the engine step with each item (a score floor, a tile size)."""
        return {}
