"""``python -m apps.fraud.policy count|fit ASKED.json ANSWER.json``."""

import argparse
import sys
from pathlib import Path

from apps.fraud.policy.asked import CountAsked, FitAsked
from apps.fraud.policy.counting import count
from apps.fraud.policy.fitting import fitted


def main(argv: list[str]) -> int:
    """Read the question, answer it."""
    parser = argparse.ArgumentParser(prog="python -m apps.fraud.policy")
    parser.add_argument("question", choices=("count", "fit"))
    for name in ("asked", "answer"):
        parser.add_argument(name, type=Path)
    given = parser.parse_args(argv)
    text = given.asked.read_bytes()
    if given.question == "count":
        told = count(CountAsked.model_validate_json(text)).model_dump_json()
    else:
        told = fitted(FitAsked.model_validate_json(text)).model_dump_json()
    given.answer.write_text(told, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
