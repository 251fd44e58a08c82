"""Files of stored blocks, for the processes of apps that read many of them."""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from loupe.blobs import services as blobs
from loupe.jobs.models import ResultBlock

__all__ = ["newest_files"]


@contextmanager
def newest_files(
    app: str, project_id: uuid.UUID, most_rows: int, most_blocks: int
) -> Iterator[list[Path]]:
    """The Parquet files of the newest blocks, in the order they were stored; whole blocks, at most
    `most_rows` rows and `most_blocks` files.

    They are there until the context is left. Ask the policy before.
    """
    rows = ResultBlock.objects.filter(project_id=project_id, app=app).select_related("blob")
    chosen, total = [], 0
    for block in rows.order_by("-pk")[:most_blocks].iterator(chunk_size=500):
        if total + block.rows > most_rows:
            break
        chosen.append(block)
        total += block.rows
    with ExitStack() as open_ones:
        yield [open_ones.enter_context(blobs.open_local(one.blob)) for one in reversed(chosen)]
