"""Trains the model that ships: ``python -m apps.fraud.training.shipped``, on simulated payments.

The same command gives the same model with the same library versions. Nothing in it comes from real
customers.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from apps.fraud.scheme import CARD_PAYMENTS
from apps.fraud.simulator import VERSION, SimulatorConfig, simulate
from apps.fraud.training.config import TrainingConfig
from apps.fraud.training.plan import GRAPH_TREES
from apps.fraud.training.reading import Read
from apps.fraud.training.report_lines import lines
from apps.fraud.training.training import train_on
from loupe.contract.runtime.reporting import ConsoleReporter
from loupe.contract.runtime.training import ARTEFACT

FOLDER = Path(__file__).parent.parent / "models_shipped" / "payments"
SEED = 2026
NAME = "payments"


def main() -> int:
    """Simulate, climb the ladder, and put the artefact in its place."""
    parser = argparse.ArgumentParser(prog="python -m apps.fraud.training.shipped")
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--customers", type=int, default=6_000)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--network", action="store_true", help="the graph network too")
    asked = parser.parse_args()
    simulated = SimulatorConfig(customers=asked.customers, days=asked.days)
    columns = dict(simulate(simulated, SEED))
    read = Read(
        CARD_PAYMENTS, columns, f"simulator-{VERSION}-{SEED}-{asked.customers}-{asked.days}", 0, ()
    )
    config = TrainingConfig(seeds=asked.seeds, network=asked.network)
    with tempfile.TemporaryDirectory() as scratch:
        said = train_on(
            read, Path(scratch), config, 0, ConsoleReporter(),
            dataset="the simulator",
            name=NAME,
            # Its reasons are to show what neighbours tell.
            servable=(GRAPH_TREES,),
            source=f"{len(columns['id']):,} payments of {asked.customers:,} customers over "
            f"{asked.days} days, drawn by `apps.fraud.simulator` (version {VERSION}, seed {SEED}). "
            "Its figures say how the rungs compare on simulated fraud, not how well they would do "
            "at a bank.",
        )  # fmt: skip
        shutil.rmtree(asked.out, ignore_errors=True)
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(Path(scratch) / ARTEFACT, asked.out)
    print("\n".join(lines(said)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
