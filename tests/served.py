"""A model server in a thread, on a free port of the loopback device, that fails as it is told to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, dict[str, str], bytes]


@dataclass
class Server:
    """What arrived, and what is answered: `answer` takes the request's body and headers."""

    answer: Callable[[bytes, dict[str, str]], Any]
    faults: list[Any] = field(default_factory=list)
    seen: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    most: int = 0
    url: str = ""
    busy: int = 0
    turn: threading.Lock = field(default_factory=threading.Lock)

    def reply(self, headers: dict[str, str], body: bytes) -> Reply | None:
        with self.turn:
            self.seen.append((headers, body))
            fault = self.faults.pop(0) if self.faults else None
        if fault == "hang up":
            return None
        if isinstance(fault, float):
            time.sleep(fault)
        elif fault is not None:
            return fault if isinstance(fault, tuple) else (int(fault), {}, b"not now")
        found = self.answer(body, headers)
        return 200, {}, found if isinstance(found, bytes) else json.dumps(found).encode()


@contextmanager
def serving(answer: Callable[[bytes, dict[str, str]], Any], faults: list[Any] | None = None) -> Iterator[Server]:
    server = Server(answer, faults or [])

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each answer waits 40 ms

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with server.turn:
                server.busy += 1
                server.most = max(server.most, server.busy)
            try:
                reply = server.reply(dict(self.headers), body)
            finally:
                with server.turn:
                    server.busy -= 1
            if reply is None:
                self.close_connection = True
                return
            status, headers, data = reply
            try:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # who asked has lost patience

        def log_message(self, *args: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    listening.block_on_close = False
    server.url = f"http://127.0.0.1:{listening.server_port}/predict"
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()
