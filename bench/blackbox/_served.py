"""A small net behind MLServer, which runs in an environment of its own, and a proxy that counts and fails."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).parents[1]))
from apart import python_with

CLASSES, SHAPE = 10, (1, 8, 8)

RUNTIME = """
import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse


class Net(MLModel):
    async def load(self):
        held = np.load("weights.npz")
        self.layers = [held[name] for name in ("w1", "b1", "w2", "b2")]
        return True

    async def predict(self, payload):
        w1, b1, w2, b2 = self.layers
        x = NumpyCodec.decode_input(payload.inputs[0])
        # row by row, so that an answer does not depend on its neighbours
        scores = np.stack([np.maximum(row.reshape(-1) @ w1.T + b1, 0) @ w2.T + b2 for row in x])
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("scores", scores)])
"""


def trained() -> tuple[nn.Module, Tensor, Tensor]:
    """Train a small net on noisy patterns; gives it and 24 pictures that it reads rightly, with their labels."""
    torch.manual_seed(0)
    patterns = torch.rand(CLASSES, *SHAPE)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, CLASSES))
    optimiser = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(200):
        y = torch.randint(CLASSES, (128,))
        x = (patterns[y] + 0.3 * torch.randn(128, *SHAPE)).clamp(0, 1)
        optimiser.zero_grad()
        functional.cross_entropy(net(x), y).backward()
        optimiser.step()
    y = torch.arange(60) % CLASSES
    x = (patterns[y] + 0.3 * torch.randn(60, *SHAPE)).clamp(0, 1)
    x = (x * 255).round() / 255
    right = (net(x).argmax(dim=1) == y).nonzero().flatten()[:24]
    return net.eval(), x[right], y[right]


@contextmanager
def mlserver(net: nn.Module, folder: Path) -> Iterator[int]:
    """Start MLServer with the net; gives its port."""
    ports = [_free_port() for _ in range(3)]
    names = ("http_port", "grpc_port", "metrics_port")
    settings = {**dict(zip(names, ports, strict=True)), "host": "127.0.0.1", "parallel_workers": 0, "debug": False}
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "model-settings.json").write_text(json.dumps({"name": "net", "implementation": "served_net.Net"}))
    (folder / "served_net.py").write_text(RUNTIME)
    weights = {name: tensor.detach().numpy() for name, tensor in zip(("w1", "b1", "w2", "b2"), net.parameters())}  # noqa: B905
    np.savez(folder / "weights.npz", **weights)
    python = python_with("mlserver")
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [python.parent / "mlserver", "start", "."], cwd=folder, stdout=log, stderr=log,
            env={**os.environ, "PYTHONPATH": str(folder)},
        )  # fmt: skip
    try:
        _until_ready(ports[0], process, folder / "log")
        yield ports[0]
    finally:
        process.terminate()
        process.wait(20)


class Proxy:
    """What passes by: rows asked about, and the share of requests that fail or stall, by their number."""

    def __init__(self, port: int) -> None:
        self.port, self.failing, self.stalling = port, False, 0.0
        self.rows = self.requests = self.failed = self.stalled = 0
        self.turn = threading.Lock()

    def fate(self, body: bytes) -> str:
        """Count a request and say what becomes of it: 10 of 100 fail and 1 stalls."""
        with self.turn:
            self.requests += 1
            self.rows += json.loads(body)["inputs"][0]["shape"][0]
            place = self.requests * 37 % 100
            fate = "passed" if not self.failing or place > 10 else "stalled" if place == 10 else "failed"
            self.failed += fate == "failed"
            self.stalled += fate == "stalled"
            return fate


@contextmanager
def proxied(port: int) -> Iterator[tuple[Proxy, str]]:
    """Stand before a server; gives the proxy and its URL of the net."""
    proxy = Proxy(port)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            fate = proxy.fate(body)
            status, data = 503, b"no"
            if fate == "stalled":
                time.sleep(proxy.stalling)
            if fate == "passed":
                onward = http.client.HTTPConnection("127.0.0.1", proxy.port)
                onward.request("POST", self.path, body, {"Content-Type": "application/json"})
                answer = onward.getresponse()
                status, data = answer.status, answer.read()
                onward.close()
            try:
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            except OSError:  # who asked has lost patience, or was killed
                self.close_connection = True

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.block_on_close = True, False
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy, f"http://127.0.0.1:{server.server_port}/v2/models/net/infer"
    finally:
        server.shutdown()
        server.server_close()


def _free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def _until_ready(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 90
    while time.monotonic() < end and process.poll() is None:
        try:
            asked = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            asked.request("GET", "/v2/models/net/ready")
            if asked.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"MLServer does not start: {log.read_text()[-600:]}")
