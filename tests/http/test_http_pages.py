"""Health, metrics, console data and the pages: headers, no foreign addresses, no markup from data."""

import re

import pytest
from starlette.testclient import TestClient

from mercato.serve.routes_pages import STATIC

SCRIPTS = sorted(STATIC.glob("js/**/*.js"))
PAGES = ["/", "/search?q=milk", "/product/p0", "/cart", "/thanks", "/console", "/console/quality", "/docs"]


@pytest.mark.parametrize("path", PAGES)
def test_pages_come_with_strict_headers(client: TestClient, path):
    response = client.get(path)
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/html")
    policy = response.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    for source in re.findall(r'(?:src|href)="(/static/[^"]+)"', response.text):
        assert client.get(source).status_code == 200


def test_nothing_is_fetched_from_elsewhere():
    for path in [*SCRIPTS, *STATIC.glob("*.html"), *STATIC.glob("css/*.css")]:
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|url\(|@import", text), path


def test_data_never_becomes_markup():
    for path in SCRIPTS:
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", path.read_text()
        ), path


def test_every_module_imported_is_there_and_small():
    for path in SCRIPTS:
        text = path.read_text()
        assert text.startswith("/**"), path
        assert len(text.splitlines()) < 300, path
        for target in re.findall(r'from "(\.[^"]+)"', text):
            assert (path.parent / target).resolve().is_file(), (path, target)


def test_every_page_has_its_files_in_the_package():
    assert {"storefront.html", "console.html", "docs.html", "mark.svg"} <= {path.name for path in STATIC.iterdir()}


def test_health(client: TestClient, shop):
    assert client.get("/health/live").json() == {"live": True}
    ready = client.get("/health/ready")
    assert ready.status_code == 200
    assert ready.json()["shops"][shop.name]["ready"] is True


def test_metrics_count_answers_and_events(client: TestClient, shop):
    client.post("/v1/search", json={"query": "milk"})
    client.get("/v1/products/p0")
    client.get("/v1/nothing")
    event = {"type": "search", "shopper_id": "u", "query": "milk", "event_id": "metrics-1"}
    client.post("/v1/events", json={"events": [event, event, {"type": "dance"}]})
    text = client.get("/metrics").text
    samples = dict(line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
    assert float(samples['mercato_http_requests_total{method="POST",route="/v1/search",status="200"}']) >= 1
    assert float(samples['mercato_http_requests_total{method="GET",route="unmatched",status="404"}']) >= 1
    assert 'mercato_http_request_seconds_count{route="/v1/products/{product_id:path}"}' in samples
    assert float(samples['mercato_events_total{outcome="accepted"}']) >= 1
    assert float(samples['mercato_events_total{outcome="duplicate"}']) >= 1
    assert float(samples['mercato_events_total{outcome="rejected"}']) >= 1
    assert float(samples[f'mercato_held{{kind="products",shop="{shop.name}"}}']) == 48
    assert "/v1/nothing" not in text


def test_console_data(client: TestClient, shop):
    status = client.get("/v1/console/status").json()
    assert status["shops"] == [shop.name]
    assert status["ready"] is True
    learned = client.get("/v1/console/learned").json()
    assert {"trained_at", "seconds", "data", "learned", "steps"} <= set(learned)
    assert learned["weights"]
    doctor = client.get("/v1/console/doctor").json()
    assert {"severity", "what", "count", "share", "cost", "hint", "examples"} <= set(doctor["catalogue"][0])
    assert isinstance(client.get("/v1/console/metrics").json(), dict)
    views = client.get("/v1/console/views", params={"shopper": "s0"}).json()
    assert views["lanes"]
    assert views["slate"]
    for item in views["slate"]:
        assert sum(item["terms"].values()) == pytest.approx(item["score"], abs=1e-6)


def test_a_search_without_a_result_reaches_the_console(client: TestClient):
    client.post("/v1/search", json={"query": "qqqq zzzz"})
    client.post("/v1/search", json={"query": "granola"})
    searches = client.get("/v1/console/searches").json()
    assert "granola" in [one["query"] for one in searches["recent"]]
    assert {"query", "total", "last_at"} <= set(searches["recent"][0])
    assert "granola" not in [one["query"] for one in searches["empty"]]


def test_the_api_describes_itself(client: TestClient):
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/v1/search", "/v1/recommend", "/v1/events", "/v1/products:import", "/v1/suggest", "/metrics"} <= set(paths)
    schema = paths["/v1/search"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert schema["properties"]["k"]["maximum"] == 200
    assert schema["additionalProperties"] is False
