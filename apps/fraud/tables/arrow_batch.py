"""The rows of an Arrow stream of a synchronous call. Imported by the first one that comes."""

from apps.fraud.tables import arrow_ipc
from apps.fraud.tables.arrow_columns import raw_of
from apps.fraud.tables.batch import unknown_field
from apps.fraud.tables.raw import Raw
from loupe.contract.runtime.errors import InputRefused


def columns(body: bytes, names: tuple[str, ...], most: int) -> dict[str, Raw]:
    """The columns of a stream that unpacks to at most so many bytes.

    Raises:
        InputRefused: it is damaged, too large, has a column that is not of `names`, or a column of
            lists or objects.
    """
    arrow_ipc.check_sizes(body, most)
    schema = arrow_ipc.schema_in(body)
    twice = next((name for name in schema.names if schema.names.count(name) > 1), None)
    if twice is not None:
        raise InputRefused(
            f"Two columns of the Arrow stream are called {twice[:60]!r}; send each once.",
            code="column_twice",
        )
    for name in schema.names:
        if name not in names:
            raise unknown_field(name, names, "The Arrow stream")
    table = arrow_ipc.decoded(body, tuple(schema.names))
    return {name: raw_of(table[name]) for name in table.column_names}
