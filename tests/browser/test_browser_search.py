"""A visitor types, picks a suggestion by keyboard, and ticks several filters."""

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def total(page: Page) -> int:
    return int(page.locator("#total").get_attribute("data-total"))


def test_suggestions_come_in_groups_and_are_picked_by_keyboard(visit):
    page = visit("/", shopper="s0")
    page.fill("#q", "chees")
    groups = page.locator("#suggestions [role=group]")
    expect(groups).to_have_count(2)
    assert [group.get_attribute("aria-label") for group in groups.all()] == ["Shelves", "Products"]
    expect(groups.first.locator("[role=option]")).to_contain_text("Cheese")
    expect(groups.first.locator("[role=option]")).to_contain_text("Dairy")
    expect(groups.first.locator("b")).to_have_text("Chees")
    page.keyboard.press("ArrowUp")
    last = page.locator("#suggestions [role=option]").last
    expect(last).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Home")
    expect(page.locator("#option-0")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#suggestions [aria-selected=true]")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Cheese")
    expect(page.locator("#suggestions")).to_be_hidden()


def test_a_brand_is_suggested_with_a_misspelling_too(visit):
    page = visit("/")
    page.fill("#q", "natinoal")
    brand = page.locator('#suggestions [aria-label="Brands"] [role=option]')
    expect(brand).to_contain_text("National")
    brand.click()
    expect(page.locator(".results .chip")).to_have_text("National×")
    assert total(page) > 4


def test_an_empty_box_shows_what_is_popular_when_asked(visit):
    page = visit("/")
    page.focus("#q")
    expect(page.locator("#suggestions")).to_be_hidden()
    page.keyboard.press("ArrowDown")
    expect(page.locator('#suggestions [aria-label="Products"]')).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#suggestions")).to_be_hidden()


def test_several_values_of_a_field_are_ticked_one_after_the_other(visit):
    page = visit("/search?category=Dairy")
    sizes = page.locator(".facets section", has=page.locator("h2", has_text="Size"))
    expect(sizes.locator(".n")).to_have_count(4)
    counts = [int(text) for text in sizes.locator(".n").all_inner_texts()]
    everything = total(page)
    assert sum(counts) == everything
    sizes.locator("input").nth(0).check()
    expect(page.locator("#total")).to_have_attribute("data-total", str(counts[0]))
    expect(sizes.locator(".n")).to_have_count(4)
    sizes.locator("input").nth(1).check()
    expect(page.locator("#total")).to_have_attribute("data-total", str(counts[0] + counts[1]))
    expect(page.locator(".results .chip")).to_have_count(4)  # the shelf, two sizes, and all of them
    page.locator(".results .chip").last.click()
    expect(page.locator("#total")).not_to_have_attribute("data-total", str(counts[0] + counts[1]))


def test_a_price_range_in_the_address_leaves_its_upper_end_out_where_it_says_so(visit):
    page = visit("/search?category=Dairy&price=2.29-2.49")
    both = total(page)
    expect(page.locator('input[name="min"]')).to_have_value("2.29")
    expect(page.locator('input[name="max"]')).to_have_value("2.49")
    page = visit("/search?category=Dairy&price=2.29-<2.49")
    assert total(page) == both - 1
    expect(page.locator(".results .chip").nth(1)).to_have_text("$2.29 – $2.49×")
