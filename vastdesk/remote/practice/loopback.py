"""A small HTTP server on loopback, in a thread, that stops at once and leaves nothing behind."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class LoopbackHandler(BaseHTTPRequestHandler):
    """Quiet, and without the reverse lookup of the client's name that can cost seconds."""

    server: _Server
    # HTTP/1.0: the end of the connection is the end of the answer, so that bodies of unknown length need no chunking.
    protocol_version = "HTTP/1.0"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr: the demo draws its task list there."""

    def pause(self, seconds: float) -> bool:
        """Wait, but not beyond the end of the server. True when the server is stopping."""
        return self.server.stopping.wait(seconds)

    def send_bytes(self, status: int, content_type: str, body: bytes, headers: dict[str, str] | None = None) -> None:
        """One whole answer."""
        self.send_response(status)
        for name, value in {"Content-Type": content_type, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    # Request threads are joined by server_close(): none outlives the server. `stopping` ends the ones that wait.
    daemon_threads = False
    block_on_close = True
    request_queue_size = 64

    def __init__(self, port: int, handler: type[LoopbackHandler], owner: LoopbackServer) -> None:
        self.owner = owner
        self.stopping = threading.Event()
        super().__init__(("127.0.0.1", port), handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that left in the middle (git killed by a cancel) is everyday life, not a traceback."""


class LoopbackServer:
    """Start and stop of such a server; `port` 0 takes any free one, and `port` then says which."""

    handler: type[LoopbackHandler] = LoopbackHandler

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Serve until `stop`. Raises OSError when the port is taken."""
        server = _Server(self.port, self.handler, self)
        self.port = server.server_address[1]
        self._server = server
        self._thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.05}, name=type(self).__name__, daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End all requests and the thread. Blocking, some 50 ms."""
        server, thread = self._server, self._thread
        if server is None or thread is None:
            return
        self._server = self._thread = None
        server.stopping.set()
        server.shutdown()
        self.end_requests()
        server.server_close()
        thread.join()

    def end_requests(self) -> None:
        """End what the requests on hand wait for, so that they can be joined."""

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> LoopbackServer:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
