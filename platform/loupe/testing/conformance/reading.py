"""Batches of rows that an app reads itself: every form alike, and foreign bytes refused."""

import json
import time

import numpy as np
import pytest

from loupe.contract.app import DomainApp
from loupe.contract.reading import ARROW, JSON, NDJSON, ROW_MEDIA_TYPES
from loupe.contract.runtime.columns import row_count
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.steps import load
from loupe.testing.conformance.subject import Subject


def bodies(app: type[DomainApp]) -> dict[str, bytes]:
    """The app's example rows in every form a caller may send."""
    if app.sync is None or app.sync.read_rows is None:
        pytest.skip("the app's rows are read one by one")
    # pyarrow is no dependency of the suite: an app that reads batches brings it.
    pa = pytest.importorskip("pyarrow")
    rows = [dict(row) for row in app.sync.row_examples]
    table = pa.Table.from_pylist(rows)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return {
        JSON: json.dumps(rows).encode(),
        NDJSON: "\n".join(json.dumps(row) for row in rows).encode(),
        ARROW: sink.getvalue().to_pybytes(),
    }


class Reading(Subject):
    """The rows' way in."""

    def test_c34_examples_are_read_alike_in_every_form(
        self, app: type[DomainApp], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent = bodies(app)
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now)
        assert app.sync is not None
        read = load(str(app.sync.read_rows))
        found = {media_type: read(body, media_type, {}) for media_type, body in sent.items()}
        for payload in found.values():
            assert row_count(payload.arrays) == len(app.sync.row_examples)
            assert set(payload.arrays) == set(found[JSON].arrays)
            for name, array in payload.arrays.items():
                np.testing.assert_array_equal(array, found[JSON].arrays[name])
                assert array.dtype.kind == found[JSON].arrays[name].dtype.kind

    @pytest.mark.parametrize("media_type", ROW_MEDIA_TYPES)
    @pytest.mark.parametrize(
        "content",
        [b"\0" * 64, b"{", b"[1, 2]", b"[[]]", b'[{"\xff": 1}]', b'{"a": {"b": NaN}}', b"ARROW1"],
        ids=["zeros", "cut", "numbers", "lists", "no utf-8", "odd", "magic"],
    )
    def test_c35_foreign_bytes_are_refused_in_a_sentence(
        self, app: type[DomainApp], media_type: str, content: bytes
    ) -> None:
        if app.sync is None or app.sync.read_rows is None:
            pytest.skip("the app's rows are read one by one")
        with pytest.raises(InputRefused) as refused:
            load(app.sync.read_rows)(content, media_type, {})
        assert refused.value.message.endswith(".")
        assert len(refused.value.message.split()) >= 3
        assert refused.value.code
