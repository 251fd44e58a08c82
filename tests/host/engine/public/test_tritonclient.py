"""NVIDIA's client lists, loads and infers, with JSON, binary data and shared memory."""

from pathlib import Path

import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException, shared_memory

from tests.host.engine.harness import MODEL, EngineProcess
from tests.host.engine.public.conftest import Client, port_of

VALUES = np.array([1, -2.5, 3e8, 0], dtype=np.float32)


def asked(values: np.ndarray = VALUES, *, binary: bool = True) -> list[triton.InferInput]:
    tensor = triton.InferInput("values", list(values.shape), "FP32")
    tensor.set_data_from_numpy(values, binary_data=binary)
    return [tensor]


def test_it_tells_what_there_is(client: Client) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    index = client.get_model_repository_index()
    assert {(row["name"], row["version"]) for row in index} == {(MODEL, "1"), (MODEL, "2")}
    told = client.get_model_metadata(MODEL)
    assert told["versions"] == ["1", "2"]
    assert told["inputs"] == [{"name": "values", "datatype": "FP32", "shape": [-1]}]
    assert [one["name"] for one in told["outputs"]] == ["values", "scaled"]
    config = client.get_model_config(MODEL, "1")
    assert config["input"] == [{"name": "values", "data_type": "TYPE_FP32", "dims": [-1]}]


def test_it_loads_and_unloads(client: Client) -> None:
    client.load_model(MODEL)
    assert client.is_model_ready(MODEL)
    assert client.is_model_ready(MODEL, "2")
    client.unload_model(MODEL)
    assert not client.is_model_ready(MODEL, "2")
    with pytest.raises(InferenceServerException, match="not taken"):
        client.load_model(MODEL, config='{"backend": "python"}')


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("version", ["", "1"])
def test_it_infers(client: Client, version: str, binary: bool) -> None:
    outputs = [triton.InferRequestedOutput("scaled", binary_data=binary)]
    answer = client.infer(
        MODEL, asked(binary=binary), model_version=version, outputs=outputs, request_id="seven"
    )
    np.testing.assert_array_equal(answer.as_numpy("scaled"), VALUES * 2)
    assert answer.as_numpy("values") is None
    told = answer.get_response()
    assert told["id"] == "seven"
    assert told["model_version"] == (version or "2")
    assert ("data" in told["outputs"][0]) is not binary


def test_all_outputs_come_where_none_is_named(client: Client) -> None:
    answer = client.infer(MODEL, asked(np.zeros(0, np.float32)))
    assert answer.as_numpy("scaled").shape == (0,)
    answer = client.infer(MODEL, asked())
    np.testing.assert_array_equal(answer.as_numpy("values"), VALUES)


def test_tensors_go_and_come_through_shared_memory(client: Client, shared_name: str) -> None:
    handle = shared_memory.create_shared_memory_region("ours", f"/{shared_name}", 4096)
    try:
        shared_memory.set_shared_memory_region(handle, [VALUES], offset=64)
        client.register_system_shared_memory("ours", f"/{shared_name}", 4096)
        assert client.get_system_shared_memory_status() == [
            {"name": "ours", "key": f"/{shared_name}", "offset": 0, "byte_size": 4096}
        ]
        tensor = triton.InferInput("values", [4], "FP32")
        tensor.set_shared_memory("ours", VALUES.nbytes, offset=64)
        output = triton.InferRequestedOutput("scaled")
        output.set_shared_memory("ours", VALUES.nbytes, offset=1024)
        answer = client.infer(MODEL, [tensor], outputs=[output])
        place = answer.get_output("scaled")["parameters"]
        assert place["shared_memory_region"] == "ours"
        assert place["shared_memory_byte_size"] == VALUES.nbytes
        np.testing.assert_array_equal(
            shared_memory.get_contents_as_numpy(handle, np.float32, [4], offset=1024), VALUES * 2
        )
        small = triton.InferRequestedOutput("scaled")
        small.set_shared_memory("ours", 8)
        with pytest.raises(InferenceServerException, match="has 16 bytes"):
            client.infer(MODEL, [tensor], outputs=[small])
    finally:
        client.unregister_system_shared_memory()
        shared_memory.destroy_shared_memory_region(handle)
    assert client.get_system_shared_memory_status() == []


def test_memory_that_shrinks_in_use_is_an_error_and_no_crash(
    client: Client, public: EngineProcess, shared_name: str
) -> None:
    path = Path("/dev/shm", shared_name)
    path.write_bytes(bytes(8192))
    client.register_system_shared_memory("shrinks", f"/{shared_name}", 8192)
    with path.open("r+b") as file:
        file.truncate(0)
    tensor = triton.InferInput("values", [2048], "FP32")
    tensor.set_shared_memory("shrinks", 8192)
    output = triton.InferRequestedOutput("scaled")
    output.set_shared_memory("shrinks", 16)
    with pytest.raises(InferenceServerException, match="become smaller"):
        client.infer(MODEL, [tensor])
    with pytest.raises(InferenceServerException, match="become smaller"):
        client.infer(MODEL, asked(), outputs=[output])
    assert path.stat().st_size == 0
    client.unregister_system_shared_memory("shrinks")
    assert client.is_server_ready()


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("/../../etc/passwd", "names no shared memory"),
        ("/loupe-slab", "names no shared memory"),
        ("/nobody-made-this", "cannot be opened"),
    ],
)
def test_only_shared_memory_can_be_registered(client: Client, key: str, said: str) -> None:
    with pytest.raises(InferenceServerException, match=said):
        client.register_system_shared_memory("theirs", key, 16)


def test_a_link_is_not_followed(client: Client, shared_name: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(64))
    Path("/dev/shm", shared_name).symlink_to(tmp_path / "secret")
    with pytest.raises(InferenceServerException, match="cannot be opened"):
        client.register_system_shared_memory("theirs", f"/{shared_name}", 16)


def test_statistics_count_what_was_asked(client: Client) -> None:
    def count() -> int:
        (stats,) = client.get_inference_statistics(MODEL, "1")["model_stats"]
        return int(stats["inference_stats"]["success"]["count"])

    before = count()
    client.infer(MODEL, asked(), model_version="1")
    assert count() == before + 1
    names = {row["name"] for row in client.get_inference_statistics()["model_stats"]}
    assert names == {MODEL}


def test_the_deadline_and_the_lane_are_the_standards_timeout_and_priority(client: Client) -> None:
    with pytest.raises(InferenceServerException, match="deadline of 50 ms"):
        client.infer(MODEL, asked(), parameters={"seconds": 0.5}, timeout=50_000)
    answer = client.infer(MODEL, asked(), priority=1)
    np.testing.assert_array_equal(answer.as_numpy("scaled"), VALUES * 2)


@pytest.mark.parametrize(
    ("inputs", "parameters", "said"),
    [
        (asked(VALUES), {"loupe_meta": "{}"}, "not taken on this port"),
        (asked(VALUES), {"refuse": 1}, "too dark"),
    ],
)
def test_errors_come_as_the_standards(
    client: Client, inputs: list[triton.InferInput], parameters: dict[str, object], said: str
) -> None:
    with pytest.raises(InferenceServerException, match=said):
        client.infer(MODEL, inputs, parameters=parameters)


def test_an_unknown_model_and_output_are_named(client: Client) -> None:
    with pytest.raises(InferenceServerException, match=r"no model 'tiny\.shared\.none'"):
        client.infer("tiny.shared.none", asked())
    with pytest.raises(InferenceServerException, match="no output 'best'"):
        client.infer(MODEL, asked(), outputs=[triton.InferRequestedOutput("best")])
    wanted = triton.InferRequestedOutput("scaled", class_count=3)
    with pytest.raises(InferenceServerException, match="classification"):
        client.infer(MODEL, asked(), outputs=[wanted])


def test_a_wrong_token_gets_nothing(public: EngineProcess) -> None:
    client = Client(port_of(public), token="wrong" * 10)
    assert client.is_server_live()
    for call in (client.get_server_metadata, client.get_model_repository_index):
        with pytest.raises(InferenceServerException, match="Bearer TOKEN"):
            call()
    client.close()
