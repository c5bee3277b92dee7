"""The web page, in a real browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from typing import Literal

import pytest
from playwright.sync_api import Browser, Error, Page, Route, expect, sync_playwright

from raycontext.models import ChunkKind
from raycontext.serve.http.token_exchange import OneUseCodes

from ..conftest import CART, PAYMENT, write_tree
from ..waiting import WAIT_SECONDS
from .http_server import guarded_server

pytestmark = pytest.mark.process

TOKEN = "t0ken-of-the-tests"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HOSTILE = "def render_banner():\n    return '<img src=x onerror=document.title=1><script>document.title=2</script>'\n"
ODD: dict[str, str] = {
    "with space/odd <b>name.py": "def spaced_out():\n    return 'a place with a space'\n",
    "reversed.py": 'def is_admin():\n    return "user\u202e \u2066// only for admins\u2069 \u2066"\n',
    "long.py": "def endless_line():\n    return '" + "wide " * 400 + "'\n",
    **{f"many/part{number}.py": f"def many_parts_{number}():\n    return {number}\n" for number in range(14)},
}


@pytest.fixture(scope="module")
def codes() -> OneUseCodes:
    return OneUseCodes()


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, codes: OneUseCodes) -> Iterator[str]:
    place = tmp_path_factory.mktemp("web")
    write_tree(place / "shop", {"cart.py": CART, "payment.py": PAYMENT, "banner.py": HOSTILE, **ODD})
    with guarded_server(place / "root", [place / "shop"], TOKEN, codes) as host:
        yield host


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    assert chromium, "This test needs Chromium: apt-get install chromium, or make test as root"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab that knows nothing of those before."""
    page = browser.new_page()
    yield page
    page.close()


def test_query_is_typed_and_its_results_are_read(page: Page, host: str, codes: OneUseCodes) -> None:
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"http://{host}/#code={codes.issue()}")
    assert page.url == f"http://{host}/"
    page.keyboard.type("where is a credit card charged?")  # the box has the focus
    page.keyboard.press("Enter")
    first = page.locator(".hit").first
    expect(first.locator(".symbol")).to_contain_text("charge_card", timeout=1000 * WAIT_SECONDS)
    expect(first.locator(".place")).to_contain_text("payment.py:")
    numbers = first.locator(".number").all_inner_texts()
    assert numbers == [str(int(numbers[0]) + step) for step in range(len(numbers))]
    code = first.locator(".code").all_inner_texts()
    line = next(index for index, text in enumerate(code) if "def charge_card" in text)
    assert PAYMENT.splitlines()[int(numbers[line]) - 1] == code[line]
    assert "card" in first.locator("mark").all_inner_texts()
    page.fill("#path", "cart.py")
    page.click("#search button")
    expect(page.locator(".hit .place").first).to_contain_text("cart.py:")
    expect(page.locator("#collections")).to_contain_text("20 files")
    expect(page.locator("#status")).to_contain_text("ready")
    assert problems == []


def test_text_of_a_file_is_never_read_as_html(page: Page, host: str, codes: OneUseCodes) -> None:
    page.goto(f"http://{host}/#code={codes.issue()}")
    page.fill("#query", "render_banner")
    page.press("#query", "Enter")
    expect(page.locator(".hit").first).to_contain_text("onerror=", timeout=1000 * WAIT_SECONDS)
    assert page.locator(".hit img, .hit script").count() == 0
    assert page.title() == "raycontext"


def test_code_opens_the_page_once_and_leaves_no_trace(page: Page, host: str, codes: OneUseCodes) -> None:
    code = codes.issue()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"http://{host}/#code={code}")
    expect(page.locator("#status")).to_contain_text("ready", timeout=1000 * WAIT_SECONDS)
    assert not [url for url in asked if code in url or TOKEN in url]
    assert page.evaluate("[document.cookie, localStorage.length, sessionStorage.getItem('token')]") == ["", 0, TOKEN]
    assert page.evaluate("location.hash") == ""
    page.evaluate("sessionStorage.clear()")
    page.goto("about:blank")
    page.goto(f"http://{host}/#code={code}")
    expect(page.locator("#told")).to_contain_text("used already", timeout=1000 * WAIT_SECONDS)
    expect(page.locator("#access")).to_be_visible()


@pytest.mark.parametrize("what", ["code", "token"])
def test_page_without_token_asks_for_one_and_not_again_and_again(
    page: Page, host: str, codes: OneUseCodes, what: str
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"http://{host}/")
    expect(page.locator("#access")).to_be_visible(timeout=1000 * WAIT_SECONDS)
    expect(page.locator("#status")).to_contain_text("token")
    before = len(asked)
    page.wait_for_timeout(3000)  # three times the pause of a page that polls; slowness cannot make it fail
    assert len(asked) == before
    page.fill("#secret", "nonsense")
    page.click("#access button")
    expect(page.locator("#told")).to_contain_text("neither a code", timeout=1000 * WAIT_SECONDS)
    page.fill("#secret", codes.issue() if what == "code" else TOKEN)
    page.press("#secret", "Enter")
    expect(page.locator("#status")).to_contain_text("ready", timeout=1000 * WAIT_SECONDS)
    expect(page.locator("#access")).to_be_hidden()


def test_pauses_grow_while_nothing_answers(page: Page, host: str, codes: OneUseCodes) -> None:
    page.goto(f"http://{host}/#code={codes.issue()}")
    expect(page.locator("#status")).to_contain_text("ready", timeout=1000 * WAIT_SECONDS)
    page.clock.install()
    asked: list[str] = []
    page.route("**/api/health", lambda route: (asked.append(route.request.url), route.abort()))
    page.reload()
    for _ in range(120):
        page.clock.run_for(1000)
        page.wait_for_timeout(10)
    assert 3 <= len(asked) <= 10  # after 0, 2, 6, 14, 30, 62 seconds, not 120 times


@pytest.fixture
def opened(page: Page, host: str, codes: OneUseCodes) -> Page:
    """The page with a token, and a check that nothing was thrown and no query went into an address."""
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: problems.append(request.url) if "shopping" in request.url else None)
    page.problems = problems  # type: ignore[attr-defined]
    page.goto(f"http://{host}/#code={codes.issue()}")
    expect(page.locator("#collections")).to_contain_text("files", timeout=1000 * WAIT_SECONDS)
    return page


def ask(page: Page, query: str) -> None:
    page.fill("#query", query)
    page.press("#query", "Enter")
    expect(page.locator("#told")).not_to_have_text("searching …", timeout=1000 * WAIT_SECONDS)


def test_every_kind_can_be_chosen(opened: Page) -> None:
    assert opened.locator("#kind option").all_inner_texts() == ["any", *ChunkKind]


def test_more_is_there_while_there_is_more_and_keeps_what_is_shown(opened: Page) -> None:
    expect(opened.locator("#more")).to_be_hidden()
    opened.fill("#limit", "5")
    ask(opened, "many_parts")
    hits = opened.locator(".hit .place")
    first = hits.all_inner_texts()
    assert len(first) == 5
    while opened.locator("#more").is_visible():
        count = hits.count()
        opened.click("#more")
        expect(opened.locator("#told")).not_to_have_text("searching …", timeout=1000 * WAIT_SECONDS)
        assert hits.count() >= count
    shown = hits.all_inner_texts()
    assert shown[:5] == first
    assert len(set(shown)) == len(shown) > 10
    assert opened.problems == []  # type: ignore[attr-defined]


def test_of_two_quick_searches_the_last_one_is_shown(opened: Page) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        if "first" in (route.request.post_data or ""):
            held.append(route)
        else:
            route.continue_()

    opened.route("**/api/search", hold)
    opened.fill("#query", "first many_parts")
    opened.press("#query", "Enter")
    ask(opened, "charge_card")
    expect(opened.locator(".hit .symbol").first).to_contain_text("charge_card")
    count = opened.locator(".hit").count()
    for route in held:
        with suppress(Error):  # the page has ended it
            route.continue_()
    opened.wait_for_timeout(300)
    assert opened.locator(".hit").count() == count
    assert opened.problems == []  # type: ignore[attr-defined]


def test_reload_back_and_a_shared_address_keep_the_query_and_no_server_is_told_it(opened: Page) -> None:
    opened.fill("#path", "with space/")
    ask(opened, "shopping place with a space")
    expect(opened.locator(".hit .place")).to_have_text(["with space/odd <b>name.py:1"])
    shared = opened.url
    opened.fill("#path", "")
    ask(opened, "charge_card")
    opened.reload()
    expect(opened.locator("#query")).to_have_value("charge_card")
    expect(opened.locator(".hit .symbol").first).to_contain_text("charge_card", timeout=1000 * WAIT_SECONDS)
    opened.go_back()
    expect(opened.locator("#query")).to_have_value("shopping place with a space")
    expect(opened.locator(".hit .place")).to_have_text(["with space/odd <b>name.py:1"], timeout=1000 * WAIT_SECONDS)
    assert opened.url == shared
    assert opened.problems == []  # type: ignore[attr-defined]


def test_no_hits_and_an_error_are_told_and_leave_no_old_hits(opened: Page) -> None:
    ask(opened, "charge_card")
    opened.fill("#path", "nowhere/")
    ask(opened, "charge_card")
    expect(opened.locator("#told")).to_contain_text("nothing found")
    expect(opened.locator(".hit")).to_have_count(0)
    opened.fill("#language", "nolang")
    ask(opened, "charge_card")
    expect(opened.locator("#told.wrong")).to_contain_text("nolang")
    expect(opened.locator("#more")).to_be_hidden()


def test_marks_that_reverse_text_are_shown_as_escapes(opened: Page) -> None:
    ask(opened, "is_admin")
    text = opened.locator(".hit").first.inner_text()
    assert "\\u{202e}" in text
    assert not {"\u202e", "\u2066", "\u2069"} & set(text)


def test_a_place_can_be_copied_and_opened_in_an_editor(opened: Page, host: str) -> None:
    opened.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=f"http://{host}")
    ask(opened, "spaced_out")
    hit = opened.locator(".hit").first
    assert hit.locator("a.place").count() == 0
    hit.locator(".copy").click()
    expect(hit.locator(".copy")).to_have_text("copied")
    copied = opened.evaluate("navigator.clipboard.readText()")
    assert copied.endswith("/with space/odd <b>name.py:1")
    opened.select_option("#opens", "vscode")
    link = hit.locator("a.place").get_attribute("href")
    assert link is not None
    assert link.startswith("vscode://file/")
    assert link.endswith("/with%20space/odd%20%3Cb%3Ename.py:1")
    opened.reload()
    expect(opened.locator("#opens")).to_have_value("vscode")


def test_names_lead_to_their_definitions_uses_callers_and_callees(opened: Page) -> None:
    ask(opened, "charge_card")
    hit = opened.locator(".hit").filter(has_text="def charge_card").first
    hit.locator("a.use", has_text="charge_card").first.click()
    panel = opened.locator("#panel")
    expect(panel.locator("#panel-title")).to_have_text("charge_card")
    expect(panel.locator("li").first).to_contain_text("payment.py:", timeout=1000 * WAIT_SECONDS)
    expect(panel).to_contain_text("Callers")
    panel.locator(".leads").first.click()
    expect(panel.locator("#panel-title")).to_have_text("charge_card", timeout=1000 * WAIT_SECONDS)
    hit.get_by_text("outline", exact=True).click()
    expect(panel.locator("#panel-title")).to_have_text("payment.py")
    expect(panel).to_contain_text("function charge_card", timeout=1000 * WAIT_SECONDS)
    assert hit.locator(".hljs-keyword").count() > 0
    opened.click("#panel-close")
    expect(panel).to_be_hidden()
    assert opened.problems == []  # type: ignore[attr-defined]


def test_a_link_of_ones_own_opens_places_and_never_runs_a_script(opened: Page) -> None:
    ask(opened, "spaced_out")
    opened.select_option("#opens", "own")
    opened.fill("#template", "edit://at?f={path}&l={line}")
    opened.press("#template", "Tab")
    link = opened.locator(".hit a.place").first.get_attribute("href")
    assert link is not None
    assert link.startswith("edit://at?f=/")
    assert link.endswith("/with%20space/odd%20%3Cb%3Ename.py&l=1")
    opened.reload()
    expect(opened.locator("#template")).to_have_value("edit://at?f={path}&l={line}")
    opened.fill("#template", "javascript:alert({line})")
    opened.press("#template", "Tab")
    ask(opened, "spaced_out")
    assert opened.locator(".hit a.place").count() == 0


def test_keyboard_alone_is_enough(opened: Page) -> None:
    opened.keyboard.press("/")
    opened.keyboard.type("many_parts")
    opened.keyboard.press("Enter")
    expect(opened.locator(".hit").first).to_be_visible(timeout=1000 * WAIT_SECONDS)
    opened.keyboard.press("ArrowDown")
    opened.keyboard.press("ArrowDown")
    assert opened.evaluate("[...document.querySelectorAll('.hit')].indexOf(document.activeElement)") == 1
    opened.keyboard.press("ArrowUp")
    opened.keyboard.press("ArrowUp")
    assert opened.evaluate("document.activeElement.id") == "query"


@pytest.mark.parametrize("width", [380, 1280])
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_everything_fits_on_any_screen(opened: Page, width: int, colours: Literal["light", "dark"]) -> None:
    opened.emulate_media(color_scheme=colours)
    opened.set_viewport_size({"width": width, "height": 800})
    ask(opened, "endless_line")
    for control in ("#query", "#search button", "#kind", "#limit", ".hit .copy"):
        box = opened.locator(control).first.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width, control
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    if folder := os.environ.get("PICTURES"):
        opened.screenshot(path=f"{folder}/{width}-{colours}.png")
