"""Fixtures for all tests, and the check that a run leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import psutil
import pytest

import raycontext
from raycontext.sdk.connection import Connection

from .forked import COMMANDS
from .selection import pytest_collection_modifyitems, pytest_sessionfinish  # noqa: F401 - hooks
from .waiting import PATIENCE, WAIT_SECONDS

# All temporary files of the run, those of subprocesses too, lie in one folder, so that what is left can be seen.
# Its path is short, since Ray puts sockets below it: that of a pytest-xdist worker lies beside that of its parent.
BESIDE = Path(tempfile.gettempdir()).parent if "PYTEST_XDIST_WORKER" in os.environ else None
TEMPORARY = Path(tempfile.mkdtemp(prefix="rct-", dir=BESIDE))
tempfile.tempdir = os.environ["TMPDIR"] = str(TEMPORARY)
STATE = TEMPORARY / "state"
os.environ["XDG_STATE_HOME"] = str(STATE)  # what this user has chosen is noted there
os.environ["RAYCONTEXT_DAEMON"] = "off"  # the tests of the daemon start their own
os.environ.update(PATIENCE)

# Bytecode is kept, whatever the shell says: else each program that a test starts compiles the package anew, and each
# process of the run compiles all tests.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# In this process nothing waits for the disk, which is half of the time of an index run. Programs that tests start do.
os.fsync = lambda descriptor: os.fstat(descriptor) and None

# A machine may be slow: no test asserts a time.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


def pytest_configure() -> None:
    """Compile the kernels anew where a source is newer, so that tests never run with old ones."""
    if "PYTEST_XDIST_WORKER" not in os.environ:  # the workers' parent has done it
        subprocess.run([sys.executable, str(Path(__file__).parents[1] / "compile_kernels.py")], check=True)


def pytest_unconfigure() -> None:
    shutil.rmtree(TEMPORARY, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """No process and no temporary file of ours outlives the test run."""
    yield
    COMMANDS.end()
    deadline = time.monotonic() + WAIT_SECONDS
    while (children := psutil.Process().children(recursive=True)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not children, f"processes left behind: {[child.cmdline() for child in children]}"
    left = [path.name for path in TEMPORARY.iterdir() if path != STATE and not path.name.startswith("pytest-of-")]
    assert not left, f"files left behind: {left}"


@pytest.fixture(scope="session")
def local_ray() -> Iterator[None]:
    """One Ray for all tests that need one; connections use it and leave it running."""
    with raycontext.connect(root=tempfile.gettempdir(), runtime="ray", workers=2):
        yield


RUNTIMES = (
    "inline",
    pytest.param("processes", marks=pytest.mark.process),
    pytest.param("ray", marks=pytest.mark.ray),
)
"""All runtimes: a behaviour must be the same on each."""


@pytest.fixture(params=RUNTIMES)
def runtime(request: pytest.FixtureRequest) -> str:
    """Each of the runtimes."""
    if request.param == "ray":
        request.getfixturevalue("local_ray")
    return str(request.param)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder for collections."""
    return tmp_path / "root"


@pytest.fixture
def connection(root: Path, runtime: str) -> Connection:
    return raycontext.connect(root=root, runtime=runtime, workers=2)  # type: ignore[arg-type]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A small project in several languages."""
    return write_shop(tmp_path / "shop")


def write_shop(place: Path) -> Path:
    """Write the small project of `source`; returns its place."""
    write_tree(
        place,
        {
            "shop/cart.py": CART,
            "shop/payment.py": PAYMENT,
            "web/router.js": ROUTER,
            "core/ledger.go": LEDGER,
            "README.md": README,
        },
    )
    return place


def write_tree(place: Path, files: dict[str, str | bytes]) -> None:
    """Write files, making their folders."""
    for name, content in files.items():
        target = place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)


def settle(place: Path) -> None:
    """Set the times of all files back, so that none was changed within the granularity of a snapshot."""
    past = time.time() - 60
    for folder, _, names in os.walk(place):
        for name in names:
            os.utime(Path(folder) / name, (past, past), follow_symlinks=False)


CART = '''"""The shopping cart."""

from shop.payment import charge_card

DISCOUNT_LIMIT = 0.3


class ShoppingCart:
    """Articles that a customer wants to buy."""

    def __init__(self, owner):
        self.owner = owner
        self.articles = []

    def add_article(self, article, quantity=1):
        """Put an article into the cart."""
        self.articles.append((article, quantity))

    def total_price(self):
        """Sum of the prices of all articles."""
        return sum(article.price * quantity for article, quantity in self.articles)

    def check_out(self, card):
        """Pay for everything in the cart."""
        return charge_card(card, self.total_price())
'''
PAYMENT = '''"""Payment by credit card."""


class CardDeclined(Exception):
    """The bank said no."""


# Talks to the bank; retried by the caller.
def charge_card(card, amount):
    if amount > card.limit:
        raise CardDeclined(card.number)
    return card.bank.transfer(amount)


def refund(card, amount):
    """Give the money back."""
    return card.bank.transfer(-amount)
'''
ROUTER = """// Maps URLs to handlers.
export class UrlRouter {
  constructor() {
    this.routes = new Map();
  }

  registerRoute(pattern, handler) {
    this.routes.set(pattern, handler);
  }

  dispatchRequest(request) {
    const handler = this.routes.get(request.path);
    if (!handler) throw new Error("not found");
    return handler(request);
  }
}

export const createRouter = () => new UrlRouter();
"""
LEDGER = """package core

// Ledger keeps all bookings.
type Ledger struct {
	bookings []Booking
}

// AppendBooking writes one booking at the end of the ledger.
func (l *Ledger) AppendBooking(b Booking) error {
	l.bookings = append(l.bookings, b)
	return nil
}

func (l *Ledger) Balance() int64 {
	var sum int64
	for _, b := range l.bookings {
		sum += b.Amount
	}
	return sum
}
"""
README = """# Shop

A small web shop.

## Installation

Run the installer and follow the wizard.
"""
