"""The web page, in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

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


@pytest.fixture(scope="module")
def codes() -> OneUseCodes:
    return OneUseCodes()


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, codes: OneUseCodes) -> Iterator[str]:
    place = tmp_path_factory.mktemp("web")
    write_tree(place / "shop", {"cart.py": CART, "payment.py": PAYMENT, "banner.py": HOSTILE})
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
    expect(page.locator("#collections")).to_contain_text("3 files")
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
