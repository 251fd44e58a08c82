"""Settings read the environment with types; a wrong value stops the start with a sentence."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from loupe.settings import env

NAME = "LOUPE_A_TEST"


@pytest.mark.parametrize("value", ["1", "true", "YES", "on"])
def test_a_yes_is_read_in_every_usual_spelling(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(NAME, value)
    assert env.flag(NAME, default=False) is True


@pytest.mark.parametrize("value", ["0", "false", "No", "off"])
def test_a_no_is_read_in_every_usual_spelling(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(NAME, value)
    assert env.flag(NAME, default=True) is False


def test_neither_yes_nor_no_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "maybe")
    with pytest.raises(ImproperlyConfigured, match="LOUPE_A_TEST='maybe' is not a yes or no: use"):
        env.flag(NAME, default=True)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("four", "LOUPE_A_TEST='four' is not a whole number"),
        ("1.5", "LOUPE_A_TEST='1.5' is not a whole number"),
        ("0", "LOUPE_A_TEST=0 is too small: at least 1"),
    ],
)
def test_a_wrong_number_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, value: str, message: str
) -> None:
    monkeypatch.setenv(NAME, value)
    with pytest.raises(ImproperlyConfigured, match=message):
        env.number(NAME, 3, at_least=1)


def test_numbers_words_and_text_have_defaults() -> None:
    assert env.number(NAME, 3) == 3
    assert env.words(NAME, ("a", "b")) == ["a", "b"]
    assert env.text(NAME, "x") == "x"


def test_a_text_without_default_has_to_be_set() -> None:
    with pytest.raises(ImproperlyConfigured, match="Set the environment variable LOUPE_A_TEST"):
        env.text(NAME)


def test_words_are_split_at_commas_and_trimmed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, " a, b ,,c")
    assert env.words(NAME) == ["a", "b", "c"]


def test_a_relative_folder_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "var")
    with pytest.raises(ImproperlyConfigured, match="LOUPE_A_TEST='var' is not an absolute path"):
        env.folder(NAME, Path("/x"))


def test_a_postgresql_url_is_read_with_its_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "postgresql://me:p%40ss@db.example:5433/lo%2Fupe")
    read = env.database(NAME, "")
    assert read["ENGINE"] == "django.db.backends.postgresql"
    assert (read["USER"], read["PASSWORD"]) == ("me", "p@ss")
    assert (read["HOST"], read["PORT"], read["NAME"]) == ("db.example", "5433", "lo/upe")


def test_a_postgresql_url_may_name_a_socket_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "postgresql://me@/loupe?host=/run/postgresql")
    assert env.database(NAME, "")["HOST"] == "/run/postgresql"


def test_networks_are_read_and_a_wrong_one_stops_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(NAME, "10.0.0.0/8, fd00::/8")
    assert [str(network) for network in env.networks(NAME)] == ["10.0.0.0/8", "fd00::/8"]
    monkeypatch.setenv(NAME, "10.0.0.1/8")
    with pytest.raises(ImproperlyConfigured, match=r"'10\.0\.0\.1/8', which is no IP network"):
        env.networks(NAME)


def test_sqlite_takes_write_locks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "sqlite:////data/loupe.sqlite3")
    read = env.database(NAME, "")
    assert read["NAME"] == "/data/loupe.sqlite3"
    options = read["OPTIONS"]
    assert isinstance(options, dict)
    assert options["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in options["init_command"]


def test_another_database_is_refused_with_what_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "mysql://x/y")
    with pytest.raises(ImproperlyConfigured, match="starts with 'mysql': use sqlite:"):
        env.database(NAME, "")
