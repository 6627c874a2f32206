"""An encoder behind an address: against a real server on this machine, and against one that is not there."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import numpy as np
import pytest

from embeddings_server import Embeddings, serving
from mercato.errors import ArtifactError, BackendError
from mercato.models.hashed import HashEncoder
from mercato.models.remote import Address, RemoteEncoder

TEXTS = ["blue sofa", "", "lamp", "blue sofa", "chair \ud800", "沙发"]


@pytest.fixture
def server() -> Iterator[Embeddings]:
    with serving() as told:
        yield told


def test_vectors_are_the_servers_at_unit_length_in_the_order_asked(server: Embeddings) -> None:
    encoder = RemoteEncoder.probe(Address.parse(server.address))
    assert encoder.dimension == 24
    encoder.batch = 2
    vectors = encoder.encode(TEXTS)
    plain = HashEncoder(24).encode(["blue sofa", " ", "lamp", "blue sofa", "chair ?", "沙发"])
    np.testing.assert_allclose(vectors, plain, atol=1e-6)
    assert [len(one["input"]) for one in server.asked] == [1, 2, 2, 1], "one to probe, then five different texts"
    assert {one["path"] for one in server.asked} == {"/v1/embeddings"}
    assert {one["model"] for one in server.asked} == {"letters"}
    assert encoder.encode([]).shape == (0, 24)
    assert not encoder.knows("sofa")


def test_the_key_comes_from_the_environment_and_goes_nowhere_else(
    server: Embeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = Address.parse(server.address, "SHELF_TEST_KEY")
    with pytest.raises(BackendError, match="SHELF_TEST_KEY is not set"):
        RemoteEncoder.probe(address)
    monkeypatch.setenv("SHELF_TEST_KEY", "secret-1")
    encoder = RemoteEncoder.probe(address)
    assert server.keys == ["Bearer secret-1"]
    assert "secret-1" not in repr(encoder)
    server.fault = "redirect"
    with pytest.raises(BackendError, match="302"):
        RemoteEncoder.probe(address)
    with pytest.raises(ArtifactError, match="unencrypted"):
        Address.parse("http://models.example/v1#e5", "SHELF_TEST_KEY")
    with pytest.raises(ArtifactError, match="no secrets"):
        Address.parse("https://me:word@models.example/v1#e5")


@pytest.mark.parametrize("source", ["https://host/v1", "ftp://host/v1#m", "https:///v1#m", "host#m"])
def test_what_is_no_address_is_refused(source: str) -> None:
    with pytest.raises(ArtifactError, match="no address of a model"):
        Address.parse(source)


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ("500", BackendError, "answers 500: the model is loading"),
        ("text", BackendError, "no JSON"),
        ("few", BackendError, "vectors for 2 texts"),
        ("nan", ArtifactError, "not finite"),
    ],
)
def test_what_a_server_does_wrong_is_said(server: Embeddings, fault: str, error: type, words: str) -> None:
    encoder = RemoteEncoder.probe(Address.parse(server.address))
    server.fault = fault
    with pytest.raises(error, match=words):
        encoder.encode(["sofa", "lamp"])


def test_another_dimension_is_refused(server: Embeddings) -> None:
    encoder = RemoteEncoder.probe(Address.parse(server.address))
    server.dimension = 25
    with pytest.raises(ArtifactError, match="25 numbers, not 24"):
        encoder.encode(["sofa"])


def test_a_server_that_is_down_is_not_asked_again_at_once(server: Embeddings) -> None:
    now = [100.0]
    encoder = RemoteEncoder(Address.parse(server.address), 24, clock=lambda: now[0])
    server.fault = "500"
    with pytest.raises(BackendError, match="500"):
        encoder.encode(["sofa"])
    server.fault = ""
    with pytest.raises(BackendError, match="a moment ago"):
        encoder.encode(["sofa"])
    assert len(server.asked) == 1
    now[0] += encoder.rest
    assert encoder.encode(["sofa"]).shape == (1, 24)


def test_nobody_there_and_nobody_answering_are_said() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        address = Address.parse(f"http://127.0.0.1:{silent.getsockname()[1]}/v1#m")
        with pytest.raises(BackendError, match="cannot be reached"):
            RemoteEncoder.probe(address)
        silent.listen(1)
        with pytest.raises(BackendError, match="timed out"):
            RemoteEncoder(address, 8, patience=0.05).encode(["sofa"])


def test_fingerprint_names_model_and_dimension() -> None:
    one, two = (Address.parse(f"https://host/v1#{name}") for name in ("a", "b"))
    prints = {RemoteEncoder(one, 8).fingerprint, RemoteEncoder(two, 8).fingerprint, RemoteEncoder(one, 9).fingerprint}
    assert len(prints) == 3
