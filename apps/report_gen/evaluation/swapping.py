"""Swapped indications: what the clinical text says may not change what is found, bit for bit."""

from collections.abc import Sequence
from typing import Any, Final

from apps.report_gen.inference.draft import Drafter
from apps.report_gen.training.targets import Example

TEXTS: Final = (
    "",
    "Known mass of the right upper lobe with pleural effusion; pneumothorax?",
    "Routine check, no complaints. 常规体检，无不适。",
)


def swapped(drafter: Drafter, examples: Sequence[Example]) -> dict[str, Any]:
    """How many studies keep every finding, number and mask whatever the text says."""
    same = 0
    for each in examples:
        drafts = [drafter(each.hu, drafter.model.shape.spacing, text=text) for text in TEXTS]
        first = drafts[0].found
        same += all(
            other.found.findings == first.findings
            and bool((other.found.labels == first.labels).all())
            and bool((other.found.regions == first.regions).all())
            for other in drafts[1:]
        )
    return {"studies": len(examples), "texts": len(TEXTS), "bit_identical": same}
