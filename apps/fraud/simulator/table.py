"""The events as a file that a bank would send: ordinary names, decimal amounts, times in UTC."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from apps.fraud.events import ATTRIBUTE, ENTITY
from loupe.contract.runtime.columns import Columns
from loupe.contract.runtime.errors import InputRefused

KINDS = (".parquet", ".csv")


def table(columns: Columns) -> pa.Table:
    """One row a payment; empty cells where nothing is known."""
    known = columns["label"] >= 0
    hundredths = pa.array(columns["amount_original"]).cast(pa.decimal128(19, 0))
    amount = pc.multiply(hundredths, pa.scalar("0.01").cast(pa.decimal128(3, 2)))
    return pa.table(
        {
            "transaction_id": columns["id"],
            "time": _moments(columns["event_time"]),
            "amount": amount.cast(pa.decimal128(19, 2)),
            "currency": columns["currency"],
            "customer_id": columns[ENTITY + "customer"],
            "terminal_id": columns[ENTITY + "terminal"],
            "device_id": _words(columns[ENTITY + "device"]),
            "ip_address": _words(columns[ENTITY + "address"]),
            "country": columns[ATTRIBUTE + "country"],
            "channel": columns[ATTRIBUTE + "channel"],
            "is_fraud": pa.array(columns["label"].astype(np.int8), mask=~known),
            "label_time": _moments(columns["label_known_at"], ~known),
        }
    )


def write(columns: Columns, path: Path) -> None:
    """Write the table; its kind goes by the ending of `path`.

    Raises:
        InputRefused: the ending is none of `KINDS`.
    """
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise InputRefused(
            f"{path.name} ends in {kind!r}; give a file name that ends in one of {KINDS}.",
            code="unknown_table_kind",
        )
    made = table(columns)
    if kind == ".parquet":
        pa.parquet.write_table(made, path, compression="zstd")
        return
    for name in ("time", "label_time"):
        told = pc.strftime(made[name], format="%Y-%m-%dT%H:%M:%SZ")
        made = made.set_column(made.schema.get_field_index(name), name, told)
    pa.csv.write_csv(made, path, pa.csv.WriteOptions(quoting_style="needed"))


def _moments(milliseconds: np.ndarray, absent: np.ndarray | None = None) -> pa.Array:
    return pa.array(milliseconds, mask=absent).cast(pa.timestamp("ms", tz="UTC"))


def _words(values: np.ndarray) -> pa.Array:
    return pa.array(values, mask=values == "")
