"""What the README and the other pages promise exists: links, pictures, commands, files."""

import re
import shlex

import pytest
from django.core.management import get_commands, load_command_class

from tests.architecture.tree import ROOT, text_of, tracked

PAGES = [path for path in tracked() if path.suffix == ".md" and "vendor" not in path.parts]
PYTHON = ".venv/bin/python"


def commands() -> list[list[str]]:
    """The words of every command in the README's shell blocks."""
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), re.S | re.M)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    bare = [re.sub(r"^\w+=\$\((.*)\)$", r"\1", line) for line in lines if line.strip()]
    return [shlex.split(line, comments=True) for line in bare]


def outside_code(text: str) -> str:
    """Markdown without its blocks and pieces of code."""
    return re.sub(r"`[^`\n]+`", "", re.sub(r"^```.*?^```", "", text, flags=re.S | re.M))


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_and_picture_exists(page: str) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", outside_code(text_of(ROOT / page)))
    files = [link.partition("#")[0] for link in links if not link.startswith(("http", "#"))]
    folder = (ROOT / page).parent
    assert [link for link in files if not (folder / link).exists()] == []


def test_make_targets_of_the_readme_exist() -> None:
    named = {words[1] for words in commands() if words[0] == "make"}
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert {"up", "test"} <= named <= targets


def test_management_commands_of_the_readme_take_their_arguments() -> None:
    known = get_commands()
    named = [words[2:] for words in commands() if words[:2] == [PYTHON, "manage.py"]]
    assert {words[0] for words in named} == {"createkey", "predict"}
    for name, *arguments in named:
        command = load_command_class(known[name], name)
        command.create_parser("manage.py", name).parse_args(arguments)


def test_files_of_the_readmes_commands_exist() -> None:
    words = [word.removeprefix("@") for command in commands() for word in command]
    paths = [word for word in words if "/" in word and "://" not in word]
    paths = [path for path in paths if path != PYTHON and not path.startswith("image/")]
    paths = [path for path in paths if not path.startswith("Content-Type")]
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_folders_the_readme_tells_of_exist() -> None:
    folders = re.findall(r"`([\w./-]+/)`", (ROOT / "README.md").read_text())
    assert folders
    assert [folder for folder in folders if not (ROOT / folder).is_dir()] == []


def test_every_picture_is_shown_by_the_readme_or_a_page_of_the_book() -> None:
    picture = re.compile(r"!\[[^\]]+\]\(([^)]+)\)")
    shown = picture.findall((ROOT / "README.md").read_text())
    for page in (ROOT / "docs").glob("*.md"):
        shown += [f"docs/{name}" for name in picture.findall(page.read_text())]
    kept = [str(path) for path in tracked() if path.parts[:2] == ("docs", "images")]
    assert not set(kept) - set(shown)
    assert not {name for name in shown if not (ROOT / name).is_file()}
