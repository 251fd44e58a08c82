"""Django's view of `loupe.console`."""

from django.apps import AppConfig

from loupe.contract.extras import AppCommand


class ConsoleConfig(AppConfig):
    name = "loupe.console"
    label = "console"
    benchmarks = (
        AppCommand(
            name="pages",
            help="How long pages take over 100,000 results, and with how many queries.",
            run="loupe.console.benchmarks.pages:main",
        ),
        AppCommand(
            name="datasets",
            help="How long the pages of a dataset of 5,000 records take.",
            run="loupe.console.benchmarks.datasets:main",
        ),
    )
