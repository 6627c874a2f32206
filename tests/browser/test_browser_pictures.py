"""A visitor searches with a picture: chosen by keyboard, narrowed by words and filters, kept over a reload."""

import re
import subprocess
import sys

import pytest
from playwright.sync_api import expect

import picture_shop
from conftest import SERVE
from picture_shop import patch, png

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def patches(tmp_path_factory):
    """Where a shop with pictures answers."""
    home = tmp_path_factory.mktemp("browser-pictures") / "patches"
    picture_shop.build(home, 40).close()
    process = subprocess.Popen([sys.executable, "-u", "-c", SERVE, str(home)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield re.search(r"http://[\d.:]+", process.stdout.readline())[0]
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture
def page(browser, patches):
    context = browser.new_context()
    opened = context.new_page()
    opened.on("filechooser", lambda _: None)  # from now on no dialogue of the system opens
    opened.goto(patches + "/")
    yield opened
    context.close()


def choose(page, content):
    page.focus("#camera")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files({"name": "photo.png", "mimeType": "image/png", "buffer": content})


def test_a_picture_is_chosen_by_keyboard_and_narrowed_by_words(page):
    camera = page.get_by_role("button", name="Search with a picture")
    expect(camera).to_be_visible()
    choose(page, png(patch("red", "round", 900).resize((1600, 1200))))
    expect(page.get_by_alt_text("Your picture")).to_be_visible()
    expect(page.locator(".grid .title").first).to_contain_text("Red")
    expect(page.locator(".grid .tile img").first).to_have_attribute("src", re.compile(r"^/v1/products/p\d+/picture"))
    page.fill("#q", "round")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("“round”")
    for title in page.locator(".grid .title").all_text_contents():
        assert "round" in title
    page.reload()
    expect(page.get_by_alt_text("Your picture")).to_be_visible()
    page.get_by_role("link", name="Search without the picture").click()
    expect(page.get_by_alt_text("Your picture")).to_have_count(0)
    expect(page.locator("h1")).to_have_text("“round”")


def test_what_is_no_picture_is_said(page):
    expect(page.locator("#camera")).to_be_visible()
    choose(page, b"Dear shop,")
    expect(page.locator(".toast")).to_contain_text("no picture")


def test_what_looks_like_a_product(page, patches):
    page.goto(patches + "/product/p001")
    page.get_by_role("link", name="What looks like this").click()
    expect(page.locator(".asked")).to_contain_text("most alike first")
    assert "/product/p001" not in [link.get_attribute("href") for link in page.locator(".grid a").all()]


def test_a_shop_without_pictures_has_no_camera(visit):
    page = visit("/")
    expect(page.locator("#q")).to_be_visible()
    page.wait_for_load_state("networkidle")
    expect(page.locator("#camera")).to_be_hidden()
