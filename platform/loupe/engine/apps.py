"""What the engine needs to know of the installed apps."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from loupe.contract.app import DomainApp
from loupe.contract.runtime.steps import Place, Step
from loupe.engine.errors import NotFound, RequestRefused


@dataclass(frozen=True, kw_only=True)
class AppFacts:
    """One app: its Python package, its sandbox step and its live service, if it has them.

    `runners` holds, for the runner of each engine step, what runs instead of it by device type.
    """

    slug: str
    package: str
    sandbox: Step | None
    service: str | None
    service_step: str = "apply"
    model_step: str = "infer"
    runners: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


class Apps:
    """The installed apps by slug."""

    def __init__(self, declared: Mapping[str, type[DomainApp]]) -> None:
        self._facts = {slug: _facts(app) for slug, app in declared.items()}

    @property
    def packages(self) -> dict[str, str]:
        """Each app's Python package."""
        return {slug: facts.package for slug, facts in self._facts.items()}

    @property
    def services(self) -> dict[str, str]:
        """The service of each app that has one."""
        return {slug: facts.service for slug, facts in self._facts.items() if facts.service}

    def service_step(self, slug: str) -> str:
        """The name of the step that is an app's service, as wall times have it."""
        facts = self._facts.get(slug)
        return facts.service_step if facts is not None else "apply"

    def model_step(self, slug: str) -> str:
        """The name of the step that is the runner behind an app's service."""
        facts = self._facts.get(slug)
        return facts.model_step if facts is not None else "infer"

    def runners(self, slug: str, runner: str) -> Mapping[str, str]:
        """The code of a model's runner by device type; ``cpu`` is the one its manifest names."""
        facts = self._facts.get(slug)
        others = facts.runners.get(runner, {}) if facts is not None else {}
        return {"cpu": runner, **others}

    @property
    def sandbox_runs(self) -> list[str]:
        """The code of every sandbox step."""
        return [facts.sandbox.run for facts in self._facts.values() if facts.sandbox]

    def sandbox(self, slug: str) -> Step:
        """The sandbox step of an app.

        Raises:
            NotFound: no such app is installed, or it has none.
        """
        facts = self._facts.get(slug)
        if facts is None or facts.sandbox is None:
            known = ", ".join(sorted(s for s, f in self._facts.items() if f.sandbox)) or "none"
            raise NotFound(f"No app {slug!r} with a parsing step; there are: {known}.")
        return facts.sandbox

    def check_code(self, run: str) -> None:
        """Let only code of an installed app be run by name.

        Raises:
            RequestRefused: `run` is not ``package.module:function`` of an installed app.
        """
        module, _, attribute = run.partition(":")
        if attribute and any(module.startswith(f"{p}.") for p in self.packages.values()):
            return
        raise RequestRefused(
            f"run={run!r} is not code of an installed app; name it as 'package.module:function'."
        )


def _facts(app: type[DomainApp]) -> AppFacts:
    steps = [step for step in app.steps if step.place is Place.SANDBOX]
    return AppFacts(
        slug=app.slug,
        package=app.__module__.rpartition(".")[0],
        sandbox=steps[0] if steps else None,
        service=app.service,
        model_step=app.steps[-1].name,
        service_step=next((step.name for step in app.steps if step.run == app.service), "apply"),
        runners={
            step.run: {other.device: other.run for other in step.also}
            for step in app.steps
            if step.place is Place.ENGINE
        },
    )
