"""What a detector's manifest says about the network."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from loupe.contract.runtime.errors import ModelRefused

Head = Literal["raw", "end2end"]
SEVERITIES = ("critical", "major", "minor")


@dataclass(frozen=True, kw_only=True)
class DetectorModel:
    """The facts needed around the network.

    Attributes:
        classes: names in the order of the network's outputs.
        severities: class name → severity; a class that is missing is ``major``.
        size: height and width of the square input, pixels.
        head: ``raw`` is [1, 4 + classes, anchors] with centre boxes and needs NMS here; ``end2end``
            is [1, 300, 6] with corner boxes and needs none.
    """

    classes: tuple[str, ...]
    severities: Mapping[str, str]
    size: int
    head: Head

    @classmethod
    def from_manifest(cls, manifest: Mapping[str, Any]) -> "DetectorModel":
        """Read the manifest.

        Raises:
            ModelRefused: a field is missing or has a value that is not allowed.
        """
        classes = manifest.get("classes")
        if (
            not isinstance(classes, list)
            or not classes
            or not all(isinstance(c, str) for c in classes)
        ):
            raise ModelRefused("The manifest's 'classes' must be a list of at least one name.")
        size = manifest.get("input", {}).get("size")
        if not isinstance(size, int) or size % 32 or not 32 <= size <= 4096:
            raise ModelRefused(
                f"The manifest's input size is {size!r}; it must be a multiple of 32 between 32 "
                "and 4096."
            )
        head = manifest.get("head")
        if head not in ("raw", "end2end"):
            raise ModelRefused(f"The manifest's 'head' is {head!r}; it must be 'raw' or 'end2end'.")
        severities = manifest.get("severities", {})
        for name, severity in severities.items():
            if severity not in SEVERITIES:
                raise ModelRefused(
                    f"The manifest gives {name!r} the severity {severity!r}; allowed are "
                    f"{', '.join(SEVERITIES)}."
                )
        return cls(classes=tuple(classes), severities=severities, size=size, head=head)
