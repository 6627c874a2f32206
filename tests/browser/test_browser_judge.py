"""Judging search in the console: a set is written, products get grades, search is turned, and figures say what they
rest on."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def lane(page, side):
    return page.locator(".pair .lane").nth("AB".index(side))


def grade(page, side, place, grade):
    return lane(page, side).locator("li").nth(place).get_by_role("button", name=str(grade), exact=True)


def test_a_query_is_judged_and_search_turned(visit):
    page = visit("/console/judge?query=milk")
    expect(page.locator('textarea[name="queries"]')).to_have_value("milk")
    page.fill('input[name="set"]', "weekly")
    page.fill('textarea[name="queries"]', "milk\ncheese\nmilk")
    page.get_by_role("button", name="Write this set").click()
    expect(page.locator(".chip[aria-current]")).to_have_text("weekly (2)")
    expect(page.locator(".rests")).to_contain_text("No query has a product judged above 0 yet")

    grade(page, "A", 0, 3).click()
    expect(grade(page, "B", 0, 3)).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".rests")).to_contain_text("Rests on 1 of 2 queries")
    expect(page.locator(".rests")).to_contain_text("by hand 1, from clicks 0, model-made 0")
    grade(page, "B", 1, 2).click()
    expect(page.locator(".rests")).to_contain_text("by hand 2")
    grade(page, "A", 1, 2).click()
    expect(grade(page, "B", 1, 2)).to_have_attribute("aria-pressed", "false")
    expect(page.locator(".rests")).to_contain_text("by hand 1")

    page.get_by_label("Meaning beside words").uncheck()
    expect(lane(page, "A").locator(".move.out").first).to_have_text("gone")
    expect(lane(page, "B").locator("li")).not_to_have_count(10)
    expect(page.locator(".queries tr.ours td").last).not_to_have_text("100%")
    page.get_by_role("button", name="All back as served").click()
    expect(page.locator(".pair .move", has_text=re.compile(r"\w"))).to_have_count(0)

    page.get_by_role("button", name="Judge by model").click()
    expect(page.get_by_role("status").first).to_contain_text("cosine from")
    expect(page.locator(".rests")).to_contain_text("of sources that are not ticked are left out")
    expect(page.locator(".rests")).to_contain_text("model-made 0")
    page.get_by_label("Model-made").check()
    expect(page.locator(".rests")).not_to_contain_text("model-made 0")

    page.locator(".queries").get_by_role("button", name="cheese").click()
    expect(page.locator("h2", has_text="“cheese”")).to_be_visible()
    expect(page).to_have_url(re.compile("query=cheese"))
    page.reload()
    expect(page.locator("h2", has_text="“cheese”")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export").click()
    assert download.value.path().read_text(encoding="utf-8").startswith("query,product_id,grade,source,by,at\n")
    page.get_by_role("button", name="Delete this set").click()
    expect(page.locator(".chip")).to_have_text(["New set"])


def test_searches_without_clicks_lead_to_judging_and_fit_a_phone(visit, address):
    page = visit("/console/searches", viewport={"width": 390, "height": 900})
    for n in range(8):
        for query in ("pretzels", "spaghetti"):
            asked = {"query": query, "shopper": f"few{n}"}
            slate = page.request.post(f"{address}/v1/search", data=asked).json()
            if query == "spaghetti":
                event = {"type": "detail-page-view", "shopper_id": f"few{n}", "slate_id": slate["slate_id"]}
                event |= {"product_id": slate["items"][0]["id"], "position": 0}
                page.request.post(f"{address}/v1/events", data={"events": [event]})
    page.reload()
    row = page.locator("table").first.locator("tr", has_text="pretzels")
    expect(row).to_contain_text("0 (0%)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    row.get_by_role("link", name="Judge pretzels").click()
    expect(page.locator('textarea[name="queries"]')).to_have_value("pretzels")
    page.get_by_role("button", name="Add what shoppers ask").click()
    expect(page.locator('textarea[name="queries"]')).to_have_value(re.compile("spaghetti"))
    page.fill('input[name="set"]', "phone")
    page.get_by_role("button", name="Write this set").click()
    expect(page.locator(".grades").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Delete this set").click()
    expect(page.locator(".chip")).to_have_text(["New set"])
