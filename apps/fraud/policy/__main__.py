"""``python -m apps.fraud.policy count ASKED.json ANSWER.json``."""

import argparse
import sys
from pathlib import Path

from apps.fraud.policy.asked import CountAsked
from apps.fraud.policy.counting import count


def main(argv: list[str]) -> int:
    """Read the question, answer it."""
    parser = argparse.ArgumentParser(prog="python -m apps.fraud.policy")
    parser.add_argument("question", choices=("count",))
    for name in ("asked", "answer"):
        parser.add_argument(name, type=Path)
    given = parser.parse_args(argv)
    text = given.asked.read_bytes()
    told = count(CountAsked.model_validate_json(text)).model_dump_json()
    given.answer.write_text(told, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
