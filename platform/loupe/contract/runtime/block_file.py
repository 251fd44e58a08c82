"""Reading a stored block of results from its file, for code of apps that is given such files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loupe.contract.runtime.steps import load


def table_of(path: Path, names: Sequence[str] | None = None) -> Any:
    """The block at `path` as a ``pyarrow.Table``, of whatever form it is: the result's columns,
    then those of the decision, which begin with ``decision.``; of `names` those that are there.

    Raises:
        ValueError, OSError: the file is damaged.
    """
    return load("loupe.jobs.parquet:table_of")(path, names)
