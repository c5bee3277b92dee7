"""Make a golden collection with the format that this version writes: `python tests/format/make_golden.py FOLDER`.

It is committed as `tests/format/golden/N` when format N is done, and never made again: later versions must open it.
Two shards, two versions, a file that was superseded, one that was skipped, one in Latin-1 and one with a token. The
source is recorded as `SOURCE`, so that nothing in it tells where it was made; its files are beside the collection.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import raycontext
from raycontext.store.collection import Collection, CollectionIdentity, Location
from raycontext.store.manifest import Manifest, manifest_name

SOURCE = "/golden/source"
NAME = "golden"

CART = '''"""The shopping cart."""


class ShoppingCart:
    """Articles that a customer wants to buy."""

    def total_price(self):
        """Sum of the prices of all articles."""
        return sum(article.price for article in self.articles)
'''
PAYMENT = '''"""Payment by credit card."""


# Talks to the bank; retried by the caller.
def charge_card(card, amount):
    return card.bank.transfer(amount)
'''
NOTES = """# Notes

## Opening hours

The shop is open all night. Öffnungszeiten: immer.
"""
# Since format 4 files may be in any encoding, and secrets are redacted.
LATIN = "# Prüft, ob die Größe in Zoll oder in Zentimetern steht.\ndef is_inch(size):\n    return size.unit == 'in'\n"
TOKEN = "ghp_" + "7Qx2mB9vLk4Tz8RwYd3Hs6NfJc1Gp5Va0EuK"
SETTINGS = f"""# Where the stock is asked for.
STOCK_URL = "https://stock.example.org"
STOCK_TOKEN = "{TOKEN}"
"""
LOGO = b"\x89PNG\x00"


def make(folder: Path) -> None:
    """Write `collection`, `source` below a new folder."""
    source = folder / "source"
    source.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        with raycontext.connect(root=root, runtime="inline", workers=1) as context:
            for name, content in (("cart.py", CART), ("payment.py", PAYMENT), ("notes.md", NOTES)):
                (source / name).write_text(content, encoding="utf-8")
            (source / "sizes.txt").write_text(LATIN, encoding="latin-1")
            (source / "stock.py").write_text(SETTINGS, encoding="utf-8")
            (source / "logo.png").write_bytes(LOGO)
            _set_times(source)
            context.index(source, collection=NAME, num_shards=2)
            (source / "payment.py").write_text(PAYMENT.replace("transfer(amount)", "transfer(amount, retries=3)"))
            _set_times(source)
            context.index(source, collection=NAME)
        opened = Location(str(root), NAME).open()
        rewrite_source(opened, SOURCE)
        shutil.rmtree(root / NAME / "tmp", ignore_errors=True)
        shutil.copytree(root / NAME, folder / "collection" / NAME)


def rewrite_source(collection: Collection, source: str) -> None:
    """Have a collection, of which nothing is open, name another source."""
    identity = CollectionIdentity(collection.name, source, collection.identity().id)
    above: list[tuple[str, Manifest]] = []
    parent = ""
    for version in collection.versions():
        manifest = collection.manifest(version).model_copy(update={"source": source, "parent": parent})
        parent = manifest.checksum
        above.append((f"{collection.name}/manifests/{manifest_name(version)}", manifest))
    for name, manifest in above:
        collection.storage.delete(name)
        collection.storage.create(name, manifest.encode())
    collection.storage.delete(f"{collection.name}/COLLECTION.json")
    collection.storage.create(f"{collection.name}/COLLECTION.json", identity.encode())


def _set_times(folder: Path) -> None:
    for file in folder.iterdir():
        os.utime(file, (1_700_000_000, 1_700_000_000))


if __name__ == "__main__":
    make(Path(sys.argv[1]))
