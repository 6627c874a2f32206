"""What goes together is offered on the product's page and in the cart, and one click takes all of it."""

import pytest
from playwright.sync_api import expect

from corner_shop import HABITS, product_id

pytestmark = pytest.mark.browser

COFFEE, COOKIES, SKIM = map(product_id, HABITS[2])


def added(page, address: str) -> list[dict]:
    guest = page.locator("#who").inner_text()
    events = page.request.get(f"{address}/v1/console/events").json()["events"]
    return [one for one in events if one.get("shopper_id") == guest and one["type"] == "add-to-cart"]


def test_one_click_takes_all_that_goes_with_a_product(visit, address):
    page = visit(f"/product/{COFFEE}")
    bundle = page.locator('.row[data-placement="together"] .bundle')
    expect(bundle).to_have_count(1)
    expect(bundle.locator(".total")).to_have_text("$13.17")
    expect(bundle).to_contain_text("Bought together in 90 baskets.")
    assert bundle.get_attribute("data-ids").split()[0] == COFFEE
    slate = page.locator('.row[data-placement="together"]').get_attribute("data-slate")
    with page.expect_response(lambda response: "/v1/events" in response.url and response.status == 202):
        bundle.get_by_role("button").click()
    expect(page.locator("#cart-count")).to_have_text("3")
    expect(page.locator(".toast")).to_contain_text("3 things are in your cart")
    expect(page.locator('.row[data-placement="cart"] .card[data-id]').first).to_be_visible()
    events = added(page, address)
    assert {event["product_id"] for event in events} == {COFFEE, COOKIES, SKIM}
    assert len(events) == 3
    assert {event["slate_id"] for event in events} == {slate}
    page.click("#cart")
    expect(page.locator(".lines li")).to_have_count(3)
    expect(page.locator(".bundle")).to_have_count(0)


def test_the_cart_offers_what_completes_it(visit, address):
    page = visit(f"/product/{COFFEE}", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    expect(page.locator(".bundle")).to_have_count(1)
    page.click("#add")
    page.click("#cart")
    bundle = page.locator('.row[data-placement="cart"] .bundle')
    expect(bundle).to_contain_text("Bought together with Dark roast coffee")
    assert set(bundle.get_attribute("data-ids").split()) == {COOKIES, SKIM}
    expect(bundle.locator(".total")).to_have_text("$5.18")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    bundle.get_by_role("button").click()
    expect(page.locator(".lines li")).to_have_count(3)
    expect(page.locator("#sum")).to_have_text("$13.17")
    assert len(added(page, address)) == 3
