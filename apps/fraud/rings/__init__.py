"""Rings: payers who act together, told with members, evidence and money.

    find_rings(columns, scheme) -> list[Ring]              all transactions at once
    RingState(scheme): feed(columns), rings(), snapshot(), RingState.restore(scheme, kept)

1. Ties: payers who share an entity of one of the scheme's relations, and payers who pay payers
   (a payee's identifier that is a payer's too). Degree caps take out what joins everybody.
2. Windows of two and eight weeks, in each a graph whose ties weigh what they mean to their ends.
3. Candidates: connected components at rising weights, each measured: size, density, sharing,
   synchrony, flows, cycles.
4. A score by monotone trees, the best candidate of each line of parts, every payer in one ring.

Nothing is drawn by lot: equal transactions give equal rings. `docs/fraud.md` says how well they are
found.
"""

from apps.fraud.rings.evidence import Evidence
from apps.fraud.rings.finding import find_rings
from apps.fraud.rings.ring import Ring, Tie
from apps.fraud.rings.state import RingState

__all__ = ["Evidence", "Ring", "RingState", "Tie", "find_rings"]
