"""Commands and benchmarks come from apps; the host names none."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def manage(*arguments: str) -> subprocess.CompletedProcess[str]:
    """One run of manage.py under the test settings, with the probe apps installed."""
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "loupe.settings.test"},
    )


def test_a_command_an_app_declares_runs_with_its_arguments() -> None:
    answer = manage("greet", "dummy_app", "a", "--loud")
    assert (answer.returncode, answer.stdout) == (0, "hello a --loud\n")


@pytest.mark.parametrize("slug", [(), ("dummy_app",)])
def test_a_command_whose_name_says_it_all_needs_no_slug(slug: tuple[str, ...]) -> None:
    answer = manage("greet-dummy", *slug, "a", "--loud")
    assert (answer.returncode, answer.stdout) == (0, "hello a --loud\n")


def test_a_command_the_named_app_lacks_is_refused_with_those_that_have_it() -> None:
    answer = manage("greet", "stateful_probe")
    assert answer.returncode == 1
    assert "has no command 'greet'; these have one: ['dummy_app']" in answer.stderr


def test_a_benchmark_runs_by_its_name() -> None:
    answer = manage("bench", "nothing")
    assert answer.returncode == 0
    assert answer.stdout.startswith("ratio 1.0")


def test_an_unknown_benchmark_is_refused_with_the_list() -> None:
    answer = manage("bench", "nonesuch")
    assert answer.returncode == 1
    assert "No benchmark is called 'nonesuch'; there are: [" in answer.stderr
    assert "'nothing'" in answer.stderr


@pytest.mark.parametrize("slug", ["dummy_app", "stateful_probe", "heavy_probe"])
def test_installed_apps_are_listed(slug: str) -> None:
    listed = [json.loads(line) for line in manage("apps", "--json").stdout.splitlines()]
    assert slug in [app["slug"] for app in listed]


def test_help_names_the_commands_of_apps() -> None:
    assert "greet <app>" in manage("help").stdout
