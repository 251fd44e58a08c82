"""Full detection: all transactions at once."""

from apps.fraud.rings.scoring import THRESHOLD
from apps.fraud.rings.state import RingState
from apps.fraud.rings.told import Ring
from apps.fraud.scheme import Scheme
from loupe.contract.runtime.columns import Columns


def find_rings(columns: Columns, scheme: Scheme, threshold: float = THRESHOLD) -> list[Ring]:
    """All rings in these transactions (`apps.fraud.events`), surest first; nothing is forgotten."""
    state = RingState(scheme, weeks=None)
    state.feed(columns)
    return state.rings(threshold)
