"""What share of an account's spending a purchase is: the probe's live state, and its model."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.lanes import Batching
from loupe.contract.runtime.payload import Payload
from loupe.contract.runtime.steps import Clock


class Spending:
    """Sums of cents by project, session and account; its answers say which context they saw."""

    def __init__(self) -> None:
        self.totals: dict[str, int] = {}

    def apply(self, request: Payload) -> Payload:
        start = f"{request.meta['project']}|{request.meta['session']}|"
        if request.meta.get("kind") == "forget":
            return self._forgotten(start, str(request.meta["account"]))
        accounts, cents = request.arrays["account"].tolist(), request.arrays["cents"].tolist()
        if any(account == "refused" for account in accounts):
            raise InputRefused("The account 'refused' takes no purchases.", code="account_refused")
        shares = np.empty(len(cents), dtype=np.float32)
        known = np.full(len(cents), np.nan)
        for row, (account, amount) in enumerate(zip(accounts, cents, strict=True)):
            name = start + account
            if name in self.totals:
                known[row] = self.totals[name]
            self.totals[name] = self.totals.get(name, 0) + amount
            shares[row] = amount / max(1, self.totals[name])
        return Payload(
            arrays={**request.arrays, "features.share": shares, "features.before": known},
            meta={"unit": _unit(request), "session": request.meta["session"]},
        )

    def ask(self, question: Payload) -> Payload:
        start = f"{question.meta['project']}|{question.meta.get('session', 'live')}|"
        name = start + str(question.meta["account"])
        return Payload(meta={"total": self.totals.get(name, 0)})

    def snapshot(self, folder: Path) -> None:
        (folder / "totals.json").write_text(json.dumps(self.totals))

    def restore(self, folder: Path) -> None:
        self.totals = json.loads((folder / "totals.json").read_text())

    def _forgotten(self, start: str, account: str) -> Payload:
        gone = self.totals.pop(start + account, 0)
        return Payload(meta={"forgotten": gone})


class Scorer:
    """``score = share × factor``; a purchase of an account nobody knew before scores half."""

    batching = Batching(max_items=8)

    def __init__(self, artefact: Path, manifest: Mapping[str, Any]) -> None:
        self.factor = json.loads((artefact / "weights.json").read_bytes())["factor"]

    def group(self, request: Payload) -> str | None:
        return "purchases"

    def items(self, request: Payload) -> int:
        return 1

    def infer(self, requests: Sequence[Payload], clock: Clock) -> list[Payload]:
        answers = []
        for request in requests:
            if request.meta.get("fail"):
                raise InputRefused("The model refuses it.", code="model_says_no")
            share = request.arrays["features.share"].astype(np.float64) * self.factor
            new = np.isnan(request.arrays["features.before"])
            score = np.where(new, share / 2, share)
            answers.append(Payload(arrays={"score": score}, meta={"together": len(requests)}))
        return answers

    def close(self) -> None:
        del self.factor


def _unit(request: Payload) -> int:
    context = request.meta.get("context")
    unit = context.get("unit", 1) if isinstance(context, dict) else 0
    return unit if isinstance(unit, int) else 0
