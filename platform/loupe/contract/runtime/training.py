"""How an app's training and evaluation run: the same programs at a terminal and under the host.

    python -m <module> --data DIR --out DIR [--config FILE] [--base DIR] [--seed N] [--resume]
    python -m <evaluate_module> --data DIR --out DIR --artefact DIR

Their ``__main__`` is one line: ``sys.exit(train_main(sys.argv[1:], train, MyConfig))``. What they
leave in OUT:

    artefact/            manifest.json and the files it names: what is registered
    panel.json           a `loupe.contract.runtime.panel.Panel` of the artefact as it will serve
    predictions.jsonl    one line a record, from which operating points are fitted
    pictures/*.png       the mistakes the panel names
    evaluations/<runtime>/…  the same three for every further runtime in the artefact (onnx, int8)
    history.jsonl        what was reported as metrics, written by `train_main`
    checkpoint/<step>/   safetensors and JSON, see `loupe.contract.runtime.checkpoints`

The exit status is 0 when the work is done, 2 when it was refused, 75 when something is missing for
the moment, 130 when it was cancelled, 1 after a fault of the app. Under the host (``--report-fd``)
the same is told by a last line on that pipe.
"""

import argparse
import errno
import json
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from loupe.contract.runtime import devices
from loupe.contract.runtime.errors import (
    Cancelled,
    InputRefused,
    LoupeError,
    TemporarilyUnavailable,
)
from loupe.contract.runtime.line_flag import LineWatch
from loupe.contract.runtime.panel import Panel
from loupe.contract.runtime.reporter import Reporter
from loupe.contract.runtime.reporting import ConsoleReporter, PipeReporter, RecordingReporter
from loupe.contract.runtime.yielding import YieldingReporter

ARTEFACT, PANEL, PREDICTIONS = "artefact", "panel.json", "predictions.jsonl"
PICTURES, HISTORY, CHECKPOINT, EVALUATIONS = (
    "pictures",
    "history.jsonl",
    "checkpoint",
    "evaluations",
)
DONE, BROKEN, REFUSED, UNAVAILABLE, CANCELLED = 0, 1, 2, 75, 130
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

Config = TypeVar("Config", bound=BaseModel, contravariant=True)


class Train(Protocol[Config]):
    """Trains one model. SHALL be called with keywords only.

    SHALL call `reporter` at least every few seconds, report ``metrics`` with an integer ``step``
    (the epoch, from 1) once a step before that step's checkpoint is saved, and, with `resume`, go
    on from OUT's newest complete checkpoint, or begin anew where there is none. SHALL give the same
    figures for the same seed and device.
    """

    def __call__(
        self,
        *,
        data: Path,
        out: Path,
        config: Config,
        seed: int,
        resume: bool,
        base: Path | None,
        reporter: Reporter,
    ) -> None:
        """Write the artefact, panel, predictions and pictures below `out`.

        Args:
            data: a bundle (`loupe.contract.runtime.bundle`), or a folder in a layout of the app.
            base: the folder of the artefact to start from; None: from scratch.
        """


class Evaluate(Protocol):
    """Measures one artefact. SHALL be called with keywords only."""

    def __call__(self, *, artefact: Path, data: Path, out: Path, reporter: Reporter) -> Panel:
        """Return the panel; write predictions and pictures below `out`."""


def train_main(argv: Sequence[str], train: Train[Any], config_schema: type[BaseModel]) -> int:
    """Run `train` as the command line `argv` says; returns the exit status."""
    parser = argparse.ArgumentParser(prog="training")
    parser.add_argument("--data", type=Path, required=True, help="a bundle, or a known layout")
    parser.add_argument("--out", type=Path, required=True, help="folder for all that is written")
    parser.add_argument("--config", type=Path, help="JSON; left out: the default recipe")
    parser.add_argument("--base", type=Path, help="folder of the artefact to start from")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    parser.add_argument("--report-fd", type=int, help="set by the host")
    asked = parser.parse_args(argv)

    def work(reporter: Reporter) -> None:
        config = read_config(asked.config, config_schema)
        asked.out.mkdir(parents=True, exist_ok=True)
        polite = _polite(RecordingReporter(reporter, asked.out / HISTORY))
        with devices.claimed(devices.device_name(str(getattr(config, "device", "") or ""))):
            train(
                data=_folder(asked.data, "--data"),
                out=asked.out,
                config=config,
                seed=asked.seed,
                resume=asked.resume,
                base=_folder(asked.base, "--base") if asked.base else None,
                reporter=polite,
            )
        _tell(polite)

    return _guarded(asked.report_fd, asked.out, work)


def evaluate_main(argv: Sequence[str], evaluate: Evaluate) -> int:
    """Run `evaluate` as the command line `argv` says; returns the exit status."""
    parser = argparse.ArgumentParser(prog="evaluation")
    parser.add_argument("--data", type=Path, required=True, help="a bundle, or a known layout")
    parser.add_argument("--out", type=Path, required=True, help="folder for all that is written")
    parser.add_argument("--artefact", type=Path, required=True, help="folder of the artefact")
    parser.add_argument("--report-fd", type=int, help="set by the host")
    asked = parser.parse_args(argv)

    def work(reporter: Reporter) -> None:
        asked.out.mkdir(parents=True, exist_ok=True)
        panel = evaluate(
            artefact=_folder(asked.artefact, "--artefact"),
            data=_folder(asked.data, "--data"),
            out=asked.out,
            reporter=_polite(reporter),
        )
        write_panel(asked.out, panel)

    return _guarded(asked.report_fd, asked.out, work)


def read_config(file: Path | None, schema: type[BaseModel]) -> BaseModel:
    """The recipe in `file`; the default one where there is no file.

    Raises:
        InputRefused: it is no JSON, or a value is not allowed; the message names the field.
    """
    if file is None:
        return schema()
    try:
        return schema.model_validate_json(file.read_bytes())
    except OSError as error:
        raise InputRefused(f"The recipe {file} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in one['loc']) or 'recipe'}: {one['msg']}"
            for one in error.errors()
        )
        known = ", ".join(schema.model_fields)
        raise InputRefused(
            f"The recipe is not valid: {problems}. The fields are: {known}.", code="recipe_invalid"
        ) from error


def write_panel(out: Path, panel: Panel) -> None:
    """Write ``panel.json`` so that it is there whole or not at all."""
    fresh = out / f"{PANEL}.new"
    fresh.write_text(panel.model_dump_json())
    fresh.replace(out / PANEL)


def read_panel(out: Path) -> Panel:
    """What was written by `write_panel`.

    Raises:
        InputRefused: it is missing or damaged.
    """
    try:
        return Panel.model_validate_json((out / PANEL).read_bytes())
    except (OSError, ValidationError) as error:
        raise InputRefused(f"There is no valid {PANEL} in {out}: {error}.") from error


def _polite(reporter: Reporter) -> Reporter:
    """The reporter, made to give way to the line where an engine on this machine serves one."""
    watch = LineWatch.of_environment()
    return reporter if watch is None else YieldingReporter(reporter, watch)


def _tell(reporter: Reporter) -> None:
    """Leave the time yielded in the log."""
    if isinstance(reporter, YieldingReporter) and reporter.told():
        print(f"The training ended {reporter.told()}.", flush=True)


def _folder(path: Path, option: str) -> Path:
    if not path.is_dir():
        raise InputRefused(f"{option} {path} is not a folder.")
    return path.resolve()


def _guarded(report_fd: int | None, out: Path, work: Callable[[Reporter], None]) -> int:
    """Do `work` and tell how it ended: to the host as a line, to a person as a sentence."""
    pipe: PipeReporter | None = None
    if report_fd is not None:
        os.set_inheritable(report_fd, False)
        pipe = PipeReporter(report_fd, sys.stdin.fileno())
        reporter: Reporter = pipe
    else:
        screen = ConsoleReporter()
        screen.listen()
        reporter = screen
    try:
        work(reporter)
        ending: dict[str, Any] = {"done": True}
        status = DONE
    except (Cancelled, KeyboardInterrupt):
        ending, status = {"cancelled": True}, CANCELLED
    except TemporarilyUnavailable as error:
        ending = {"postponed": True, "code": error.code, "message": error.message}
        status = UNAVAILABLE
    except LoupeError as error:
        ending = {"refused": True, "code": error.code, "message": error.message}
        status = REFUSED
    except Exception as error:
        # The border to an app's code: its bug is this run's failure, told with its name.
        if isinstance(error, OSError) and error.errno in _FULL:
            sentence = (
                f"The disk of {out} is full. The last complete checkpoint was kept: make room, "
                "then resume the training."
            )
            ending, status = {"refused": True, "code": "disk_full", "message": sentence}, REFUSED
        else:
            traceback.print_exc()
            ending, status = {"broken": f"{type(error).__name__}: {error}"}, BROKEN
    if pipe is not None:
        pipe.send(ending)
    elif status != DONE:
        said = ending.get("message") or ending.get("broken") or "The training was cancelled."
        print(said if "code" not in ending else f"{said} ({ending['code']})", file=sys.stderr)
    return status


def history(out: Path) -> list[dict[str, Any]]:
    """What was reported, in order of ``step``; of a step told twice the later line. A line that a
    kill cut off is left out."""
    steps: dict[int, dict[str, Any]] = {}
    file = out / HISTORY
    for line in file.read_text().splitlines() if file.is_file() else ():
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if isinstance(said, dict) and isinstance(said.get("step"), int):
            steps[said["step"]] = said
    return [steps[step] for step in sorted(steps)]
