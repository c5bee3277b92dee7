"""Border of segments: tables whose checksums are right and whose content is anything."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash

import raycontext
from raycontext.errors import CorruptSegment, StorageError
from raycontext.models import SearchFilters
from raycontext.search.query import SearchRequest
from raycontext.search.shard import ShardSearch
from raycontext.store.checking.verification import verify
from raycontext.store.collection import Collection
from raycontext.store.manifest import Manifest, SegmentReference, ShardManifest, manifest_name
from raycontext.store.segments.compaction import merge_segments
from raycontext.store.segments.segment import DESCRIPTION
from raycontext.store.storage.local import LocalStorage

from .border import Attempt, Border, mutated

__all__ = ["SEGMENTS"]

EXTREMES = (0, 1, 2, 127, 128, 255, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1)

BOMB_TEXT = "a" * (1 << 20)


@contextmanager
def segments(folder: Path) -> Iterator[Attempt]:
    """A crafted segment answers or is refused as `CorruptSegment`, in a search, a merge and a deep verification."""
    tree, root = folder / "tree", folder / "root"
    tree.mkdir()
    for number in range(6):
        text = f"import os\n\ndef price_{number}(cart):\n    return os.total(cart)\n\nclass Cart{number}:\n    pass\n"
        (tree / f"cart_{number}.py").write_text(text * 3)
    with raycontext.connect(root=root, runtime="inline", workers=1) as context:
        context.index(tree)
    collection = Collection(LocalStorage(root), "tree")
    intact = collection.latest()
    assert intact is not None
    reference = intact.segments[0]
    place = root / "tree/segments" / reference.name
    files = {file.name: file.read_bytes() for file in place.iterdir()}
    names = sorted(name for name in files if name.endswith(".arrow"))

    def attempt(random: Random) -> str:
        name, how = random.choice(names), random.choice(("values", "values", "shape", "bytes", "bomb"))
        changed = dict(files)
        changed[name] = mutated(files[name], random) if how == "bytes" else crafted(files[name], how, random)
        described(changed, name, reference)
        sealed = changed[DESCRIPTION]
        shutil.rmtree(place)
        place.mkdir()
        for file, content in changed.items():
            (place / file).write_bytes(content)
        of_it = reference.model_copy(update={"checksum": xxhash.xxh3_128_hexdigest(sealed)})
        manifest = intact.model_copy(update={"shards": (ShardManifest(segments=(of_it,)),)})
        (root / "tree/manifests" / manifest_name(intact.version)).write_bytes(manifest.encode())
        refused = used(collection, manifest)
        report = verify(collection, deep=True)
        assert report.damage or not refused, (name, "verify --deep calls it healthy")
        return f"{name}, {how}: {'refused' if refused else 'found by verify' if report.damage else 'read'}"

    yield attempt


def used(collection: Collection, manifest: Manifest) -> bool:
    """Search in a collection and merge its segments. Return whether anything was refused as damaged."""
    refused = False
    shard = ShardSearch(collection, 0)
    for filters in (SearchFilters(), SearchFilters(languages=("python",), paths=("*.py",), kinds=("function",))):
        request = SearchRequest("total price of the cart", filters, files=50, rows=200, deadline=time.time() + 1e6)
        try:
            shard.search(request, 20, 0.0)
        except CorruptSegment:
            refused = True
    try:
        merged = merge_segments(
            collection.storage,
            collection.name,
            manifest.segments,
            embedder=manifest.embedder,
            chunker=manifest.chunker,
        )
    except StorageError:
        refused = True
    else:
        if merged is not None:
            collection.storage.remove(f"{collection.name}/segments/{merged.name}")
    return refused


def described(changed: dict[str, bytes], name: str, reference: SegmentReference) -> None:
    """Bring size and checksum of a file in the description up to date."""
    description: dict[str, Any] = json.loads(changed[DESCRIPTION])
    content = changed[name]
    description["objects"][name] = {"bytes": len(content), "checksum": xxhash.xxh3_128_hexdigest(content)}
    changed[DESCRIPTION] = json.dumps(description, sort_keys=True, separators=(",", ":")).encode()


def crafted(content: bytes, how: str, random: Random) -> bytes:
    """Return an Arrow file with odd values, with another shape, or with texts that expand to megabytes."""
    reader = pa.ipc.open_file(content)
    batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
    at = random.randrange(len(batches))
    batch = batches[at]
    column = random.randrange(batch.num_columns)
    name = batch.schema.field(column).name
    if how == "values":
        array = odd_values(batch.column(column), random)
        batches = [other.set_column(column, name, array) if other is batch else other for other in batches]
    elif how == "bomb":
        if pa.types.is_string(batch.column(column).type):
            texts = pa.array([BOMB_TEXT] * batch.num_rows, pa.string())
            batches = [other.set_column(column, name, texts) if other is batch else other for other in batches]
    else:
        match random.randrange(4):
            case 0:
                batches[at] = batch.slice(0, random.randint(0, max(0, batch.num_rows - 1)))
            case 1:
                batches = [other.drop_columns([name]) for other in batches]
            case 2:
                batches.insert(at, batch)
            case _:
                nulls = pa.nulls(batch.num_rows, batch.schema.field(column).type)
                batches = [other.set_column(column, name, nulls) if other is batch else other for other in batches]
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd" if how == "bomb" else None)
    with pa.ipc.new_file(sink, batches[at % len(batches)].schema, options=options) as writer:
        for other in batches:
            if other.schema == batches[at % len(batches)].schema:
                writer.write_batch(other)
    written: bytes = sink.getvalue().to_pybytes()
    return written


def odd_values(array: pa.Array, random: Random) -> pa.Array:
    """Return an array of the same type and length, of which one buffer holds odd values, offsets included."""
    buffers = array.buffers()
    candidates = [number for number, buffer in enumerate(buffers) if buffer is not None and buffer.size]
    if not candidates:
        return array
    chosen = random.choice(candidates)
    data = np.frombuffer(buffers[chosen], np.uint8).copy()
    width = random.choice([width for width in (1, 2, 4, 8) if width <= len(data)])
    view = data[: len(data) // width * width].view(f"u{width}")
    for _ in range(random.randint(1, 4)):
        view[random.randrange(len(view))] = random.choice(EXTREMES) % (1 << 8 * width)
    buffers[chosen] = pa.py_buffer(data.tobytes())
    if pa.types.is_dictionary(array.type):
        return pa.DictionaryArray.from_buffers(array.type, len(array), buffers[:2], array.dictionary)
    if array.type.num_fields:
        return array  # nested arrays are changed by their bytes
    try:
        return pa.Array.from_buffers(array.type, len(array), buffers)
    except pa.ArrowInvalid:  # such damage can only be made in the bytes
        return array


SEGMENTS = Border("segments", 60, segments)
