"""The engine's own Prometheus page, under Triton's names."""

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.lanes import Lane
from loupe.contract.runtime.payload import Payload
from loupe.engine.client import EngineClient
from loupe.engine.connection import BlockingConnection
from loupe.engine.exchange import Request
from loupe.engine.statistics import parts_of
from tests.host.engine.harness import MODEL, EngineProcess

SMALL = Payload(arrays={"values": np.ones(4, np.float32)})
OURS = {"model": MODEL, "version": "1"}


def samples(engine: EngineProcess) -> dict[tuple[str, str], float]:
    """The page's values by name and the labels beyond the model's."""
    connection = BlockingConnection(engine.socket, 5.0)
    text = connection.exchange(Request(method="GET", path="/metrics"), None).raw().decode()
    connection.close()
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = {k: v for k, v in sample.labels.items() if OURS.get(k) != v}
            found[sample.name, ",".join(labels.values())] = sample.value
    return found


def test_the_page_has_what_a_dashboard_for_triton_looks_for(
    engine: EngineProcess, client: EngineClient
) -> None:
    for _ in range(3):
        EngineClient(engine.socket, lane=Lane.LINE).infer(MODEL, 1, SMALL)
    with pytest.raises(InputRefused, match="too dark"):
        client.infer(MODEL, 1, SMALL, {"refuse": True})
    found = samples(engine)
    assert found["nv_inference_request_success", ""] == 3
    assert found["nv_inference_request_failure", "OTHER"] == 1
    assert found["nv_inference_count", ""] == found["nv_inference_exec_count", ""] == 4
    for part in ("request", "queue", "compute_input", "compute_infer", "compute_output"):
        assert found[f"nv_inference_{part}_duration_us", ""] >= 0
        for share in ("0.5", "0.95", "0.99"):
            assert (f"nv_inference_{part}_summary_us", share) in found
    assert found["loupe_inference_batch_items_bucket", "1"] == 4
    for lane in Lane:
        assert found["nv_inference_pending_request_count", lane] == 0
    assert found["loupe_lane_latency_seconds", "line,0.5"] > 0


def test_a_request_is_told_apart_into_what_comes_before_and_after_the_network() -> None:
    stages = {"queue": 1.0, "decode": 2.0, "preprocess": 3.0, "infer": 5.0, "postprocess": 7.0}
    assert parts_of(20.0, stages) == {
        "request": 20.0,
        "queue": 1.0,
        "compute_input": 5.0,
        "compute_infer": 5.0,
        "compute_output": 7.0,
    }
    assert parts_of(9.0, {"queue": 1.0, "apply": 8.0})["compute_infer"] == 8.0
