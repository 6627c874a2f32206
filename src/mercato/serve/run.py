"""Shops in, a server on one address until it is told to stop."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from collections.abc import Callable

import uvicorn

from mercato.errors import SettingsError
from mercato.serve.app import create_app
from mercato.serve.limits import Limits
from mercato.serve.served import Shops, by_name

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
GRACE_SECONDS = 5


def run(
    shops: Shops,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    limits: Limits | None = None,
    say: Callable[[str], None] = print,
) -> None:
    """Serve until SIGINT or SIGTERM; running requests get five seconds to end, then the shops are closed.

    ``port`` 0 takes a free one; ``say`` gets the address as text. Raises SettingsError when the address is taken,
    or is open to others and nobody allowed that.
    """
    public = not is_loopback(host)
    if public:
        _check_public(host)
    named = by_name(shops)
    listening = listen(host, port)

    def close() -> None:
        for shop in named.values():
            shop.close()

    app = create_app(named, limits=limits, hosts=() if public else (*LOOPBACK_NAMES, host), on_stop=close)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=GRACE_SECONDS
    )
    address = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"
    say(f"Serving {', '.join(named)} at {address} (console {address}/console, API {address}/docs). Ctrl-C stops.")
    try:
        uvicorn.Server(config).run(sockets=[listening])
    except KeyboardInterrupt:
        say("Stopped.")


def is_loopback(host: str) -> bool:
    """Can only this machine reach ``host``?

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises SettingsError that says what to do when the address cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(2048)
        except OSError:
            listening.close()
            raise
    except OSError as error:
        hint = f"another program listens there; try --port {port + 1}, or 0 for any free one"
        raise SettingsError(f"cannot listen on {host}:{port}: {error.strerror}", where="--port", hint=hint) from error
    return listening


def _check_public(host: str) -> None:
    if os.environ.get("MERCATO_ALLOW_PUBLIC") != "1":
        raise SettingsError(
            f"{host} can be reached from other machines, and this version has no keys",
            where="--host",
            hint="serve on 127.0.0.1 behind a proxy that checks who asks, or set MERCATO_ALLOW_PUBLIC=1",
        )
    warning = f"warning: anyone who reaches {host} can read and change this shop (MERCATO_ALLOW_PUBLIC=1)"
    print(warning, file=sys.stderr)
