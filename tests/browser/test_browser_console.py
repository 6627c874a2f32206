"""The shopkeeper's side, section by section."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("section", "title"),
    [
        ("learned", "What was learned"),
        ("quality", "Quality"),
        ("lists", "Lists"),
        ("rules", "Rules"),
        ("judge", "Judge"),
        ("shopper", "Shopper view"),
        ("health", "Data health"),
        ("searches", "Searches"),
        ("events", "Event debugger"),
        ("system", "System"),
    ],
)
@pytest.mark.parametrize("width", [1280, 390])
def test_every_section_draws(visit, section, title, width):
    page = visit(f"/console/{section}", viewport={"width": width, "height": 900})
    expect(page.locator("main h1")).to_have_text(title)
    expect(page.locator("main")).not_to_contain_text("undefined")
    expect(page.locator("main")).not_to_contain_text("[object Object]")
    expect(page.locator("main")).not_to_contain_text("NaN")
    expect(page.locator('#sections [aria-current="page"]')).to_have_text(title)
    if width == 390:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_training_report_shows_data_parts_and_weights(visit):
    page = visit("/console")
    expect(page.locator(".figures")).to_contain_text("48")
    assert page.locator("table tbody tr").count() >= 4
    assert page.locator(".bars li").count() >= 3


def test_the_shopper_view_shows_lanes_and_terms(visit):
    page = visit("/console/shopper?shopper=s3")
    expect(page.locator(".lane.final li").first).to_be_visible()
    assert page.locator(".lane").count() >= 3
    assert page.locator(".lane.final .stack i").count() >= 1
    page.fill('input[name="shopper"]', "s0")
    page.press('input[name="shopper"]', "Enter")
    expect(page).to_have_url(re.compile("shopper=s0$"))


def test_sections_change_without_a_reload(visit):
    page = visit("/console")
    page.evaluate("window.stayed = true")
    page.locator("#sections a", has_text="System").click()
    expect(page.locator("main h1")).to_have_text("System")
    page.go_back()
    expect(page.locator("main h1")).to_have_text("What was learned")
    assert page.evaluate("window.stayed") is True


def test_the_api_page_answers_a_call(visit):
    page = visit("/docs")
    section = page.locator("#POST-v1-search")
    section.locator("textarea").fill('{"query": "milk", "k": 1}')
    section.locator("button").click()
    expect(section.locator("pre")).to_contain_text("slate_id")


def test_a_knob_is_tried_put_in_force_and_taken_back(visit):
    page = visit("/console/lists?placement=home&shopper=s3")
    expect(page.locator(".pair li").first).to_be_visible()
    expect(page.locator("#force")).to_be_disabled()
    dial = page.locator("#knob-personal")
    dial.focus()
    dial.press("Home")
    expect(page.locator('output[for="knob-personal"]')).to_have_text("0")
    expect(page.locator(".lane.final .move", has_text=re.compile("new|up|down")).first).to_be_visible()
    shown = page.locator(".lane.final li > span:first-child")
    turned = shown.all_inner_texts()
    page.locator("#force").click()
    expect(page.get_by_role("button", name=re.compile("Back to 100"))).to_be_visible()
    expect(page.locator("#force")).to_be_disabled()
    expect(shown).to_have_text(turned)
    expect(page.locator(".pair .lane").first.locator("li > span:first-child")).to_have_text(turned)
    page.reload()
    expect(page.locator('output[for="knob-personal"]')).to_have_text("0")
    page.get_by_role("button", name=re.compile("Back to 100")).click()
    page.locator("#force").click()
    expect(page.locator('output[for="knob-personal"]')).to_have_text("100")
    expect(page.locator("main")).to_contain_text("back to mercato.toml")


@pytest.mark.train
def test_what_knobs_cost_is_measured_from_the_page(visit):
    page = visit("/console/lists?placement=discover&shopper=s3")
    expect(page.locator("main")).to_contain_text("Not measured yet")
    page.get_by_role("button", name="Measure").click()
    expect(page.get_by_role("button", name="Measure again")).to_be_enabled(timeout=120_000)
    rows = page.locator("table", has_text="NDCG@10").locator("tbody tr")
    expect(rows).to_have_count(16)
    expect(rows.first).to_contain_text("nearest to where you are")
    page.locator("#knob-personal").press("Home")
    expect(rows.filter(has_text="Personal 0")).to_contain_text("nearest to where you are")
    page.set_viewport_size({"width": 390, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
