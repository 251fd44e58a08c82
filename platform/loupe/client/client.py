"""The client itself: one object per server and key."""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from loupe.api.shapes.apps import AppList, AppShape
from loupe.api.shapes.feed import ChangePage, ChangeShape
from loupe.api.shapes.results import ResultPage, ResultShape
from loupe.api.shapes.work import JobDetail, JobPage, JobShape
from loupe.client import parts
from loupe.client.apps import AppClient
from loupe.client.jobs import JobHandle
from loupe.client.models import Models
from loupe.client.pages import every
from loupe.client.schedules import Schedules
from loupe.client.trainings import Trainings
from loupe.client.transport import Transport
from loupe.client.webhooks import Webhooks


class Loupe:
    """A server, seen with one API key.

    Args:
        base_url: e.g. ``https://loupe.example.com``.
        key: an API key; what it may do depends on its scopes.
        project: only for those who see several projects.
        timeout_s: of a single request.
        tries: how often a request is sent before `Unreachable` is raised.
    """

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        project: str | None = None,
        timeout_s: float = 60.0,
        tries: int = 4,
    ) -> None:
        self._transport = Transport(
            base_url, key, project=project, timeout_s=timeout_s, tries=tries
        )
        self.models = Models(self._transport)
        self.trainings = Trainings(self._transport)
        self.schedules = Schedules(self._transport)
        self.webhooks = Webhooks(self._transport)

    def __enter__(self) -> "Loupe":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def apps(self) -> list[AppShape]:
        """The installed apps."""
        return self._transport.get("apps", AppList).apps

    def app(self, slug: str) -> AppClient:
        """One app's synchronous calls."""
        return AppClient(self._transport, slug)

    def submit(
        self,
        app: str,
        paths: Iterable[str | Path],
        *,
        model: str | None = None,
        name: str = "",
        idempotency_key: str | None = None,
    ) -> JobHandle:
        """Send files (folders with all that is in them) and start a job over them.

        Large files go ahead in parts, so that a connection that breaks costs little.

        Raises:
            Refused: none of them can be used.
        """
        found = list(_files(paths))
        files = [(sent, path) for sent, path in found if path.stat().st_size < parts.FROM_BYTES]
        uploads = [
            str(parts.send_in_parts(self._transport, sent, path))
            for sent, path in found
            if (sent, path) not in files
        ]

        def body() -> dict[str, Any]:
            # Opened afresh for every try; httpx reads them while it sends and leaves them open.
            opened.close()
            if not files:
                return {}
            return {
                "files": [
                    ("file", (sent, opened.enter_context(path.open("rb")))) for sent, path in files
                ]
            }

        with ExitStack() as opened:
            response = self._transport.send(
                "POST",
                "submissions",
                {"app": app, "model": model, "name": name, "upload": uploads},
                body,
                idempotency_key=idempotency_key,
            )
        return JobHandle(self._transport, JobDetail.model_validate_json(response.content))

    def job(self, job_id: uuid.UUID | str) -> JobHandle:
        """A job by its id."""
        return JobHandle(self._transport, self._transport.get(f"jobs/{job_id}", JobDetail))

    def jobs(self, *, app: str = "", state: str = "") -> Iterator[JobShape]:
        """All jobs, newest first."""
        for page in every(self._transport, "jobs", JobPage, app=app, state=state):
            yield from page.jobs

    def results(
        self, app: str, *, outcome: str = "", label: str = "", reviewed: bool | None = None
    ) -> Iterator[ResultShape]:
        """All results of an app, newest first."""
        filters = {"outcome": outcome, "label": label, "reviewed": reviewed}
        for page in every(self._transport, "results", ResultPage, app=app, **filters):
            yield from page.results

    def result(self, result_id: int) -> ResultShape:
        """One result."""
        return self._transport.get(f"results/{result_id}", ResultShape)

    def export(self, app: str, format: str, target: Path, **filters: Any) -> int:
        """Write all matching results in one of the app's formats; returns the bytes written."""
        return self._save("results", target, app=app, format=format, **filters)

    def export_result(self, result_id: int, format: str, target: Path) -> int:
        """Write one result, for example as an annotated picture."""
        return self._save(f"results/{result_id}", target, format=format)

    def save_input(self, result_id: int, target: Path) -> int:
        """Write the bytes a result is about."""
        return self._save(f"results/{result_id}/input", target)

    def changes(
        self, cursor: str | None = None, *, kinds: Iterable[str] = ()
    ) -> Iterator[tuple[ChangeShape, str]]:
        """What happened since `cursor`, oldest first, each with the cursor of its page's end.

        Keep the last cursor and come back with it: nothing is missed and nothing told twice.
        """
        wanted = ",".join(kinds)
        while True:
            page = self._transport.get("changes", ChangePage, cursor=cursor, kinds=wanted)
            for change in page.changes:
                yield change, page.next_cursor
            cursor = page.next_cursor
            if not page.more:
                return

    def _save(self, path: str, target: Path, **parameters: Any) -> int:
        with self._transport.stream(path, **parameters) as response, target.open("wb") as out:
            return sum(out.write(chunk) for chunk in response.iter_bytes())


def _files(paths: Iterable[str | Path]) -> Iterator[tuple[str, Path]]:
    """Every file with the name it is sent under; folders keep their structure."""
    for given in paths:
        path = Path(given)
        if not path.is_dir():
            yield path.name, path
            continue
        for inside in sorted(path.rglob("*")):
            if inside.is_file():
                yield f"{path.name}/{inside.relative_to(path).as_posix()}", inside
