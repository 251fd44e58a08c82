"""Rings: payers who act together, told with members, evidence and money.

    finding.find_rings(columns, scheme) -> list[Ring]      all transactions at once
    state.RingState(scheme): feed(columns), rings(), snapshot(), restore(scheme, kept)
    told.Ring                                              what is told, without any library

1. Ties: payers who share an entity of one of the scheme's relations, and payers who pay payers
   (a payee's identifier that is a payer's too). Degree caps take out what joins everybody.
2. Windows of two and eight weeks, in each a graph whose ties weigh what they mean to their ends.
3. Candidates: connected components at rising weights, each measured: size, density, sharing,
   synchrony, flows, cycles.
4. A score by monotone trees, the best candidate of each line of parts, every payer in one ring.

Nothing is drawn by lot: equal transactions give equal rings. `docs/fraud.md` says how well they are
found.
"""
