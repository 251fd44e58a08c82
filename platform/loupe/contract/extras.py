"""Optional things an app brings along: commands, benchmarks, schedules, processes, pages."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from loupe.contract.runtime.lanes import Lane
from loupe.contract.runtime.payload import JsonValue
from loupe.contract.text import Text


@dataclass(frozen=True, kw_only=True)
class AppCommand:
    """``manage.py <name> <slug> …`` (or ``manage.py bench <name>`` for a benchmark).

    `run` names a function ``(argv: list[str]) -> int`` as ``"package.module:function"``. With
    `says_it_all` the slug may be left out: the name alone says whose command it is, as long as no
    other installed app has one of that name.
    """

    name: str
    help: str
    run: str
    says_it_all: bool = False


@dataclass(frozen=True, kw_only=True)
class AppSchedule:
    """A task the host can run on a timetable.

    `run` names a function ``(project_id: str, options: dict) -> str`` whose answer goes into the
    schedule's history; `default_cron` is five fields in the project's time zone. With `from_start`
    every project has it on its timetable, until somebody there switches it off or deletes it.
    """

    key: str
    label: Text
    run: str
    default_cron: str
    from_start: bool = False


@dataclass(frozen=True, kw_only=True)
class AppProcess:
    """A long-lived process started by ``manage.py up``: ``python -m <module> <arguments…>``."""

    name: str
    module: str
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Tab:
    """One of the app's own pages in its row of tabs.

    Attributes:
        url: the name of its address, which takes the project's slug alone.
        section: what the page calls itself, so that its tab is marked.
    """

    label: Text
    url: str
    section: str


@dataclass(frozen=True, kw_only=True)
class Waits:
    """Something of an app that waits for a person: how many, what, and where it is done."""

    count: int
    words: str
    url: str


@dataclass(frozen=True, kw_only=True)
class WorkWords:
    """What the host's workspace calls the app's work.

    Attributes:
        start: on the button that begins a job, a verb.
        name_hint: stands in the empty field of a job's name.
    """

    start: Text = field(default_factory=lambda: Text(en="Inspect", zh="开始检测"))
    name_hint: Text = field(
        default_factory=lambda: Text(en="Optional, for instance the lot", zh="可选，例如批号")
    )


@dataclass(frozen=True, kw_only=True)
class Found:
    """Something of an app that what was typed into the search names.

    Attributes:
        kind: what it is, in the language of the page: a customer, a payment, a case.
        name: its identifier or title.
        words: more about it, one line.
        url: its page.
        exact: it is named so, not only begins so; the only one is opened at once.
    """

    kind: str
    name: str
    url: str
    words: str = ""
    exact: bool = False


@dataclass(frozen=True, kw_only=True)
class Pages:
    """Templates for the host's fixed slots, and the app's own pages.

    `workspace` and `result` extend the host's templates; `script` and `style` are static paths
    loaded only where the app's slots are shown. `urls` and `api_urls` are mounted under
    ``/<slug>/`` and ``/api/v1/<slug>/``. `preview` names a function
    ``(path, options) -> bytes`` that the host runs in the sandbox: it draws an input as a PNG whose
    longer side has at most ``options["max_side"]`` pixels, for what browsers cannot show. `tiles`
    names a function of the same form that returns a large image in the form of
    `loupe.contract.runtime.pyramid`, for viewers that zoom. `tabs` stand in the app's row of tabs,
    before the host's jobs and models. `point` is a template that says what a version's operating
    point means, in place of its JSON on the model's page; it gets `shown` (the version), `point`
    and `evaluation`. `beside` is a template that stands beside a result, below what people say of
    it; it gets `result` and `data`. `job` is a template that stands on a job's page once it has
    ended; it gets `job` and `now`. `waiting` names a function ``(actor, project) ->
    Sequence[Waits]``: what of the app waits for a person, on the project's first page, in the
    language of the page. `search` names a function ``(actor, project, text) -> Sequence[Found]``:
    what the app knows by an identifier that somebody typed into the search, the best first, a few
    dozen at most. `words` are what the workspace calls the app's work.
    """

    result: str
    row: str
    workspace: str = "console/workspace.html"
    scripts: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()
    urls: str | None = None
    api_urls: str | None = None
    preview: str | None = None
    tiles: str | None = None
    tabs: tuple[Tab, ...] = ()
    beside: str | None = None
    point: str | None = None
    job: str | None = None
    waiting: str | None = None
    search: str | None = None
    words: WorkWords = field(default_factory=WorkWords)


@dataclass(frozen=True, kw_only=True)
class SyncMode:
    """The app answers one request at once: ``POST /api/v1/<slug>/<verb>``.

    Attributes:
        body: ``file`` (one input, raw or multipart) or ``rows`` (a batch of JSON rows).
        row_schema: the pydantic class of one row, as ``"package.module:Class"``; only for rows. It
            is shown in the API's documentation and, without `read_rows`, checks every row.
        max_rows: largest batch accepted; only for rows.
        read_rows: names a `ReadRows` that reads whole batches in place of `row_schema`, for apps
            that take more rows than can be checked one by one; only for rows.
        read_each: names a `loupe.contract.reading.ReadEach`; then rows may also be streamed to
            ``/api/v1/<slug>/<verb>/stream``; only for rows.
        reasons_for: outcomes whose rows come with the reasons of their decision in the answer, the
            first hundred of them; only for rows.
        row_examples: rows as a caller sends them, for the documentation and the conformance suite;
            with `read_rows` there SHALL be some.
        on_request: dictionary fields of the result that an answer has only where the query names
            them (``?features=1``): what costs more to write than all else; only for rows.
        together: calls of one row that come at once may be answered as one batch, read by
            `read_each`. Names a function ``(columns) -> None`` that gets the columns of one call's
            answer, and raises InputRefused where that call alone would have been refused.
        fail_open, fail_closed: the outcomes given when the engine is late or gone and the caller
            declared that policy.
        lane: who waits for the answer: a line that stands still meanwhile, or a person at a page.
    """

    verb: str
    body: str
    fail_open: str
    fail_closed: str
    row_schema: str | None = None
    max_rows: int = 0
    read_rows: str | None = None
    read_each: str | None = None
    reasons_for: tuple[str, ...] = ()
    row_examples: tuple[Mapping[str, JsonValue], ...] = ()
    on_request: tuple[str, ...] = ()
    together: str | None = None
    deadline_ms: int = 2000
    lane: Lane = Lane.LINE
    description: Text = field(default_factory=lambda: Text(en="", zh=""))
