"""Whatever is sent, the answer is one JSON shape with the right status and says nothing of our insides."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from mercato.serve.app import create_app
from mercato.serve.edge import Edge
from mercato.serve.limits import InFlightLimit, KnownHost, Limits
from mercato.serve.metrics import Meters

JSON = {"Content-Type": "application/json"}


def problem(response, status, code=None, field=None):
    assert response.status_code == status, response.text
    assert set(response.json()) == {"error"}
    error = response.json()["error"]
    assert set(error) == {"code", "type", "message", "field", "hint"}
    assert error["message"]
    assert code is None or error["code"] == code
    assert field is None or error["field"] == field
    assert response.headers["X-Request-ID"]
    return error


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"query": "milk", "k": 0}, "invalid_value", "k"),
        ({"query": "milk", "k": 201}, "invalid_value", "k"),
        ({"query": "milk", "k": "10"}, "invalid_value", "k"),
        ({"query": "milk", "k": True}, "invalid_value", "k"),
        ({"query": "milk", "k": 1.5}, "invalid_value", "k"),
        ({"query": "milk", "page": -1}, "invalid_value", "page"),
        ({"query": "milk", "page": 10**9}, "invalid_value", "body"),
        ({"query": "m" * 513}, "invalid_value", "query"),
        ({"query": None}, "invalid_value", "query"),
        ({"query": "milk", "limit": 3}, "unknown_field", "limit"),
        ({"query": "milk", "sort": "colour"}, "invalid_value", "sort"),
        ({"query": "milk", "facets": ["nothing"]}, "invalid_request", "facets"),
        ({"query": "milk", "where": {"brand": "National"}}, "invalid_value", "where"),
        ({"query": "milk", "where": {"brand": [{}]}}, "invalid_value", "where"),
        ({"query": "milk", "where": {"price": {"above": 3}}}, "invalid_value", "where"),
        ({"query": "milk", "where": {"price": {"min": "cheap"}}}, "invalid_value", "where"),
        ({"query": "milk", "where": {"brand": ["x"] * 101}}, "invalid_value", "where"),
        ({"query": "milk", "where": {f"f{n}": [] for n in range(21)}}, "invalid_value", "where"),
        ({"query": "milk", "shopper": "x" * 257}, "invalid_value", "shopper"),
        ([], "invalid_value", "body"),
        ("milk", "invalid_value", "body"),
    ],
)
def test_a_search_that_makes_no_sense(client: TestClient, body, code, field):
    problem(client.post("/v1/search", json=body), 400, code, field)


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "missing_field", "placement"),
        ({"placement": "attic"}, "invalid_value", "placement"),
        ({"placement": "cart", "cart": ["x"] * 201}, "invalid_value", "cart"),
        ({"placement": "cart", "cart": [3]}, "invalid_value", "cart.0"),
    ],
)
def test_a_recommendation_that_makes_no_sense(client: TestClient, body, code, field):
    problem(client.post("/v1/recommend", json=body), 400, code, field)


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"query": "\xff"}', b'{"query": "\\ud800"}', b"NaN", b'{"k": NaN}', b"\x00"]
)
@pytest.mark.parametrize("path", ["/v1/search", "/v1/recommend", "/v1/events", "/v1/products:import"])
def test_bytes_that_are_no_json(client: TestClient, path, content):
    problem(client.post(path, content=content, headers=JSON), 400, "invalid_request", "body")


def test_deeply_nested_json_is_refused(client: TestClient):
    problem(client.post("/v1/search", content=b"[" * 100_000, headers=JSON), 400)


FIELDS = [
    "query", "k", "page", "where", "facets", "sort", "events", "type", "shopper_id", "product_id", "at",
    "value", "placement", "product", "cart", "price", "min", "brand", "title", "quantity", "position",
    "currency",
]  # fmt: skip
NONSENSE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=4), inner, max_size=5)
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(NONSENSE, st.sampled_from(["/v1/search", "/v1/recommend", "/v1/events"]))
def test_no_body_brings_the_server_down(client: TestClient, body, path):
    response = client.post(path, content=json.dumps(body).encode(), headers=JSON)
    assert response.status_code in (200, 202, 400, 404)
    if response.status_code >= 400:
        problem(response, response.status_code)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=600))
def test_no_query_brings_the_server_down(client: TestClient, text):
    response = client.post("/v1/search", content=json.dumps({"query": text}).encode(), headers=JSON)
    assert response.status_code == (200 if len(text) <= 512 and _is_utf8(text) else 400)


def _is_utf8(text):
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def test_only_declared_json_is_read(client: TestClient):
    for headers in ({}, {"Content-Type": "text/plain"}, {**JSON, "Content-Encoding": "gzip"}):
        problem(client.post("/v1/events", content=b'{"events": []}', headers=headers), 415, "unsupported_media_type")


def test_routes_that_are_not_there(client: TestClient):
    problem(client.get("/v1/nothing"), 404, "no_such_route")
    problem(client.get("/static/nothing.js"), 404)
    problem(client.get("/static/../app.py"), 404)
    wrong = client.get("/v1/search")
    problem(wrong, 405, "method_not_allowed")
    assert wrong.headers["Allow"] == "POST"


@pytest.mark.parametrize("query", ["k=0", "k=x", "k=1000000", "q=" + "m" * 600])
def test_query_strings_are_checked_too(client: TestClient, query):
    problem(client.get(f"/v1/suggest?{query}"), 400, "invalid_value")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/assistant"), ("POST", "/v1/ads:auction"), ("DELETE", "/v1/shoppers/s1"), ("GET", "/v1/trials"),
        ("POST", "/v1/trials/t1"), ("GET", "/v1/forecasts"), ("POST", "/v1/prices"),
        ("GET", "/v1/restock"), ("GET", "/v1/campaigns"),
    ],
)  # fmt: skip
def test_what_comes_later_says_so(client: TestClient, method, path):
    problem(client.request(method, path), 501, "not_built_yet")


def test_a_body_above_the_limit_is_refused_declared_or_not(shop):
    client = TestClient(create_app(shop, limits=Limits(body_bytes=1000, import_bytes=2000)))
    problem(client.post("/v1/events", content=b"x" * 1001, headers=JSON), 413, "too_large")
    problem(client.post("/v1/events", content=iter([b"x" * 600] * 2), headers=JSON), 413, "too_large")
    problem(client.post("/v1/events", content=b"x" * 900, headers=JSON), 400)
    problem(client.post("/v1/products:import", content=b"x" * 1500, headers=JSON), 400)
    problem(client.post("/v1/products:import", content=b"x" * 2001, headers=JSON), 413)


def test_a_request_id_is_echoed_when_sane_and_made_when_not(client: TestClient):
    assert client.get("/health/live", headers={"X-Request-ID": "abc-1.2:3"}).headers["X-Request-ID"] == "abc-1.2:3"
    for odd in ("a b", "x" * 200, "<script>"):
        made = client.get("/health/live", headers={"X-Request-ID": odd}).headers["X-Request-ID"]
        assert made != odd
        assert len(made) == 32


def test_what_nobody_expected_is_a_500_that_tells_nothing():
    async def broken(scope, receive, send):
        raise ValueError("the password is swordfish")

    meters = Meters()
    response = TestClient(Edge(broken, meters, {"X-Frame-Options": "DENY"})).get("/")
    problem(response, 500, "internal")
    assert "swordfish" not in response.text
    assert response.headers["X-Frame-Options"] == "DENY"
    assert b'status="500"' in meters.text({})


def test_a_store_that_is_gone_is_a_503_or_500_without_internals(tmp_path):
    import corner_shop

    with corner_shop.build(tmp_path / "closed") as shop:
        client = TestClient(create_app(shop))
    event = {"type": "detail-page-view", "shopper_id": "u", "product_id": "p0"}
    response = client.post("/v1/events", json={"events": [event]})
    error = problem(response, response.status_code)
    assert response.status_code in (500, 503)
    assert "sqlite" not in response.text.lower()
    assert error["type"] == "server_error"


def test_only_known_hosts_are_answered(shop):
    client = TestClient(create_app(shop, hosts=["127.0.0.1", "[::1]"]))
    for host in ("127.0.0.1", "127.0.0.1:8000", "[::1]:8000", "[::1]"):
        assert client.get("/health/live", headers={"Host": host}).status_code == 200
    problem(client.get("/health/live", headers={"Host": "evil.example:8000"}), 400, "unknown_host")


def test_above_the_limit_in_flight_the_answer_is_busy_at_once():
    inner_answers = []

    async def nested(scope, receive, send):
        """Asks the limited application again while its own request is still in flight."""
        if scope["path"] == "/outer":
            sent = []

            async def keep(message):
                sent.append(message)

            await limited({**scope, "path": "/inner"}, receive, keep)
            inner_answers.append(sent[0]["status"])
        await PlainTextResponse("done")(scope, receive, send)

    limited = InFlightLimit(nested, Limits(in_flight=1))
    client = TestClient(limited)
    assert client.get("/outer").status_code == 200
    assert inner_answers == [503]
    assert client.get("/inner").status_code == 200


def test_layers_pass_on_what_is_not_http(shop):
    with TestClient(create_app(shop, hosts=["testserver"])) as client:
        assert client.get("/health/live").status_code == 200
    assert KnownHost(create_app(shop), []).hosts == frozenset()
