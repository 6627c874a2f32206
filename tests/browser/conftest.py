"""A shop served by its own process, and a real Chromium looking at it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

import corner_shop

SERVE = "import sys, mercato; from mercato.serve.run import run; run(mercato.open(sys.argv[1]), port=0)"


def chromium() -> Path:
    """The browser: CHROMIUM, or the system's. Without one, CI fails and everybody else skips."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if found and Path(found).exists():
        return Path(found)
    reason = "no Chromium here: install the system's, or name one in CHROMIUM"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium()
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=arguments)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the shop answers."""
    home = tmp_path_factory.mktemp("browser") / "corner"
    corner_shop.build(home).close()
    process = subprocess.Popen([sys.executable, "-u", "-c", SERVE, str(home)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield re.search(r"http://[\d.:]+", process.stdout.readline())[0]
    finally:
        process.terminate()
        process.wait(timeout=20)


Visit = Callable[..., Page]


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    """Open a path of the shop as a visitor with an empty memory; a script error or a refused style fails the test."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def listen(page: Page) -> None:
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if _is_wrong(said.type, said.text) else None)

    def open_page(path: str = "/", shopper: str = "", **device) -> Page:
        context = browser.new_context(
            **{"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce", **device}
        )
        contexts.append(context)
        if shopper:
            script = (
                f"localStorage.getItem('mercato.shopper') ?? localStorage.setItem('mercato.shopper', '\"{shopper}\"')"
            )
            context.add_init_script(script)
        page = context.new_page()
        page.set_default_timeout(10_000)
        listen(page)
        page.goto(address + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not wrong


def _is_wrong(kind: str, text: str) -> bool:
    """A newcomer is a 404 to the shopper route, and one test breaks the line; Chromium reports both as errors."""
    return kind == "error" and "404" not in text and "ERR_FAILED" not in text
