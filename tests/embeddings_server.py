"""A real server that speaks the embeddings API of OpenAI over HTTP: letters for meaning, and faults on request."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from mercato.models.hashed import HashEncoder


@dataclass
class Embeddings:
    """What one server is told to do and what it was asked; ``fault``: "500", "text", "few", "nan", "redirect", ""."""

    dimension: int = 24
    fault: str = ""
    address: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    def answer(self, body: dict[str, Any]) -> tuple[int, bytes]:
        """Status and body."""
        if self.fault == "500":
            return 500, b"the model is loading"
        if self.fault == "text":
            return 200, b"<html>not what you wanted</html>"
        vectors = HashEncoder(self.dimension).encode(body["input"]) * 3  # not of unit length, as many servers answer
        found = [{"index": place, "embedding": vector.tolist()} for place, vector in enumerate(vectors)]
        if self.fault == "few":
            found = found[1:]
        if self.fault == "nan":
            found[0]["embedding"][0] = None
        return 200, json.dumps({"object": "list", "data": found[::-1], "model": body["model"]}).encode()


@contextmanager
def serving(dimension: int = 24) -> Iterator[Embeddings]:
    """A server on a free port of this machine, until the block ends."""
    told = Embeddings(dimension)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.asked.append({"path": self.path, **body})
            told.keys.append(self.headers.get("Authorization", ""))
            status, content = (302, b"") if told.fault == "redirect" else told.answer(body)
            self.send_response(status)
            if told.fault == "redirect":
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Nothing on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.address = f"http://127.0.0.1:{server.server_address[1]}/v1#letters"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
