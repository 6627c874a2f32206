"""Search, recommendations and suggestions over HTTP: the contract's shapes and what they promise."""

import pytest
from starlette.testclient import TestClient

import corner_shop
from corner_shop import product_id

ITEM = {"id", "title", "price", "currency", "image", "categories", "brand", "score"}
LIST = {"slate_id", "items", "total", "degraded", "versions", "took_ms"}


def search(client, **body):
    response = client.post("/v1/search", json=body)
    assert response.status_code == 200, response.text
    return response.json()


def recommend(client, placement, **body):
    response = client.post("/v1/recommend", json={"placement": placement, **body})
    assert response.status_code == 200, response.text
    return response.json()


def ids(slate):
    return [item["id"] for item in slate["items"]]


def test_search_answers_in_the_contracts_shape(client: TestClient):
    slate = search(client, query="milk", k=3)
    assert set(slate) >= LIST
    assert len(slate["items"]) == 3
    assert all(set(item) >= ITEM for item in slate["items"])
    assert all("milk" in item["title"].lower() for item in slate["items"])
    assert "terms" not in slate["items"][0]
    assert set(slate["versions"]) >= {"catalogue", "index", "model"}


def test_terms_add_up_to_the_score(client: TestClient):
    slates = [search(client, query="cheese", explain=True), recommend(client, "home", shopper="s0", explain=True)]
    for item in (item for slate in slates for item in slate["items"]):
        assert item["terms"]
        assert sum(item["terms"].values()) == pytest.approx(item["score"], abs=1e-6)


def test_facets_count_exactly_the_listed_set(client: TestClient):
    slate = search(client, query="", k=200, facets=["brand", "categories", "maker"], where={"price": {"max": 3}})
    assert slate["total"] == len(slate["items"])
    for brand, count in slate["facets"]["brand"].items():
        assert count == sum(item["brand"] == brand for item in slate["items"])
        narrowed = search(client, query="", k=200, where={"price": {"max": 3}, "brand": [brand]})
        assert narrowed["total"] == count


def test_a_field_shows_its_most_frequent_values(client: TestClient):
    every = search(client, query="", facets=["categories"])["facets"]["categories"]
    few = search(client, query="", facets=["categories"], facet_values=3)["facets"]["categories"]
    assert list(few.items()) == list(every.items())[:3]
    assert sorted(every.values(), reverse=True) == list(every.values())


def test_pages_cut_one_list(client: TestClient):
    pages = [search(client, query="", k=20, page=page, sort="price") for page in range(3)]
    shown = [product for page in pages for product in ids(page)]
    assert len(shown) == len(set(shown)) == pages[0]["total"] == len(corner_shop.PRODUCTS)
    assert {page["total"] for page in pages} == {pages[0]["total"]}
    prices = [item["price"] for page in pages for item in page["items"]]
    assert prices == sorted(prices)
    assert search(client, query="", k=20, page=50)["items"] == []


def test_the_words_of_the_query_are_marked_where_they_stand(client: TestClient):
    found = client.post("/v1/search", json={"query": "cookie", "k": 3, "highlight": True}).json()["items"]
    for item in found:
        told = item["highlights"]["title"]
        assert [told["text"][start:end] for start, end in told["spans"]] == ["cookies"]
        assert "<em>cookies</em>" in told["html"]
        assert told["text"] == item["title"]
    plain = client.post("/v1/search", json={"query": "cookie"}).json()["items"]
    assert "highlights" not in plain[0]


def test_a_word_nobody_sells_gives_an_empty_list_with_a_slate_id(client: TestClient):
    slate = search(client, query="qqqqzzzzxxxx")
    assert slate["slate_id"]
    assert slate["total"] == len(slate["items"])


def test_a_shopper_never_seen_gets_a_list(client: TestClient):
    for placement in ("home", "discover", "tail", "email", "session"):
        assert recommend(client, placement, shopper="never seen")["slate_id"]
    assert recommend(client, "home", shopper="never seen")["items"]
    assert recommend(client, "home")["items"]


def test_placements_keep_their_promises(client: TestClient):
    bought = set(ids(recommend(client, "buy-again", shopper="s1", k=50)))
    assert bought
    assert not bought & set(ids(recommend(client, "discover", shopper="s1", k=50)))
    milk = product_id("Whole milk")
    assert product_id("Corn flakes") in ids(recommend(client, "together", product=milk, k=5))
    assert milk not in ids(recommend(client, "similar", product=milk))
    assert product_id("Bananas") in ids(recommend(client, "cart", cart=[milk, product_id("Corn flakes")], k=5))


@pytest.mark.parametrize("placement", ["similar", "together", "cart"])
def test_a_placement_without_what_it_needs_is_refused(client: TestClient, placement):
    response = client.post("/v1/recommend", json={"placement": placement})
    assert response.status_code == 400
    assert response.json()["error"]["field"] in ("product", "cart")


def test_an_unknown_product_is_not_found(client: TestClient):
    response = client.post("/v1/recommend", json={"placement": "similar", "product": "nobody"})
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"


def test_an_unknown_filter_names_the_known_ones(client: TestClient):
    error = client.post("/v1/search", json={"query": "milk", "where": {"colour": ["red"]}}).json()["error"]
    assert error["field"] == "where.colour"
    assert "brand" in error["hint"]


def test_a_click_changes_the_next_list(client: TestClient):
    shopper = {"shopper": "newcomer", "session": "visit"}
    before = ids(recommend(client, "home", k=6, **shopper))
    chosen = [product_id(name) for name in ("Spaghetti", "Tomato sauce")]
    events = [
        {"type": "add-to-cart", "shopper_id": "newcomer", "session_id": "visit", "product_id": product}
        for product in chosen
    ]
    assert client.post("/v1/events", json={"events": events}).status_code == 202
    after = recommend(client, "home", k=6, explain=True, **shopper)
    assert ids(after) != before
    assert any("Spaghetti" in item["reason"] or "Tomato" in item["reason"] for item in after["items"])


def test_suggestions_complete_a_prefix(client: TestClient):
    found = client.get("/v1/suggest", params={"q": "chees", "k": 5}).json()
    assert set(found) == {"queries", "categories", "brands", "products"}
    assert any("cheese" in product["title"].lower() for product in found["products"])
    assert {"path": "Dairy > Cheese", "name": "Cheese", "parent": "Dairy", "count": 4} in found["categories"]
    assert all(product["price"] and product["categories"] for product in found["products"])
    assert client.get("/v1/suggest", params={"q": "natinoal"}).json()["brands"][0]["brand"] == "National"
    assert client.get("/v1/suggest").status_code == 200
    assert client.get("/v1/suggest", params={"shopper": "x" * 10_000}).status_code == 400


def test_suggestions_follow_the_shopper(client: TestClient):
    def first(shopper: str) -> str:
        return client.get("/v1/suggest", params={"q": "co", "k": 1, "shopper": shopper}).json()["products"][0]["title"]

    assert first("s0").startswith("Corn flakes")
    assert first("s3").startswith("Cola soda")


def test_a_range_may_leave_its_upper_end_out(client: TestClient):
    def prices(**where: float) -> set[float]:
        body = {"query": "", "k": 50, "where": {"price": where}}
        return {item["price"] for item in client.post("/v1/search", json=body).json()["items"]}

    assert prices(min=2.19, max=2.29) == {2.19, 2.29}
    assert prices(min=2.19, below=2.29) == {2.19}


def test_an_untrained_shop_says_so(untrained):
    from mercato.serve.app import create_app

    client = TestClient(create_app(untrained))
    response = client.post("/v1/search", json={"query": "milk"})
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "not_ready"
    assert client.get("/health/ready").status_code == 503
    assert client.get("/health/live").status_code == 200
    assert client.get("/v1/products/p0").status_code == 200


def test_several_shops_answer_by_name(shop, untrained):
    from mercato.serve.app import create_app

    client = TestClient(create_app([shop, untrained]))
    assert client.get("/v1/console/status").json()["shop"] == shop.name
    assert client.get("/v1/console/status", params={"shop": untrained.name}).json()["products"] == 4
    assert client.get("/v1/console/status", headers={"X-Shop": untrained.name}).json()["products"] == 4
    lost = client.get("/v1/console/status", params={"shop": "nowhere"})
    assert lost.status_code == 404
    assert shop.name in lost.json()["error"]["hint"]
