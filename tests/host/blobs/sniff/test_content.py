"""Files are known by their content; independent libraries write most of the samples."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import tarfile
import tempfile
import wave
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from PIL import Image
from safetensors.numpy import save

from loupe.blobs.sniff import content


def picture(kind: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (20, 10), "grey").save(out, kind)
    return out.getvalue()


def onnx_model() -> bytes:
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [value], [result])
    made: bytes = helper.make_model(graph, producer_name="test").SerializeToString()
    assert onnx.load_from_string(made).graph.name == "g"
    return made


def table(kind: str) -> bytes:
    out = pa.BufferOutputStream()
    rows = pa.table({"a": [1, 2, 3]})
    if kind == "parquet":
        pq.write_table(rows, out)
    else:
        make = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
        with make(out, rows.schema) as writer:
            writer.write_table(rows)
    data: bytes = out.getvalue().to_pybytes()
    return data


def torch_file(legacy: bool) -> bytes:
    out = io.BytesIO()
    torch.save({"w": torch.zeros(3)}, out, _use_new_zipfile_serialization=not legacy)
    return out.getvalue()


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.png", b"x")
    return out.getvalue()


def tarred(form: int = tarfile.GNU_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        info = tarfile.TarInfo("a.png")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"abc"))
    return out.getvalue()


def old_tar() -> bytes:
    """As before ``ustar``: the same header without its magic."""
    block = bytearray(tarred())
    block[257:265] = bytes(8)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block[:512])
    return bytes(block)


def nifti() -> bytes:
    header = bytearray(352)
    header[:4], header[344:348] = (348).to_bytes(4, "little"), b"n+1\0"
    return bytes(header) + bytes(100)


def dicom() -> bytes:
    return bytes(128) + b"DICM" + bytes(100)


def sound() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(100))
    return out.getvalue()


SAMPLES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "jpeg": ("image/jpeg", lambda: picture("JPEG")),
    "png": ("image/png", lambda: picture("PNG")),
    "bmp": ("image/bmp", lambda: picture("BMP")),
    "webp": ("image/webp", lambda: picture("WEBP")),
    "tiff": ("image/tiff", lambda: picture("TIFF")),
    "gif": ("image/gif", lambda: picture("GIF")),
    "svg": ("image/svg+xml", lambda: b"<?xml version='1.0'?>\n<!-- x --><svg xmlns='s'/>"),
    "svg without prologue": ("image/svg+xml", lambda: b"\xef\xbb\xbf  <svg/>"),
    "html": ("text/html", lambda: b"<!DOCTYPE html><html><body>x</body></html>"),
    "xml": ("application/xml", lambda: b"<?xml version='1.0'?><a/>"),
    "pdf": ("application/pdf", lambda: b"%PDF-1.7\n%\xe2\xe3"),
    "zip": ("application/zip", zipped),
    "tar": ("application/x-tar", tarred),
    "tar (pax)": ("application/x-tar", lambda: tarred(tarfile.PAX_FORMAT)),
    "tar (v7)": ("application/x-tar", old_tar),
    "tar.gz": ("application/x-tar", lambda: gzip.compress(tarred())),
    "tar.bz2": ("application/x-tar", lambda: bz2.compress(tarred())),
    "tar.xz": ("application/x-tar", lambda: lzma.compress(tarred())),
    "gzip": ("application/gzip", lambda: gzip.compress(b"hello" * 100)),
    "bzip2": ("application/x-bzip2", lambda: bz2.compress(b"hello" * 100)),
    "xz": ("application/x-xz", lambda: lzma.compress(b"hello" * 100)),
    "pickle 0": ("application/x-python-pickle", lambda: pickle.dumps(Path("/x"), 0)),
    "pickle 1": ("application/x-python-pickle", lambda: pickle.dumps(Path("/x"), 1)),
    "pickle 2": ("application/x-python-pickle", lambda: pickle.dumps([1], 2)),
    "pickle 5": ("application/x-python-pickle", lambda: pickle.dumps([1], 5)),
    "torch zip": ("application/x-pytorch", lambda: torch_file(legacy=False)),
    "torch legacy": ("application/x-python-pickle", lambda: torch_file(legacy=True)),
    "onnx": ("application/x-onnx", onnx_model),
    "safetensors": (
        "application/vnd.safetensors",
        lambda: save({"w": np.zeros(3, np.float32)}),
    ),
    "npy": ("application/x-npy", lambda: b"\x93NUMPY\x01\x00" + bytes(100)),
    "csv": ("text/csv", lambda: b"a,b\n1,2\n3,4\n"),
    "csv (semicolon, GBK)": ("text/csv", lambda: "名称;值\n甲;1\n乙;2\n".encode("gbk")),
    "csv (UTF-16)": ("text/csv", lambda: "a\tb\n1\t2\n".encode("utf-16")),
    "json": ("application/json", lambda: json.dumps({"a": [1, 2]}, indent=2).encode()),
    "json lines": ("application/x-ndjson", lambda: b'{"a": 1}\n{"a": 2}\n'),
    "parquet": ("application/vnd.apache.parquet", lambda: table("parquet")),
    "arrow": ("application/vnd.apache.arrow.file", lambda: table("file")),
    "arrow stream": ("application/vnd.apache.arrow.stream", lambda: table("stream")),
    "nifti": ("application/x-nifti", nifti),
    "nifti.gz": ("application/x-nifti+gzip", lambda: gzip.compress(nifti())),
    "dicom": ("application/dicom", dicom),
    "text": ("text/plain", lambda: b"Dear all,\nplease find attached\n"),
    "wav": ("application/octet-stream", sound),
    "empty": ("application/octet-stream", lambda: b""),
    "zeros": ("application/octet-stream", lambda: bytes(5000)),
}


@pytest.mark.parametrize("sample", SAMPLES)
def test_content_tells_the_format(sample: str, tmp_path: Path) -> None:
    media_type, make = SAMPLES[sample]
    path = tmp_path / "misleading.jpg"
    path.write_bytes(make())
    assert content.media_type(path) == media_type


def test_a_zip_that_merely_holds_a_pickle_is_a_zip(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("lot/data.pkl", pickle.dumps([1]))
        archive.writestr("lot/a.png", picture("PNG"))
    assert content.media_type(path) == "application/zip"


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from([b"", b"\x08", b"c", b"(", b"{", b"<", b"I1", b"PK\x03\x04", b"\x1f\x8b\x08"]),
    st.binary(max_size=600),
)
def test_any_bytes_have_a_type(start: bytes, rest: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(start + rest)
        file.flush()
        assert "/" in content.media_type(Path(file.name))


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"a,b,c\n1,2,3\nshort,row\n4,5,6\n", "text/csv"),
        (b"a;b\n1;2\n;;;;\n3;4\n", "text/csv"),
        (b",".join(b"column %d" % n for n in range(5_000)) + b"\n", "text/csv"),
        (b"Dear reader:\nthis, as you see, is\na letter, not a table.\n", "text/plain"),
        (b"x" * 10_000, "text/plain"),
        (b'{"a": nonsense}\n{"a": 1}\n{"a": 2}\n', "application/x-ndjson"),
        (b'{"a": nonsense}\n' + b'{"a": 1}\n' * 5_000, "application/x-ndjson"),
        (b'{\n "a": [\n  {"b": 1},\n  {"b": 2}\n ]\n}\n', "application/json"),
    ],
)
def test_a_table_may_have_damaged_lines_and_a_header_of_any_length(
    tmp_path: Path, data: bytes, kind: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    assert content.media_type(path) == kind


def test_a_long_table_is_told_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("amount,time\n" + "12.5,2026-01-01\n" * 100_000)
    assert content.media_type(path) == "text/csv"


def test_a_compressed_bomb_is_not_unpacked_to_look_inside(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(gzip.compress(bytes(200_000_000)))
    assert content.media_type(path) == "application/gzip"
