"""Django's view of `loupe.supervisor`."""

from django.apps import AppConfig

from loupe.contract.extras import AppCommand


class SupervisorConfig(AppConfig):
    name = "loupe.supervisor"
    label = "supervisor"
    benchmarks = (
        AppCommand(
            name="memory",
            help="What web and worker hold when idle, and at most over a large sample.",
            run="loupe.supervisor.benchmarks.memory:main",
        ),
    )
