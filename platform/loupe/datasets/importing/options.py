"""How an archive or folder is to be read."""

from collections.abc import Mapping
from dataclasses import dataclass

from loupe.datasets import grouping, vocabulary


@dataclass(frozen=True, kw_only=True)
class Options:
    """How an archive or folder is to be read.

    Attributes:
        layout: a key; empty: as recognised.
        group_by: a rule of `loupe.datasets.grouping` for records without a group.
        unlabelled: ``good``: what has no label file is free of defects; else it is to be labelled.
    """

    layout: str = ""
    group_by: str = ""
    unlabelled: str = ""

    def checked(self, app: str) -> Mapping[str, str]:
        """As stored.

        Raises:
            DatasetRefused: one of them says nothing known.
        """
        vocabulary.layout_of(app, self.layout)
        return {
            "layout": self.layout,
            "group_by": grouping.check(self.group_by),
            "unlabelled": "good" if self.unlabelled == "good" else "",
        }
