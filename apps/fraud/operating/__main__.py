"""The program that decides again: ``python -m apps.fraud.operating``, requests as JSON lines.

    {"op": "begin", "artefact": PATH | null, "version": ID, "point": {…}}          → {}
    {"op": "folder", "folder": PATH, "champion": {…}, "first": MS | null, "stop": MS | null}
                                                     → {"done": [block numbers], "rows": N}
    {"op": "open", "path": PATH, "version": ID | null}            → {"ids": […], "times": […]}
    {"op": "part", "number": N, "labels": […]}                    → {"rows": N}
    {"op": "conclude", "prices": {…}}                             → {"comparison": {…} | null}
    {"op": "shadow", "path": PATH, "version": ID | null, "out": PATH}  → `shadowing.Shadowed`
    {"op": "scores", "path": PATH, "rows": [rows of the block]}   → {"scores": [number | null]}
    {"op": "fitting", "folder": PATH, "blocks": N}                → {"done": [block numbers]}
    {"op": "scored", "path": PATH}                                → {"ids": […], "times": […]}
    {"op": "keep", "number": N, "told": […], "silent_before": MS} → {"rows", "honest", "fraud"}
    {"op": "fit", "asked": {…}, "point": {…}}                     → {"found": `FitFound`}
    {"op": "around", "path": PATH, "row": N, "scheme": {…}, "files": [PATH]}
                                                    → {"payers": [who shares something]}
    {"op": "follow", "files": [PATH]}               → {"ids": [their transactions]}
    {"op": "explain", "labels": {ID: [0 | 1, known at, ms]}}      → `explaining.telling.Told`

A refusal is answered ``{"refused": {"code": …, "message": …}}`` and changes nothing. The program
ends when its input does: with the worker that started it.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from apps.fraud.operating.blocks import Decisions, read
from apps.fraud.operating.challenger import Challenger
from apps.fraud.operating.parts import Folder
from apps.fraud.operating.prices import Prices
from apps.fraud.operating.shadowing import shadow
from apps.fraud.policy.fitting import Fitting
from apps.fraud.schema import OperatingPoint
from apps.fraud.scheme import Scheme
from apps.fraud.thresholds.asked import Asked as Budgets
from loupe.contract.runtime.columns import Columns
from loupe.contract.runtime.errors import InputRefused, LoupeError
from loupe.contract.runtime.steps import load
from loupe.contract.runtime.urgency import NICE

if TYPE_CHECKING:
    from apps.fraud.explaining.telling import Telling

Asked = Mapping[str, Any]


class Program:
    """The state between requests."""

    def __init__(self) -> None:
        self._challenger: Challenger | None = None
        self._version: int | None = None
        self._folder: Folder | None = None
        self._champion: OperatingPoint | None = None
        self._span: tuple[int | None, int | None] = (None, None)
        self._seen: set[str] = set()
        self._open: tuple[Decisions, Columns] | None = None
        self._telling: Telling | None = None
        self._fitting: Fitting | None = None
        self._blocks = 0

    def begin(self, asked: Asked) -> dict[str, Any]:
        """Read the challenger."""
        artefact = asked["artefact"]
        self._challenger = Challenger(
            Path(artefact) if artefact else None, OperatingPoint.model_validate(asked["point"])
        )
        self._version = asked["version"]
        return {}

    def folder(self, asked: Asked) -> dict[str, Any]:
        """Where the parts are, which blocks are done, and how many rows were taken from them."""
        self._folder = Folder(Path(asked["folder"]))
        self._champion = OperatingPoint.model_validate(asked["champion"])
        self._span = asked["first"], asked["stop"]
        self._seen = self._folder.ids()
        done = [number for number in range(asked["blocks"]) if self._folder.there(number)]
        return {"done": done, "rows": len(self._seen)}

    def open(self, asked: Asked) -> dict[str, Any]:
        """Read a block: its transactions within the period that did not come before."""
        block = read(Path(asked["path"]))
        times = block.columns["event_time"]
        first, stop = self._span
        mask = np.ones(len(block), dtype=bool)
        if first is not None:
            mask &= times >= first
        if stop is not None:
            mask &= times < stop
        ids = block.columns["id"].tolist()
        for row in np.flatnonzero(mask).tolist():
            # What production decided first is what it did.
            if ids[row] in self._seen:
                mask[row] = False
            else:
                self._seen.add(ids[row])
        taken = block.only(mask)
        columns = self._ready().scored(taken, again=asked["version"] != self._version)
        self._open = taken, columns
        return {
            "ids": taken.columns["id"].tolist(),
            "times": taken.columns["event_time"].tolist(),
        }

    def part(self, asked: Asked) -> dict[str, Any]:
        """Decide the open block with its labels, and keep that."""
        if self._open is None or self._folder is None or self._champion is None:
            raise InputRefused("No block is open.", code="order")
        block, columns = self._open
        labels = np.asarray(asked["labels"], dtype=np.int64)
        self._folder.write(asked["number"], block, columns, labels, self._champion, self._ready())
        self._open = None
        return {"rows": len(block)}

    def conclude(self, asked: Asked) -> dict[str, Any]:
        """Put the parts together."""
        if self._folder is None or self._champion is None:
            raise InputRefused("No folder is named.", code="order")
        prices = Prices.model_validate(asked["prices"])
        found = self._folder.concluded(self._champion, self._ready().point, prices)
        return {"comparison": found.model_dump(mode="json") if found else None}

    def shadow(self, asked: Asked) -> dict[str, Any]:
        """Decide one block once more."""
        again = asked["version"] != self._version
        block = read(Path(asked["path"]))
        return asdict(shadow(block, self._ready(), Path(asked["out"]), again=again))

    def scores(self, asked: Asked) -> dict[str, Any]:
        """Score some rows of a block once more; null of a row that is none."""
        block = read(Path(asked["path"]))
        wanted = np.asarray(asked["rows"], np.int64)
        kept = block.only(np.isin(block.rows, wanted))
        scores = self._ready().scored(kept, again=True)["score"].tolist()
        by_row = dict(zip(kept.rows.tolist(), scores, strict=True))
        return {"scores": [by_row.get(row) for row in wanted.tolist()]}

    def fitting(self, asked: Asked) -> dict[str, Any]:
        """Where the parts of a fit are, and which blocks are done."""
        self._fitting = Fitting(Path(asked["folder"]))
        self._blocks = int(asked["blocks"])
        return {"done": self._fitting.done(self._blocks)}

    def scored(self, asked: Asked) -> dict[str, Any]:
        """Read the scores of a block."""
        ids, times = self._fit().read(Path(asked["path"]))
        return {"ids": ids, "times": times}

    def keep(self, asked: Asked) -> dict[str, Any]:
        """Keep them with their labels."""
        return dict(self._fit().keep(asked["number"], asked["told"], asked["silent_before"]))

    def fit(self, asked: Asked) -> dict[str, Any]:
        """Find thresholds on all parts."""
        found = self._fit().concluded(
            self._blocks,
            Budgets.model_validate(asked["asked"]),
            OperatingPoint.model_validate(asked["point"]),
        )
        return {"found": found.model_dump(mode="json")}

    def _fit(self) -> Fitting:
        if self._fitting is None:
            raise InputRefused("No folder is named.", code="order")
        return self._fitting

    def around(self, asked: Asked) -> dict[str, Any]:
        """Look at one row of a block and at those who share something with its payer."""
        told: Telling = load("apps.fraud.explaining.telling:Telling")(
            self._ready().explainer(),
            Path(asked["path"]),
            int(asked["row"]),
            Scheme.model_validate(asked["scheme"]),
            [Path(file) for file in asked["files"]],
        )
        self._telling = told
        several = {one for payers in told.around.payers.values() for one in payers}
        return {"payers": sorted(several)}

    def follow(self, asked: Asked) -> dict[str, Any]:
        """Read what those had done by then."""
        around = self._looking().around
        around.follow([Path(file) for file in asked["files"]])
        return {"ids": around.ids}

    def explain(self, asked: Asked) -> dict[str, Any]:
        """Explain that row, with what became of its neighbours' transactions."""
        return self._looking().told(asked["labels"]).model_dump(mode="json")

    def _looking(self) -> "Telling":
        if self._telling is None:
            raise InputRefused("No transaction is looked at.", code="order")
        return self._telling

    def _ready(self) -> Challenger:
        if self._challenger is None:
            raise InputRefused("No challenger is named.", code="order")
        return self._challenger


def main() -> int:
    """Answer requests until there are no more."""
    os.nice(NICE)  # what scores payments goes first
    program = Program()
    verbs: Final[dict[str, Callable[[Asked], dict[str, Any]]]] = {
        "begin": program.begin,
        "folder": program.folder,
        "open": program.open,
        "part": program.part,
        "conclude": program.conclude,
        "shadow": program.shadow,
        "scores": program.scores,
        "fitting": program.fitting,
        "scored": program.scored,
        "keep": program.keep,
        "fit": program.fit,
        "around": program.around,
        "follow": program.follow,
        "explain": program.explain,
    }
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            told = verbs[asked["op"]](asked)
        except LoupeError as error:
            told = {"refused": {"code": error.code, "message": error.message}}
        print(json.dumps(told), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
