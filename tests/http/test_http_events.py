"""Events over HTTP: durable before the answer, refused one by one, kept once."""

from starlette.testclient import TestClient

import corner_shop
import mercato
from mercato.serve.app import create_app
from mercato.serve.limits import Limits


def post(client, *events):
    return client.post("/v1/events", json={"events": list(events)})


def view(**details):
    return {"type": "detail-page-view", "shopper_id": "u", "product_id": "p0", **details}


def test_accepted_events_are_on_disk_when_the_answer_comes(tmp_path):
    with corner_shop.build(tmp_path / "shop") as shop:
        before = shop.status()["events"]
        response = post(TestClient(create_app(shop)), view(event_id="a"), view(event_id="b"))
        assert response.status_code == 202
        with mercato.open(tmp_path / "shop", read_only=True) as other:
            assert other.status()["events"] == before + 2


def test_a_bad_event_is_refused_by_itself(client: TestClient):
    response = post(client, view(type="dance"), 7, view(), {"type": "search", "query": "milk"}, view(quantity="many"))
    assert response.status_code == 202
    answer = response.json()
    assert answer["accepted"] == 1
    assert [refused["index"] for refused in answer["rejected"]] == [0, 1, 3, 4]
    assert [refused["field"] for refused in answer["rejected"]] == ["type", "", "shopper_id", "quantity"]
    assert all(refused["message"] for refused in answer["rejected"])


def test_an_event_id_twice_is_kept_once(client: TestClient):
    assert post(client, view(event_id="once")).json()["accepted"] == 1
    again = post(client, view(event_id="once"), view(event_id="twice")).json()
    assert (again["accepted"], again["duplicates"]) == (1, 1)


def test_no_events_is_fine_and_too_many_are_not(shop):
    client = TestClient(create_app(shop, limits=Limits(batch=2)))
    assert post(client).json() == {"accepted": 0, "duplicates": 0, "rejected": []}
    refused = post(client, view(), view(), view())
    assert refused.status_code == 400
    assert refused.json()["error"]["field"] == "events"


def test_the_trail_says_what_each_event_was_joined_to(shop):
    client = TestClient(create_app(shop))
    slate = client.post("/v1/recommend", json={"placement": "home", "shopper": "u", "k": 3}).json()
    first = {"product_id": slate["items"][0]["id"], "slate_id": slate["slate_id"]}
    post(
        client,
        view(**first, position=0),
        view(**first, position=2),
        view(**first, shopper_id="somebody else"),
        view(slate_id="made-up"),
        view(),
        {"type": "home-page-view", "shopper_id": "u"},
        {"type": "dance", "shopper_id": "u"},
    )
    trail = list(reversed(client.get("/v1/console/events").json()["events"]))
    assert trail[0]["outcome"] == "rejected" or trail[0]["joined"] == {"placement": "home", "query": "", "position": 0}
    by_why = {event["why"] for event in trail}
    assert any("place 0, the event says 2" in why for why in by_why)
    assert any("another shopper" in why for why in by_why)
    assert any("has not answered that list" in why for why in by_why)
    assert any("names no slate_id" in why for why in by_why)
    assert [event["outcome"] for event in trail].count("rejected") == 1
    assert sum(event["joined"] is not None for event in trail) == 1


def test_the_trail_marks_what_came_twice(shop):
    client = TestClient(create_app(shop))
    post(client, view(event_id="trail-1"), view(event_id="trail-1"))
    post(client, view(event_id="trail-1"), view())
    outcomes = [event["outcome"] for event in reversed(client.get("/v1/console/events").json()["events"])]
    assert outcomes == ["accepted", "duplicate", "duplicate", "accepted"]
