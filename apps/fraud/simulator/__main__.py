"""``python -m apps.fraud.simulator --out payments.parquet``: simulated payments, with labels."""

import argparse
import sys
from pathlib import Path

from pydantic import ValidationError

from apps.fraud.simulator.config import SimulatorConfig
from apps.fraud.simulator.simulating import simulate
from apps.fraud.simulator.table import write
from loupe.contract.runtime.errors import InputRefused


def main(argv: list[str]) -> int:
    """Write a file; 2 when something asked for is not allowed."""
    told = SimulatorConfig()
    parser = argparse.ArgumentParser(prog="python -m apps.fraud.simulator", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="a .parquet or .csv file")
    parser.add_argument("--customers", type=int, default=told.customers)
    parser.add_argument("--days", type=int, default=told.days)
    parser.add_argument("--rate", type=float, default=told.rate, help="payments a customer a day")
    parser.add_argument("--fraud-share", type=float, default=told.fraud_share)
    parser.add_argument("--drift", type=float, default=told.drift, help="0 to 1")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    try:
        config = SimulatorConfig(
            customers=options.customers,
            days=options.days,
            rate=options.rate,
            fraud_share=options.fraud_share,
            drift=options.drift,
        )
        if options.seed < 0:
            raise InputRefused(f"--seed is {options.seed}; give 0 or more.", code="bad_seed")
        columns = simulate(config, options.seed)
        write(columns, options.out)
    except (ValidationError, InputRefused) as refusal:
        print(refusal, file=sys.stderr)
        return 2
    print(
        f"{options.out}: {len(columns['id'])} payments, {int((columns['label'] == 1).sum())} frauds"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
