"""The server as a process: address, refusals, and a stop that loses nothing."""

import os
import re
import signal
import subprocess
import sys

import httpx
import pytest

import corner_shop
import mercato
from mercato.errors import SettingsError
from mercato.serve.run import is_loopback, listen, run

SERVE = "import sys, mercato; from mercato.serve.run import run; run(mercato.open(sys.argv[1]), port=0)"


def test_a_taken_port_says_so_and_what_to_do():
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=str(port)) as refused:
            listen("127.0.0.1", port)
    assert str(port + 1) in refused.value.hint


def test_an_address_that_is_not_ours_is_refused():
    with pytest.raises(SettingsError):
        listen("192.0.2.1", 0)


def test_a_public_address_needs_a_word_from_the_owner(shop, monkeypatch):
    monkeypatch.delenv("MERCATO_ALLOW_PUBLIC", raising=False)
    with pytest.raises(SettingsError, match="no keys"):
        run(shop, host="0.0.0.0", port=0)


@pytest.mark.parametrize(
    ("host", "own"),
    [("127.0.0.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("shop.example", False)],
)
def test_loopback(host, own):
    assert is_loopback(host) is own


@pytest.mark.crash
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_server_has_kept_every_accepted_event(tmp_path, stop):
    corner_shop.build(tmp_path / "shop").close()
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(tmp_path / "shop")], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        address = re.search(r"http://[\d.:]+", process.stdout.readline())[0]
        event = {"type": "detail-page-view", "shopper_id": "u", "product_id": "p0", "event_id": "last words"}
        assert httpx.post(f"{address}/v1/events", json={"events": [event]}).json()["accepted"] == 1
        slate = httpx.post(f"{address}/v1/search", json={"query": "a search only the log knows"})
        assert slate.status_code == 200
        process.send_signal(stop)
        process.communicate(timeout=20)
    finally:
        process.kill()
    with mercato.open(tmp_path / "shop") as shop:
        assert (
            shop.record(
                [mercato.Interaction("detail-page-view", "u", product_id="p0", event_id="last words")]
            ).duplicates
            == 1
        )
        assert "a search only the log knows" in [one["query"] for one in shop.recent_searches()]
