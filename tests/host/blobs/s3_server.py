"""A bucket over HTTP on this machine: the few calls of S3's protocol that storage makes."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

Objects = dict[str, tuple[bytes, datetime]]


class _Bucket(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_PUT(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        chunked = "aws-chunked" in self.headers.get("Content-Encoding", "")
        data = _unframed(raw) if chunked else raw
        self.server.objects[self._key()] = (data, datetime.now(UTC))
        self.server.puts += 1
        self._answer(200, headers={"ETag": f'"{hashlib.sha256(data).hexdigest()}"'})

    def do_HEAD(self) -> None:
        self._object(body=False)

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if self._key():
            self._object(body=True)
            return
        prefix = parse_qs(parts.query).get("prefix", [""])[0]
        rows = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(data)}</Size>"
            f"<LastModified>{when.isoformat()}</LastModified><ETag>x</ETag></Contents>"
            for key, (data, when) in sorted(self.server.objects.items())
            if key.startswith(prefix)
        )
        listing = f"<ListBucketResult><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>"
        self._answer(200, listing.encode(), {"Content-Type": "application/xml"})

    def do_DELETE(self) -> None:
        self.server.objects.pop(self._key(), None)
        self._answer(204)

    def _object(self, body: bool) -> None:
        if self._key() not in self.server.objects:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>" if body else b"")
            return
        data, when = self.server.objects[self._key()]
        headers = {
            "Last-Modified": when.strftime("%a, %d %b %Y %H:%M:%S GMT"),
            "ETag": f'"{hashlib.sha256(data).hexdigest()}"',
        }
        start = 0
        if body and "Range" in self.headers:
            first, _, last = self.headers["Range"].removeprefix("bytes=").partition("-")
            start, end = int(first), int(last or len(data) - 1)
            headers["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
            data = data[start : end + 1]
        self._answer(206 if "Content-Range" in headers else 200, data, headers, body=body)

    def _key(self) -> str:
        return unquote(urlsplit(self.path).path).lstrip("/").partition("/")[2]

    def _answer(
        self,
        status: int,
        data: bytes = b"",
        headers: dict[str, str] | None = None,
        body: bool = True,
    ) -> None:
        self.send_response(self.server.broken or status)
        for name, value in {**(headers or {}), "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output quiet."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Bucket)
        self.objects: Objects = {}
        self.puts = 0
        self.broken = 0


def _unframed(raw: bytes) -> bytes:
    """The payload of S3's chunked framing: size in hex, bytes, …, 0, checksums."""
    data = b""
    while raw:
        head, _, raw = raw.partition(b"\r\n")
        size = int(head.partition(b";")[0], 16)
        if size == 0:
            break
        data, raw = data + raw[:size], raw[size + 2 :]
    return data


@contextmanager
def bucket() -> Iterator[_Server]:
    """A running server; its address is ``http://127.0.0.1:{server.server_port}``."""
    server = _Server()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
