"""Findings without a volume: what the writing is trained on."""

import numpy as np

from apps.report_gen.findings import FINDINGS, Finding, FindingSet, Lobe, Side, State, side_of

PRESENT, UNCERTAIN = 0.3, 0.04
LOBES, SIDES = tuple(Lobe), (Side.RIGHT, Side.LEFT, Side.BOTH)


def some_findings_set(draw: np.random.Generator) -> FindingSet:
    """Any combination of findings, healthy people among them, with sizes and places as told."""
    made: list[Finding] = []
    share = 0.0 if draw.random() < 0.1 else PRESENT * draw.uniform(0.3, 1.6)
    for kind in FINDINGS:
        chance = draw.random()
        state = State.PRESENT if chance < share else State.ABSENT
        if state is State.ABSENT and draw.random() < UNCERTAIN:
            state = State.UNCERTAIN
        there = state is State.PRESENT
        count = min(4, int(draw.geometric(0.6))) if kind.focal and there else 1
        for number in range(1, count + 1):
            lobes: tuple[Lobe, ...] = ()
            side = Side.NONE
            if there and kind.lobed:
                many = 1 if kind.focal else min(5, int(draw.geometric(0.5)))
                chosen = sorted(draw.choice(5, many, replace=False))
                lobes = tuple(LOBES[each] for each in chosen)
                side = side_of(lobes)
            elif there and kind.sided:
                side = SIDES[int(draw.integers(3))]
            low, high = (30.5, 95.0) if kind.key == "mass" else (4.0, 30.0)
            size = float(np.exp(draw.uniform(np.log(low), np.log(high))))
            made.append(
                Finding(
                    id=f"{kind.key}.{number}" if kind.focal and there else kind.key,
                    kind=kind.key, state=state, probability=float(there), side=side, lobes=lobes,
                    size_mm=round(size, 1) if there and kind.sized else None,
                )
            )  # fmt: skip
    return FindingSet(findings=tuple(made))
