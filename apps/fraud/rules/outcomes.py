"""What people call the outcomes."""

from apps.fraud.schema import OUTCOMES
from loupe.contract.text import Text

OUTCOME_WORDS: dict[str, Text] = dict(
    zip(
        OUTCOMES,
        (
            Text(en="approve", zh="通过"),
            Text(en="step up", zh="加强验证"),
            Text(en="review", zh="人工复核"),
            Text(en="block", zh="拦截"),
        ),
        strict=True,
    )
)
