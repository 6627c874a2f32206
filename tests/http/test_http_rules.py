"""Rules over HTTP: written, told, taken back, and refused in the one error shape."""

import pytest
from starlette.testclient import TestClient

import corner_shop
from corner_shop import product_id
from mercato.serve.app import create_app

MILK = {"id": "milk", "when": {"query": "milk"}, "pins": [{"product": product_id("Oat milk"), "position": 1}]}
WORDS = {"id": "words", "synonyms": [{"words": ["soda", "pop"]}]}


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A shop of this file's own: its rules would be in everybody's lists."""
    with corner_shop.build(tmp_path_factory.mktemp("rules") / "corner") as built:
        yield built


@pytest.fixture(scope="module")
def client(own):
    with TestClient(create_app(own)) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _without_rules(own):
    yield
    own.rules.replace([])


def test_a_rule_is_added_told_changed_and_taken_out(client):
    added = client.post("/v1/rules", json=MILK)
    assert added.status_code == 201
    assert added.json()["rule"]["id"] == "milk"
    assert added.json()["status"] == {"state": "in force", "unknown": [], "resting": [], "broken": []}
    assert client.get("/v1/rules/milk").json() == added.json()
    everything = client.get("/v1/rules").json()
    assert set(everything) == {"version", "rules", "status", "unread"}
    assert everything["rules"] == [added.json()["rule"]]
    assert everything["status"]["milk"]["state"] == "in force"

    nameless = {name: value for name, value in MILK.items() if name != "id"}
    changed = client.put("/v1/rules/milk", json={**nameless, "enabled": False})
    assert changed.status_code == 200
    assert changed.json()["status"]["state"] == "off"
    made_up = client.post("/v1/rules", json=nameless).json()["rule"]["id"]
    assert made_up.startswith("rule-")
    assert client.delete("/v1/rules/milk").json() == {"deleted": "milk"}
    assert client.get("/v1/rules/milk").status_code == 404
    assert client.delete("/v1/rules/milk").status_code == 404
    assert [rule["id"] for rule in client.get("/v1/rules").json()["rules"]] == [made_up]


def test_the_next_search_knows_the_version_of_the_rules(client):
    client.post("/v1/rules", json=MILK)
    version = client.get("/v1/rules").json()["version"]
    slate = client.post("/v1/search", json={"query": "milk"}).json()
    assert slate["versions"]["rules"] == str(version)
    assert client.get("/v1/console/status").json()["versions"]["rules"] == str(version)


def test_all_rules_are_replaced_and_versions_go_back(client):
    begun = client.get("/v1/rules").json()["version"]
    client.put("/v1/rules", json={"rules": [MILK]})
    told = client.put("/v1/rules", json={"rules": [MILK, WORDS], "version": begun + 1})
    assert told.status_code == 200
    assert told.json() == client.get("/v1/rules").json()
    late = client.put("/v1/rules", json={"rules": [], "version": begun + 1})
    assert late.status_code == 400
    assert late.json()["error"]["field"] == "version"

    versions = client.get("/v1/rules/versions", params={"k": 2}).json()["versions"]
    assert [one["number"] for one in versions] == [begun + 2, begun + 1]
    assert versions[0]["changed"] == ["words"]
    assert {"at", "what"} <= set(versions[0])
    then = client.get(f"/v1/rules/versions/{begun + 1}").json()
    assert [rule["id"] for rule in then["rules"]] == ["milk"]
    back = client.post(f"/v1/rules/versions/{begun + 1}:rollback", json={})
    assert back.status_code == 200
    assert back.json()["version"] == begun + 3
    assert [rule["id"] for rule in client.get("/v1/rules").json()["rules"]] == ["milk"]
    for path in ("/v1/rules/versions/999999", "/v1/rules/versions/-1"):
        assert client.get(path).status_code == 404
    assert client.post("/v1/rules/versions/999999:rollback", json={}).status_code == 404
    assert client.get("/v1/rules/versions/first").status_code == 400


REFUSED = [
    ({"id": "r"}, "rule"),
    ({**MILK, "pins": [{"product": "p1", "position": 0}]}, "pins[0].position"),
    ({**MILK, "when": {}}, "when"),
    ({**MILK, "redirect": "javascript:alert(1)"}, "redirect"),
    ({**MILK, "start": "2026-02-01", "end": "2026-01-01"}, "end"),
    ({**MILK, "pin": []}, "pin"),
    ({**MILK, "hide": {"where": {"colour": ["red"]}}}, "hide.where.colour"),
    ({**WORDS, "synonyms": [{"words": ["soda", "Sodas"]}]}, "synonyms[0].words[1]"),
    ({**MILK, "when": {"segments": ["vip,gold"]}}, "when.segments[0]"),
    ({**MILK, "when": {"placements": ["shelf"]}}, "when.placements[0]"),
    ({**MILK, "when": {"placements": ["similar"], "anchor": {"colour": ["red"]}}}, "when.anchor.colour"),
    ({**MILK, "when": {"query": "milk", "placements": ["home"]}}, "when.query"),
    ([], "body"),
    (3, "body"),
]


@pytest.mark.parametrize(("body", "field"), REFUSED)
def test_nonsense_is_refused_and_nothing_changes(client, body, field):
    before = client.get("/v1/rules").json()
    calls = [("POST", "/v1/rules"), ("PUT", f"/v1/rules/{body['id'] if isinstance(body, dict) else 'r'}")]
    for method, path in calls:
        response = client.request(method, path, json=body)
        assert response.status_code == 400, response.text
        error = response.json()["error"]
        assert error["field"] == field
        assert error["message"]
        assert error["hint"]
    assert client.get("/v1/rules").json() == before


def test_other_wrong_calls_are_refused(client):
    client.post("/v1/rules", json=MILK)
    assert client.post("/v1/rules", json=MILK).json()["error"]["field"] == "id"
    assert client.put("/v1/rules/milk", json={**MILK, "id": "other"}).json()["error"]["field"] == "id"
    assert client.put("/v1/rules/versions", json=MILK).status_code in (400, 405)
    assert client.put("/v1/rules", json={"rules": {}}).status_code == 400
    assert client.put("/v1/rules", json={"rules": [MILK, MILK]}).json()["error"]["field"] == "rules[1].id"
    assert client.put("/v1/rules", json={"rules": [MILK, {"id": "!"}]}).json()["error"]["field"] == "rules[1].id"
    assert client.post("/v1/rules:preview", json={"query": "milk", "at": "soon"}).json()["error"]["field"] == "at"
    assert client.post("/v1/rules:preview", json={"put": [{"id": "!"}]}).json()["error"]["field"] == "put[0].id"
    assert client.post("/v1/rules:preview", json={"where": {"colour": ["red"]}}).status_code == 400
    assert client.post("/v1/rules:preview", json={"sort": "colour"}).status_code == 400


def test_a_foreign_page_can_write_nothing(client):
    """Only declared JSON is read, which a foreign page cannot send without asking first."""
    body = '{"id": "r", "when": {"always": true}, "redirect": "/x"}'
    assert client.post("/v1/rules", content=body).status_code == 415
    assert client.put("/v1/rules/r", content=body, headers={"Content-Type": "text/plain"}).status_code == 415
    assert client.post("/v1/rules/versions/0:rollback", content="{}").status_code == 415


def test_a_preview_changes_nothing_and_is_not_logged(client, own):
    before = client.get("/v1/rules").json()
    own.store.flush()
    logged = own.store.record_counts()
    seen = client.post("/v1/rules:preview", json={"query": "milk", "put": [MILK, WORDS], "k": 5}).json()
    assert set(seen) == {
        "query", "totals", "now", "then", "rules", "banners", "redirect", "synonyms", "resting",
    }  # fmt: skip
    assert seen["rules"] == ["milk"]
    assert all(set(item) == {"id", "title", "category", "lifted", "was", "pinned"} for item in seen["then"])
    assert client.post("/v1/rules:preview", json={"query": "pop", "put": [WORDS]}).json()["synonyms"] == {
        "pop": ["soda"]
    }
    own.store.flush()
    assert own.store.record_counts() == logged
    assert client.get("/v1/rules").json() == before


def test_a_rule_for_a_segment_holds_for_those_who_say_so(client, own):
    own.import_([[{"id": "s7", "loyalty": "Gold"}]], kind="shoppers")
    told = {"segments": ["vip", "loyalty:gold"]}
    rules = [
        {**MILK, "when": {"query": "milk", **told}, "banner": {"text": "Milk"}},
        {"id": "home", "when": {"placements": ["home"], **told}, "banner": {"text": "Home"}},
    ]
    client.put("/v1/rules", json={"rules": rules})
    assert client.get("/v1/rules/milk").json()["rule"]["when"]["segments"] == ["vip", "loyalty:gold"]

    def said(path, **body):
        response = client.post(path, json=body)
        assert response.status_code == 200, response.text
        return [banner["text"] for banner in response.json().get("banners", [])]

    assert said("/v1/search", query="milk") == []
    assert said("/v1/search", query="milk", segments=["VIP"]) == ["Milk"]
    assert said("/v1/search", query="milk", segments=["gold"]) == []
    assert said("/v1/search", query="milk", shopper="s7") == ["Milk"]
    assert said("/v1/recommend", placement="home") == []
    assert said("/v1/recommend", placement="home", segments=["vip"]) == ["Home"]
    assert said("/v1/recommend", placement="home", shopper="s7") == ["Home"]
    assert said("/v1/recommend", placement="discover", shopper="s7") == []


@pytest.mark.parametrize(
    ("segments", "field"),
    [
        ("vip", "segments"),
        (["a"] * 21, "segments"),
        ([""], "segments.0"),
        (["x" * 101], "segments.0"),
        ([7], "segments.0"),
        (["vip", " , "], "segments[1]"),
    ],
)
def test_what_is_no_segment_is_refused(client, segments, field):
    calls = [("/v1/search", {}), ("/v1/recommend", {"placement": "home"}), ("/v1/rules:preview", {"query": "milk"})]
    for path, body in calls:
        response = client.post(path, json={**body, "segments": segments})
        assert response.status_code == 400, response.text
        assert response.json()["error"]["field"] == field


def test_a_pin_in_a_list_keeps_its_promise_and_says_why(client):
    milk = product_id("Oat milk")
    bought = client.post("/v1/recommend", json={"placement": "buy-again", "shopper": "s0"})
    had = bought.json()["items"][0]["id"]
    pins = [{"product": had, "position": 1}, {"product": milk, "position": 2}]
    client.post("/v1/rules", json={"id": "a", "when": {"placements": ["discover", "buy-again"]}, "pins": pins})
    ask = {"shopper": "s0", "k": 20, "explain": True}
    new = client.post("/v1/recommend", json={"placement": "discover", **ask}).json()["items"]
    assert had not in [item["id"] for item in new]
    assert new[1]["id"] == milk
    assert new[1]["reason"].startswith("Chosen by the shop")
    again = client.post("/v1/recommend", json={"placement": "buy-again", **ask}).json()["items"]
    assert again[0]["id"] == had
    for item in new + again:
        assert sum(item["terms"].values()) == pytest.approx(item["score"], abs=1e-6)
    seen = client.post("/v1/rules:preview", json={"placement": "discover", "shopper": "s0"}).json()
    assert seen["resting"] == [{"rule": "a", "product": had, "why": "never shown in discover"}]
    assert seen["then"][1]["pinned"] is True
    beside = client.post("/v1/rules:preview", json={"placement": "similar", "product": milk}).json()
    assert beside["product"]["id"] == milk
    assert client.post("/v1/rules:preview", json={"placement": "shelf"}).json()["error"]["field"] == "placement"
    assert client.post("/v1/rules:preview", json={"placement": "similar", "product": "x"}).status_code == 404


def test_an_untrained_shop_keeps_rules_and_previews_nothing(untrained):
    client = TestClient(create_app(untrained))
    assert client.post("/v1/rules", json=MILK).status_code == 201
    assert client.get("/v1/rules/milk").json()["status"]["unknown"] == []
    assert client.post("/v1/rules:preview", json={"query": "milk"}).status_code == 503
