"""A seeded simulator of card payments and transfers: a demo, a training ground, a load.

`simulate(config, seed) -> Columns` gives events in the form of `apps.fraud.events` for the scheme
`CARD_PAYMENTS`, in order of arrival: 50,000 customers over 90 days make about a million rows in
seconds. `simulate_with_truth` gives the `Truth` beside them, which no bank ever has: which rows are
fraud whatever their label says, by which scenario, and in which ring. Equal arguments give
equal rows, as long as `VERSION` is the same.

    from apps.fraud.simulator import SimulatorConfig, simulate

    columns = simulate(SimulatorConfig(customers=2_000, days=60), seed=7)

Payments in shops and at cash machines have neither device nor address; a transfer's `terminal` is
the `customer` who is paid. `python -m apps.fraud.simulator --out payments.parquet` writes the same
as a bank would send it.
"""

from apps.fraud.simulator.config import VERSION, SimulatorConfig
from apps.fraud.simulator.simulating import Truth, simulate, simulate_with_truth

__all__ = ["VERSION", "SimulatorConfig", "Truth", "simulate", "simulate_with_truth"]
