"""A visitor searches, filters, clicks, buys, and sees the next list answer to it."""

import re

import pytest
from playwright.sync_api import Page, expect

from corner_shop import product_id

pytestmark = pytest.mark.browser


def shown(page: Page, placement: str) -> list[str]:
    """Ids in a row, once it is there."""
    cards = page.locator(f'.row[data-placement="{placement}"] .card[data-id]')
    expect(cards.first).to_be_visible()
    return [card.get_attribute("data-id") for card in cards.all()]


def search(page: Page, text: str) -> None:
    page.fill("#q", text)
    page.press("#q", "Enter")
    expect(page.locator("h1")).to_have_text(f"“{text}”")


def total(page: Page) -> int:
    return int(page.locator("#total").get_attribute("data-total"))


def joined_events(page: Page, address: str) -> list[dict]:
    return page.request.get(f"{address}/v1/console/events").json()["events"]


def test_a_regular_sees_rows_with_reasons(visit):
    page = visit("/", shopper="s0")
    assert len(shown(page, "home")) >= 6
    assert product_id("Whole milk") in shown(page, "buy-again")
    assert not set(shown(page, "buy-again")) & set(shown(page, "discover"))
    reasons = page.locator('.row[data-placement="home"] .reason').all_inner_texts()
    assert any(reason.strip() for reason in reasons)
    page.locator('.row[data-placement="home"] .reason').first.click()
    popover = page.locator(".popover")
    expect(popover).to_be_visible()
    terms = [float(text) for text in popover.locator("dd").all_inner_texts()]
    assert sum(terms) == pytest.approx(float(popover.locator(".sum span").last.inner_text()), abs=0.002 * len(terms))
    page.keyboard.press("Escape")
    expect(popover).to_be_hidden()


def test_search_filter_sort_and_back(visit):
    page = visit("/")
    search(page, "cheese")
    everything = total(page)
    assert everything >= 4
    brand = page.locator(".facets label", has_text="National")
    promised = int(brand.locator(".n").inner_text())
    brand.locator("input").check()
    expect(page.locator(".chips .chip")).to_have_count(1)
    assert total(page) == promised == page.locator(".grid .card").count()
    other = page.locator(".facets label", has_text="Private").locator(".n").inner_text()
    assert promised + int(other) == everything
    page.focus("#sort")
    page.select_option("#sort", "price")
    expect(page.locator('.results[data-sort="price"]')).to_be_visible()
    expect(page.locator("#sort")).to_be_focused()
    prices = [float(text.strip("$")) for text in page.locator(".grid .price").all_inner_texts()]
    assert prices == sorted(prices)
    page.locator(".chips .chip").first.click()
    expect(page.locator("#total")).to_have_attribute("data-total", str(everything))
    page.go_back()
    expect(page.locator("#total")).to_have_attribute("data-total", str(promised))


def test_a_shelf_opens_level_by_level(visit):
    page = visit("/")
    page.locator("#shelves a", has_text="Dairy").click()
    expect(page.locator("h1")).to_have_text("Dairy")
    shelf = page.locator(".facets li.deep", has_text="Cheese")
    promised = int(shelf.locator(".n").inner_text())
    shelf.locator("a").click()
    expect(page.locator("h1")).to_have_text("Cheese")
    assert total(page) == promised == 4
    page.fill('input[name="max"]', "5")
    page.press('input[name="max"]', "Enter")
    expect(page.locator("#total")).to_have_attribute("data-total", "2")


def test_nothing_found_is_said_plainly(visit):
    page = visit("/search?q=qqqq")
    expect(page.locator(".nothing h2")).to_contain_text("nothing for “qqqq”")
    expect(page.locator('.row[data-placement="home"] .card[data-id]').first).to_be_visible()


def test_markup_in_a_query_stays_text(visit):
    page = visit("/search?q=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E")
    expect(page.locator("h1")).to_contain_text("<img src=x onerror=alert(1)>")
    assert page.locator("main img").count() == 0


def test_a_newcomer_buys_and_the_lists_answer(visit, address):
    page = visit("/")
    guest = page.locator("#who").inner_text()
    before = shown(page, "home")
    search(page, "spaghetti")
    page.locator(".grid .card > a").first.click()
    expect(page.locator("h1")).to_contain_text("Spaghetti")
    together = shown(page, "together")
    assert product_id("Tomato sauce") in together
    page.click("#add")
    expect(page.locator("#cart-count")).to_have_text("1")
    expect(page.locator('.row[data-placement="cart"] .card[data-id]').first).to_be_visible()
    page.locator(f'.row[data-placement="cart"] .card[data-id="{product_id("Tomato sauce")}"] .adder button').click()
    expect(page.locator("#cart-count")).to_have_text("2")
    page.click(".brand")
    assert shown(page, "home") != before
    expect(page.locator('.row[data-placement="home"] .changed')).to_contain_text("you added Tomato sauce")

    page.click("#cart")
    expect(page.locator(".lines li")).to_have_count(2)
    page.locator(".lines li", has_text="Spaghetti").get_by_label(re.compile("^More")).click()
    expect(page.locator("#sum")).to_have_text("$5.27")
    page.click("#checkout")
    expect(page.locator("h1")).to_have_text("Thank you")
    assert set(shown(page, "buy-again")) == {product_id("Spaghetti"), product_id("Tomato sauce")}
    expect(page.locator("#cart-count")).to_be_hidden()

    mine = [event for event in joined_events(page, address) if event.get("shopper_id") == guest]
    types = {event["type"] for event in mine}
    assert types >= {"home-page-view", "search", "detail-page-view", "add-to-cart", "purchase-complete"}
    assert not [event for event in mine if event["outcome"] == "rejected"]
    bought = [event for event in mine if event["type"] == "purchase-complete" and event["outcome"] == "accepted"]
    assert sorted(event["quantity"] for event in bought) == [1, 2]
    joined = {event["type"]: event["joined"] for event in mine if event["joined"]}
    assert joined["detail-page-view"] == {"placement": "search", "query": "spaghetti", "position": 0}


def test_another_shopper_sees_another_shop(visit):
    page = visit("/")
    as_guest = shown(page, "home")
    page.click("#shopper")
    page.fill('#shopper-drawer input[type="search"]', "s3")
    page.locator('#shopper-drawer [data-shopper="s3"]').click()
    expect(page.locator("#who")).to_have_text("s3")
    expect(page.locator(".greeting")).to_contain_text("by s3")
    assert product_id("Cola soda") in shown(page, "buy-again")
    assert shown(page, "home") != as_guest
    page.click("#shopper")
    expect(page.locator("#shopper-drawer .stats")).to_contain_text("purchases")
    page.click("#new-shopper")
    expect(page.locator("#who")).to_contain_text("guest-")


def test_events_survive_a_server_that_does_not_answer(visit, address):
    page = visit("/")
    shown(page, "home")
    guest = page.locator("#who").inner_text()
    page.route("**/v1/events", lambda route: route.abort())
    with page.expect_event("requestfailed"):
        page.locator(".adder button").first.click()
    page.unroute("**/v1/events")
    with page.expect_response(lambda response: "/v1/events" in response.url and response.status == 202):
        page.reload()
    mine = [event for event in joined_events(page, address) if event.get("shopper_id") == guest]
    kept = [event for event in mine if event["outcome"] == "accepted"]
    assert [event["type"] for event in kept].count("add-to-cart") == 1


def test_the_keyboard_alone_is_enough(visit):
    page = visit("/")
    shown(page, "home")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("chees")
    expect(page.locator("#suggestions")).to_be_visible()
    expect(page.locator("#q")).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Escape")
    expect(page.locator("#suggestions")).to_be_hidden()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#suggestions")).to_be_visible()
    options = page.locator("#suggestions [role=option]").count()
    for _ in range(options):
        page.keyboard.press("ArrowDown")
    active = page.locator("#q").get_attribute("aria-activedescendant")
    expect(page.locator(f"#{active}")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("cheese", ignore_case=True)
    expect(page.locator("h1")).to_be_focused()
    page.locator("#add").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#cart-count")).to_have_text("1")
    page.locator("#cart").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#checkout")).to_be_visible()
    page.locator("#shopper").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#shopper-drawer")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#shopper-drawer")).to_be_hidden()


def test_on_a_phone(visit):
    page = visit("/", shopper="s1", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    shown(page, "home")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    search(page, "milk")
    expect(page.locator("#filters")).to_be_hidden()
    page.locator(".openfacets").click()
    expect(page.locator("#filters")).to_be_visible()
    page.locator("#filters label", has_text="National").locator("input").check()
    expect(page.locator(".closefacets")).to_be_visible()
    page.locator(".closefacets").click()
    expect(page.locator("#filters")).to_be_hidden()
    assert page.locator(".grid .card").count() == total(page)
    page.locator(".grid .adder button").first.click()
    page.locator(".grid .card > a").first.click()
    expect(page.locator("#add")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("#cart").click()
    expect(page.locator("#checkout")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
