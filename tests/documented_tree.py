"""A made source tree whose functions are documented, for questions that are mined from it."""

from __future__ import annotations

from pathlib import Path

__all__ = ["THINGS", "write_shop"]

THINGS = ("parcel", "invoice", "ledger", "carrier", "voucher", "basket", "refund", "customs", "pallet", "depot")
DEEDS = (
    "counts",
    "prints",
    "weighs",
    "stores",
    "checks",
    "sorts",
    "marks",
    "sends",
    "opens",
    "seals",
    "lists",
    "moves",
)
HOMES = ("before noon", "after dark")


def write_shop(folder: Path) -> None:
    """Write 240 documented functions in 20 files."""
    for thing in THINGS:
        for number, home in enumerate(HOMES):
            code = "\n\n\n".join(
                f'def {deed[:-1]}_{number}(value):\n    """{deed} {home} every {thing} that comes to us."""\n'
                f"    found = {thing}_of(value)\n    {deed[:-1]}(found)\n    return found"
                for deed in DEEDS
            )
            folder.mkdir(exist_ok=True)
            (folder / f"{thing}_{number}.py").write_text(code + "\n")
