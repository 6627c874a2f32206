"""The knobs of lists over HTTP: turned, tried out, priced, and refused in the one error shape."""

import time

import pytest
from starlette.testclient import TestClient

import corner_shop
import mercato
from mercato.serve.app import create_app
from mercato.serve.background import Background

KNOBS = {"personal", "tail", "calibrated", "diverse"}


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A shop of this file's own: turned knobs would be in everybody's lists."""
    with corner_shop.build(tmp_path_factory.mktemp("knobs") / "corner") as built:
        yield built


@pytest.fixture(scope="module")
def client(own):
    with TestClient(create_app(own)) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _unturned(own):
    yield
    own.set_lists("home", **dict.fromkeys(KNOBS))


def home(client, shopper="s0"):
    slate = client.post("/v1/recommend", json={"placement": "home", "shopper": shopper}).json()
    return [item["id"] for item in slate["items"]]


def test_knobs_are_told_for_every_placement(client):
    told = client.get("/v1/lists").json()
    assert set(told) == {"placements", "version", "turns"}
    assert {"home", "discover", "email", "cart"} <= set(told["placements"])
    for knobs in told["placements"].values():
        assert set(knobs) == KNOBS
        assert all(set(knob) == {"value", "written", "turned"} for knob in knobs.values())


def test_a_turn_changes_the_next_list_and_null_takes_it_back(client):
    before = home(client)
    turned = client.patch("/v1/lists/home", json={"personal": 0})
    assert turned.status_code == 200
    assert turned.json()["placements"]["home"]["personal"] == {"value": 0, "written": 100, "turned": True}
    assert turned.json() == client.get("/v1/lists").json()
    assert home(client) != before
    assert client.get("/v1/console/status").json()["versions"]["lists"] == turned.json()["version"]
    assert client.patch("/v1/lists/home", json={"personal": None}).status_code == 200
    assert home(client) == before


def test_a_preview_turns_nothing_and_is_not_logged(client, own):
    before = home(client)
    own.store.flush()
    logged = own.store.record_counts()
    seen = client.post("/v1/lists/home:preview", json={"personal": 0, "shopper": "s0", "k": 10}).json()
    assert [item["id"] for item in seen["now"]] == before
    for item in seen["turned"]:
        assert item["was"] == (before.index(item["id"]) if item["id"] in before else None)
    sample = client.post("/v1/lists/home:sample", json={"personal": 0, "shoppers": 10}).json()
    assert sample["shoppers"] == 10
    assert sample["turned"]["overlap"] > sample["now"]["overlap"]
    own.store.flush()
    assert own.store.record_counts() == logged
    assert home(client) == before


@pytest.mark.parametrize("path", ["/v1/lists/home", "/v1/lists/home:preview", "/v1/lists/home:sample"])
@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"personal": 101}, "personal", "invalid_request"),
        ({"personal": 1.5}, "personal", "invalid_request"),
        ({"tail": -0.1}, "tail", "invalid_request"),
        ({"tail": "0.1"}, "tail", "invalid_value"),
        ({"diverse": True}, "diverse", "invalid_value"),
        ({"louder": 1}, "louder", "unknown_field"),
        ({}, "knobs", "invalid_request"),
        ([], "body", "invalid_value"),
    ],
)
def test_nonsense_is_refused(client, path, body, field, code):
    before = client.get("/v1/lists").json()
    response = client.request("PATCH" if path.endswith("home") else "POST", path, json=body)
    assert response.status_code == 400, response.text
    error = response.json()["error"]
    assert (error["field"], error["code"]) == (field, code)
    assert error["hint"]
    assert client.get("/v1/lists").json() == before


def test_an_unknown_placement_is_refused_with_the_known_ones(client):
    for method, path in (("PATCH", "nowhere"), ("POST", "nowhere:preview"), ("POST", "search:sample")):
        response = client.request(method, f"/v1/lists/{path}", json={"personal": 1})
        assert response.status_code == 400
        assert response.json()["error"]["field"] == "placement"
        assert "discover" in response.json()["error"]["hint"]
    lost = client.post("/v1/lists/similar:preview", json={"tail": 0.1, "product": "nobody"})
    assert lost.status_code == 404


def test_a_foreign_page_can_turn_nothing(client):
    """Only declared JSON is read, which a foreign page cannot send without asking first."""
    assert client.patch("/v1/lists/home", content='{"personal": 0}').status_code == 415
    assert client.post("/v1/lists:measure", content="{}", headers={"Content-Type": "text/plain"}).status_code == 415


def test_an_untrained_shop_keeps_turns_and_previews_nothing(untrained):
    client = TestClient(create_app(untrained))
    assert client.patch("/v1/lists/home", json={"tail": 0.2}).status_code == 200
    assert client.get("/v1/lists").json()["placements"]["home"]["tail"]["value"] == 0.2
    assert client.post("/v1/lists/home:preview", json={"tail": 0.2}).status_code == 503
    assert client.post("/v1/lists:measure", json={}).status_code == 503


@pytest.mark.train
def test_prices_are_measured_in_the_background(client):
    assert client.get("/v1/lists:measure").json()["result"] == {}
    begun = client.post("/v1/lists:measure", json={})
    assert begun.status_code == 202
    for _ in range(1200):
        state = client.get("/v1/lists:measure").json()
        if not state["running"]:
            break
        time.sleep(0.1)
    assert state["failed"] == ""
    assert {task["name"] for task in state["result"]["tasks"]} == {"home", "email", "discover"}
    assert state["result"]["measured_at"] >= state["started_at"][:19]
    assert client.get("/v1/console/metrics").json()["lists"] == state["result"]


def test_one_job_at_a_time_and_its_failure_is_told():
    from threading import Event

    jobs, go = Background(), Event()

    def fail(tick):
        tick("waiting")
        go.wait(10)
        raise mercato.DataError("too few events", hint="wait")

    assert jobs.start(fail)
    assert not jobs.start(fail)
    assert jobs.state()["running"]
    go.set()
    jobs.stop()
    assert jobs.state()["running"] is False
    assert "too few events" in jobs.state()["failed"]
    assert not jobs.start(fail), "a server that goes down begins nothing"


def test_a_stopped_job_ends_at_its_next_step():
    from threading import Event

    jobs, begun, steps = Background(), Event(), []

    def work(tick):
        begun.set()
        while True:
            tick("on and on")
            steps.append(1)

    jobs.start(work)
    assert begun.wait(10)
    jobs.stop()
    assert jobs.state()["running"] is False
    assert jobs.state()["failed"] == "the server was stopped"
