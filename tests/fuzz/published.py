"""Border of publications: targets that others have written, whatever their checksums."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import blake3
import xxhash

import raycontext
from raycontext.errors import PublicationRefused, StorageError
from raycontext.index.reuse.foreign_rows import ForeignRows
from raycontext.store.collection import Collection
from raycontext.store.manifest import encode_sealed
from raycontext.store.segments.file_texts import file_text
from raycontext.store.segments.segment import DESCRIPTION, Segment
from raycontext.store.sharing.publication import PublishedObject, content_of, publication_place
from raycontext.store.sharing.publishing import publish
from raycontext.store.sharing.pulling import LISTINGS, fetch_segments, newest_publication, stage_of
from raycontext.store.storage.local import LocalStorage
from raycontext.store.storage.memory import MemoryStorage
from raycontext.ulid import new_ulid

from .border import Attempt, Border, mutated
from .segments import crafted
from .stored import changed_somewhere

__all__ = ["PUBLICATIONS"]


@contextmanager
def publications(folder: Path) -> Iterator[Attempt]:
    """A target is refused in words, or rows are taken that show what the files of the tree say, and nothing else."""
    tree = folder / "tree"
    tree.mkdir()
    texts = {
        f"cart_{number}.py": f"import os\n\ndef price_{number}(cart):\n    return os.total(cart)\n"
        for number in range(6)
    }
    for name, text in texts.items():
        (tree / name).write_text(text)
    with raycontext.connect(root=folder / "root", runtime="inline", workers=1) as context:
        context.index(tree)
    collection = Collection(LocalStorage(folder / "root"), "tree")
    intact = MemoryStorage("target")
    publish(collection, intact)
    objects = {name: intact.read(name) for name in _all(intact)}
    wanted = [(name, xxhash.xxh3_128_digest(text.encode())) for name, text in texts.items()]

    def attempt(random: Random) -> str:
        how = random.choice(("fields", "fields", "bytes", "object", "swapped", "crafted", "crafted", "missing"))
        target = MemoryStorage("target", changed(objects, how, random))
        own = MemoryStorage("own")
        try:
            publication, _ = newest_publication(target, None)
            found = fetch_segments(own, "tree", target, publication, wanted)
        except (PublicationRefused, StorageError) as error:
            assert 20 < len(str(error)) < 20_000
            return f"{how}: refused"
        assert {name.partition("/")[0] for name in _all(own)} <= {stage_of("tree"), LISTINGS}
        taken = 0
        for known in found.known:
            segment = Segment(own, known.collection, known.segment)
            rows = ForeignRows(segment)
            for ordinal, place in zip(known.ordinals, known.places, strict=True):
                data = texts[wanted[place][0]].encode()
                if rows.are_of(ordinal, data):
                    assert file_text(segment, ordinal) == data
                    taken += 1
        return f"{how}: {'taken' if taken == len(wanted) else 'taken in part' if taken else 'none taken'}"

    yield attempt


def _all(storage: MemoryStorage, folder: str = "") -> list[str]:
    """Return the names of all objects of a storage."""
    found: list[str] = []
    for name in storage.list(folder):
        place = f"{folder}/{name}" if folder else name
        below = _all(storage, place)
        found += below or [place]
    return found


def changed(objects: dict[str, bytes], how: str, random: Random) -> dict[str, bytes]:
    """Return the objects of a target of which something is not as it was published."""
    changed = dict(objects)
    place = publication_place(1)
    if how == "bytes":
        name = random.choice(sorted(changed))
        changed[name] = mutated(changed[name], random)
    elif how == "missing":
        del changed[random.choice(sorted(changed))]
    elif how == "object":  # without a word in the publication
        name = random.choice([name for name in sorted(changed) if name != place])
        changed[name] = mutated(changed[name], random)
    elif how == "swapped":
        first, second = random.sample([name for name in sorted(changed) if name != place], 2)
        changed[first], changed[second] = changed[second], changed[first]
    else:
        document: dict[str, Any] = json.loads(changed[place])
        body = document[next(key for key, value in document.items() if isinstance(value, dict))]
        if how == "fields":
            body = changed_somewhere(body, random)
        else:
            reseal(changed, body["segments"][0], random)
        try:
            changed[place] = encode_sealed("publication", body)
        except (ValueError, UnicodeError):  # JSON has no such value
            changed[place] = b"{}"
    return changed


def reseal(objects: dict[str, bytes], segment: dict[str, Any], random: Random) -> None:
    """Replace an object of a segment by a crafted one, and all sizes, checksums and names that tell of it."""
    old = f"segments/{segment['folder']}"
    name = random.choice([name for name in sorted(segment["objects"]) if name.endswith(".arrow")])
    content = objects[f"{old}/{name}"]
    how = random.choice(("values", "values", "shape", "bomb", "bytes"))
    content = mutated(content, random) if how == "bytes" else crafted(content, how, random)
    parts = {each: objects[f"{old}/{each}"] for each in segment["objects"]}
    parts[name] = content
    description = json.loads(parts[DESCRIPTION])
    description["objects"][name] = {"bytes": len(content), "checksum": xxhash.xxh3_128_hexdigest(content)}
    parts[DESCRIPTION] = json.dumps(description, sort_keys=True, separators=(",", ":")).encode()
    told = {
        each: PublishedObject(bytes=len(data), blake3=blake3.blake3(data).hexdigest()) for each, data in parts.items()
    }
    segment["objects"] = {each: one.model_dump() for each, one in told.items()}
    segment["checksum"] = xxhash.xxh3_128_hexdigest(parts[DESCRIPTION])
    segment["folder"] = f"{content_of(told)}-{new_ulid()}"
    for each, data in parts.items():
        objects[f"segments/{segment['folder']}/{each}"] = data


PUBLICATIONS = Border("publications", 60, publications)
