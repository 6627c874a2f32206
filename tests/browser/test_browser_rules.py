"""The shopkeeper's rules in the console: written, tried out, switched off, and taken back."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def fieldset(page, name):
    return page.locator("fieldset").filter(has=page.locator("legend", has_text=name))


def test_a_rule_is_written_changed_and_taken_back(visit):
    page = visit("/console/rules")
    expect(page.locator(".empty").first).to_contain_text("No rules yet")
    page.get_by_role("link", name="New rule").click()
    expect(page.locator(".outcome")).to_contain_text("Say when")
    page.fill('input[name="id"]', "oat-first")
    page.fill('input[name="query"]', "milk")
    fieldset(page, "Pins").get_by_role("button", name="Add").click()
    page.get_by_label("Pinned product").fill("p3")
    page.get_by_label("Pinned product").blur()
    expect(fieldset(page, "Pins")).to_contain_text("Oat milk")
    page.fill('input[name="banner"]', "Milk week")
    page.fill('input[name="try"]', "milk")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".outcome")).to_contain_text("Banner: Milk week")
    expect(page.locator(".outcome .lane.final li").first).to_be_visible()

    page.locator("#save").click()
    row = page.locator("tbody tr", has_text="oat-first").first
    expect(row).to_contain_text("search for “milk”")
    expect(row).to_contain_text("pins 1 product")
    expect(row).to_contain_text("in force")
    row.get_by_role("button", name="Switch off").click()
    expect(row.locator(".mark").first).to_have_text("off")

    page.get_by_role("link", name="oat-first").click()
    expect(page.locator('input[name="banner"]')).to_have_value("Milk week")
    page.select_option('select[name="match"]', "contains")
    page.locator("#save").click()
    expect(row).to_contain_text("search with “milk”")
    row.get_by_role("button", name="Delete").click()
    expect(page.locator(".empty").first).to_contain_text("No rules yet")
    versions = page.locator("table").last.locator("tbody tr")
    expect(versions).to_have_count(4)
    expect(versions.first).to_contain_text("deleted oat-first")
    versions.nth(3).get_by_role("button", name="Go back to this").click()
    expect(page.locator("tbody tr", has_text="oat-first").first).to_contain_text("in force")
    page.locator("table").first.get_by_role("button", name="Delete").click()
    expect(page.locator(".empty").first).to_contain_text("No rules yet")


def test_a_rule_for_a_segment_and_a_list_is_kept_and_shown(visit):
    page = visit("/console/rules?rule=%2Bnew")
    lists = page.get_by_role("group", name="Lists")
    page.fill('input[name="id"]', "gold-home")
    lists.get_by_label("Home").check()
    expect(page.locator('input[name="query"]')).to_be_disabled()
    expect(page.locator('input[name="anchor"]')).to_be_hidden()
    lists.get_by_label("Search").uncheck()
    page.fill('input[name="segments"]', "vip , loyalty:gold,")
    fieldset(page, "Pins").get_by_role("button", name="Add").click()
    page.get_by_label("Pinned product").fill("p3")
    page.fill('input[name="banner"]', "For our best")
    page.select_option('select[name="list"]', "home")
    expect(page.locator('input[name="try"]')).to_be_hidden()
    page.fill('input[name="whom"]', "VIP")
    page.get_by_role("button", name="Show").click()
    outcome = page.locator(".outcome")
    expect(outcome).to_contain_text("Banner: For our best")
    expect(outcome.locator(".lane.final li").first).to_contain_text("Oat milk")
    expect(outcome.locator(".lane.final li").first).to_contain_text("pinned")

    page.locator("#save").click()
    row = page.locator("tbody tr", has_text="gold-home").first
    expect(row).to_contain_text("in Home for vip or loyalty:gold")
    page.get_by_role("link", name="gold-home").click()
    expect(page.locator('input[name="segments"]')).to_have_value("vip, loyalty:gold")
    expect(lists.get_by_label("Home")).to_be_checked()
    expect(page.locator('select[name="list"]')).to_have_value("home")
    lists.get_by_label("Similar").check()
    lists.get_by_label("Home").uncheck()
    page.fill('input[name="anchor"]', "categories = Dairy")
    page.fill('input[name="segments"]', "")
    page.locator("#save").click()
    expect(row).to_contain_text("in Similar starting from categories = Dairy")
    shop = page.url.removesuffix("/console/rules")
    page.goto(f"{shop}/product/p1")
    expect(page.locator('.row[data-placement="similar"] .banner')).to_have_text("For our best")
    page.goto(f"{shop}/console/rules")
    row.get_by_role("button", name="Delete").click()
    expect(page.locator(".empty").first).to_contain_text("No rules yet")


def test_what_cannot_be_read_is_said_before_it_is_sent(visit):
    page = visit("/console/rules?rule=%2Bnew")
    page.fill('input[name="within"]', "the sofas")
    page.locator("#save").click()
    expect(page.get_by_role("alert")).to_contain_text("is no filter")
    expect(page.locator(".empty").first).to_contain_text("is no filter")


def test_the_form_fits_a_phone(visit):
    page = visit("/console/rules?rule=%2Bnew", viewport={"width": 390, "height": 900})
    for name in ("Pins", "Boosts", "Synonyms"):
        fieldset(page, name).get_by_role("button", name="Add").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
