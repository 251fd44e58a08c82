"""Values as JSON can hold them: it knows no infinity and nothing that is not a number."""

import math
from typing import Any


def finite(value: Any) -> Any:
    """`value`, of dictionaries, lists and scalars, with None for each float that is not finite.

    >>> finite({"score": float("nan"), "weights": [1.5, float("inf")]})
    {'score': None, 'weights': [1.5, None]}
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(each) for key, each in value.items()}
    if isinstance(value, list):
        return [finite(each) for each in value]
    return value
