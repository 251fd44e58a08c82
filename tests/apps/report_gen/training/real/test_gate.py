"""What holds before a report model reads for people."""

import pytest

from apps.report_gen.training.real.gate import gate
from loupe.contract.runtime.panel import Figure, Panel


def panel(macro_f1: float | None, patients: float = 30, chance: float = 0.2) -> Panel:
    values = {"macro_f1": macro_f1, "held_out_patients": patients, "random_deal": chance}
    return Panel(
        figures=tuple(Figure(key=key, en=key, zh=key, value=value) for key, value in values.items())
    )


@pytest.mark.parametrize(
    ("candidate", "production", "closed"),
    [
        (panel(0.6), None, set()),
        (panel(0.6, patients=19), None, {"patients"}),
        (panel(0.6, patients=0), None, {"patients"}),
        (panel(0.2), None, {"chance"}),
        (panel(None), None, {"chance"}),
        (panel(0.6), panel(0.61), set()),
        (panel(0.6), panel(0.63), {"no_worse"}),
        (panel(0.6), panel(None), set()),
    ],
)
def test_the_gate_opens_for_measured_gain_alone(
    candidate: Panel, production: Panel | None, closed: set[str]
) -> None:
    assert {row.key for row in gate(candidate, production) if not row.holds} == closed
