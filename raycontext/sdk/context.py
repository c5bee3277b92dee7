"""The asynchronous interface of the SDK: a `Context` indexes, searches and reports on the collections of one root."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from raycontext.actors.coordinator import Coordinator
from raycontext.actors.looks import with_looks
from raycontext.discover.commits.names import is_name_of_commit
from raycontext.discover.freshness import checked
from raycontext.errors import InvalidInput
from raycontext.index.request import index_request, places_within, run_options
from raycontext.index.reuse.own_sources import was_own_source
from raycontext.models import IndexOptions, IndexReport, JobProgress, SearchFilters
from raycontext.models.hits import Hits
from raycontext.models.options import RunOptions
from raycontext.relations.diffs import CodeDiff, Side, changed_definitions
from raycontext.runtime.base import Runtime
from raycontext.sdk.access.commits import about_code
from raycontext.sdk.access.evaluation import CANDIDATE_FILES, HELD_OUT
from raycontext.sdk.access.grep import notes_on_pattern
from raycontext.sdk.access.refs import target_in
from raycontext.sdk.access.watching import WatchAccess
from raycontext.sdk.arguments import (
    MAX_LIMIT,
    check_limits,
    check_line,
    check_query,
    check_share,
    path_inside,
)
from raycontext.sdk.clients.several import AT_ONCE, answers, in_time, not_begun
from raycontext.sdk.clients.surroundings import with_context
from raycontext.sdk.filters import search_filters, within_source
from raycontext.search.query import SearchRequest
from raycontext.search.ranking.merge import MOST_FURTHER, merged
from raycontext.search.rows.filters import admitting

if TYPE_CHECKING:
    from raycontext.batch.entries import BatchEntry, BatchList
    from raycontext.batch.report import BatchReport, EntryOutcome

__all__ = ["Context"]


HITS_PER_DEFINITION = 3
"""Number of chunks that are looked for on each side for each definition that a diff may list."""


class Context(WatchAccess):
    """Access to the collections of one root. Made by `async with raycontext.connect() as context`."""

    async def index(
        self,
        source: str | Path,
        *,
        ref: str | None = None,
        collection: str | None = None,
        include: Iterable[str] | None = None,
        exclude: Iterable[str] | None = None,
        secrets: bool | None = None,
        language_of: Iterable[str] | None = None,
        max_file_bytes: int | None = None,
        num_shards: int | None = None,
        embedder: str | None = None,
        fork: bool | None = None,
        fork_from: str | None = None,
        max_embedding_tokens: int | None = None,
        retry_quarantined: bool | None = None,
        paths: Iterable[str | Path] | None = None,
        force: bool = False,
        on_progress: Callable[[JobProgress], None] | None = None,
    ) -> IndexReport:
        """Bring the index of a folder up to date, and create it when there is none.

        ref: branch, tag or commit of the git repository that `source` is, or lies in; a bare one will do. Its tree is
        then indexed as a checkout without filters would hold it, and only contents that no collection of the root has
        are read. The name is resolved at each call. The collection is that of the commit: it begins with the options of
        the folder's collection, and neither `collections()` nor `collections=["*"]` shows it.
        collection: name of the collection. The default is the collection of this source, or a new one named after the
        folder.
        include, exclude: globs in gitignore syntax, relative to the source. A file is indexed when it matches one of
        `include` (or `include` is empty), matches none of `exclude`, and no ignore file leaves it out. None keeps the
        globs that the collection was built with; `()` removes them.
        secrets: True also indexes files with keys and tokens. None keeps what the collection was built with. A change
        rebuilds it.
        language_of: entries GLOB=LANGUAGE, such as "*.inc=php": files that match the glob have the language. The last
        entry that matches counts. None takes `RAYCONTEXT_LANGUAGE_OF`, else keeps what the collection was built with;
        `()` removes them. A change rebuilds the collection.
        max_file_bytes: largest size of a file, in bytes. The default is that of the collection, else 4 MiB.
        num_shards: number of shards. The default is that of the collection, else 1. Another number rebuilds it.
        embedder: "static" is the table that ships with the package. "model2vec:FOLDER", "onnx:FOLDER" and
        "sentence-transformers:FOLDER" name a folder that holds a model and that every worker can read; nothing is
        downloaded. "openai:MODEL", "voyage:MODEL" and "ollama:MODEL", with or without "@URL", send the text of every
        chunk to a server. None takes `RAYCONTEXT_EMBEDDER`, else keeps what the collection was built with. Another
        embedder, or a model whose files have changed, rebuilds the collection.
        fork: False parses every new file. Otherwise files that another collection of the root holds with the same path
        and content are taken over from there: another worktree, clone or branch. The index is the same in either case.
        fork_from: name of the only collection to take files from. A new collection also begins with its options.
        max_embedding_tokens: largest cost of the run, in tokens of an embedding server. The run stops before it would
        cost more. None takes `RAYCONTEXT_MAX_EMBEDDING_TOKENS`; without that there is no limit.
        retry_quarantined: True tries the files in quarantine again, although their contents have not changed.
        paths: files and folders, absolute or relative to the source. Only they are looked at, which takes a fraction of
        a second for a tree of any size. A first run, or one with changed options, looks at the whole source. Calls with
        the same options that come before a run reads the source share it, and its report; later ones share the next.
        force: True builds the index anew, as another embedder does. The old index answers until the new one is
        committed, and stays when the run fails or is cancelled.
        on_progress: function that is called a few times a second with the progress of the run.

        Raises `RootNotFound`, `CollectionExists`, `InvalidInput`, `StorageError`, `JobFailed`, `JobCancelled` or
        `RuntimeUnavailable`; with an embedding server also `EmbeddingFailed` or `EmbeddingBudgetExceeded`. What was
        committed before an error stays, and the next call continues from there.
        """
        request = await asyncio.to_thread(
            index_request,
            self._settings,
            source,
            collection,
            run_options(
                include=include,
                exclude=exclude,
                secrets=secrets,
                language_of=language_of,
                max_file_bytes=max_file_bytes,
                num_shards=num_shards,
                embedder=embedder,
                fork=fork,
                fork_from=fork_from,
                max_embedding_tokens=max_embedding_tokens,
                retry_quarantined=retry_quarantined,
            ),
        )
        request = request._replace(force=force)
        if ref is not None:
            if collection is not None or paths is not None:
                raise InvalidInput("Both a ref and a collection or paths are given", "A commit has its own collection.")
            target = await asyncio.to_thread(target_in, request.source, ref)
            request = request._replace(source=target.source, collection=target.collection)
            collection = target.collection
        if paths is not None:
            request = request._replace(places=places_within(request.source, paths))
            if not request.places:
                raise InvalidInput("The argument paths is empty", "Leave it out to look at the whole source.")
        run = (await self._coordinator()).call(Coordinator.index, request)
        report = await self._followed(run, request.source, collection, on_progress)
        if ref is not None:
            await self._note_complete(target)
        return report

    async def batch(
        self,
        batch: BatchList,
        *,
        on_outcome: Callable[[EntryOutcome], None] | None = None,
        stop: asyncio.Event | None = None,
    ) -> BatchReport:
        """Bring the index of many sources up to date, several at a time. Each is indexed as `index` would do it.

        A source that fails does not stop the others. A run that was ended early continues where it was, in this process
        or in another one. When another process works on the same list, the two share the run.

        batch: list of sources, read by `raycontext.read_batch_list`.
        on_outcome: function that is called with the outcome of each source.
        stop: event that ends the run early. Sources that run are then cancelled, and the report says what is done.

        Raises `InvalidInput`, or `StorageError` when the records of the run cannot be written to the root.
        """
        from raycontext.batch.run import BatchDriver

        self._check_open()

        async def index(entry: BatchEntry, tree: str) -> IndexReport:
            report = await self.index(tree, collection=entry.name, **entry.given())
            return await self._with_history(report, entry.history)

        return await BatchDriver(index, self._runtime, self._root, batch, on_outcome, self._storage_options).run(stop)

    async def search(
        self,
        query: str,
        *,
        collection: str | None = None,
        collections: Iterable[str] = (),
        path: str | Path | None = None,
        ref: str | None = None,
        changed: str | None = None,
        commits: bool = False,
        limit: int = 10,
        languages: Iterable[str] = (),
        paths: Iterable[str] = (),
        kinds: Iterable[str] = (),
        grep: str = "",
        min_score: float = 0.0,
        diversity: float | None = None,
        explain: bool = False,
        context: bool = False,
        refresh: bool | None = None,
    ) -> Hits:
        """Return the chunks that answer a question or hold a symbol, best first, and how complete and how old they are.

        collection: name of the collection. Without name and place, the collection of the current folder is searched, or
        the only one that there is.
        collections: names of several collections, or ["*"] for all of the root, instead of `collection` and `path`.
        Their hits are merged by score. One that cannot be searched is named in the notes of the answer.
        path: file or folder: only what lies in it is searched. Without a name, the collection is the one whose folder
        holds it; with `collection` it may be relative to that collection's folder.
        ref: branch, tag or commit of the git repository of the collection, the path or the current folder. Its tree is
        searched in place of the folder; it is indexed first where it is not (see `index`).
        changed: "A..B", two branches, tags or commits: only chunks with lines of B that A has not; A...B: since a fork.
        commits: True finds commits of the git history instead of code, by message and touched files (`Hits.commits`).
        The first such search of a collection reads them, later ones only new ones; `paths` and `path` filter them.
        limit: largest number of hits, 1 to 1000.
        languages, paths, kinds: filters that hold before the ranking: languages by their names, common aliases or
        extensions; globs in gitignore syntax, relative to the source or absolute, of which `!` excludes; values of
        `ChunkKind`.
        grep: regular expression in ripgrep's syntax: only chunks with a line that it matches are ranked, all of them.
        min_score: smallest final score of a hit.
        diversity: how much each further chunk of the same file loses, from 0 (nothing) to 1 (one chunk per file). None
        takes `RAYCONTEXT_DIVERSITY`, whose default is 0.5.
        explain: True adds to each hit what each feature contributed to its score (`Hit.explanation`).
        context: True makes the answer suffice: a definition that is a little longer than a chunk comes whole, and
        `Hits.surroundings` has the signatures of what the best hits call and of who calls them, and the outlines of
        their files; nothing comes twice.
        refresh: True looks first whether the source has changed, and indexes a few changed files before it searches, so
        that an edit is seen by the next search. A source of more than 5,000 files is for `watch`. The answer says how
        old it is (`Hits.age_seconds`) and whether files may be missing (`Hits.may_miss_files`). None takes
        `RAYCONTEXT_REFRESH`, whose default is true. Each hit says in any case whether its file has changed since it was
        indexed (`Hit.freshness`).

        Where the embedder of the collection is gone, or is another one by now, words alone decide, and a note says so.
        What has not answered within `RAYCONTEXT_SEARCH_SECONDS`, the start of actors included, is missing from the
        answer, which counts it (`Hits.shards_answered` of `Hits.shards_total`) and names it in a note.

        Raises `UnknownCollection`, `NotIndexedYet`, `PathNotFound`, `InvalidInput`, `StorageError` or
        `RuntimeUnavailable`; with `ref` also `RefNotFound`, `CommitUnreadable` and what `index` raises.
        """
        check_query(query)
        check_limits(limit, min_score)
        if commits and (context or diversity is not None):
            raise about_code()
        spread = check_share("diversity", self._settings.diversity if diversity is None else diversity)
        request = SearchRequest(
            text=query,
            filters=search_filters(languages, paths, kinds, grep),
            files=max(CANDIDATE_FILES, limit),
            rows=limit + MOST_FURTHER,
            repeat_factor=1.0 - spread,
            explain=explain,
        )
        if changed is not None:
            if ref is not None or collections:
                raise InvalidInput("A range of changes is given with a ref or several collections", "Give one of them.")
            differing = await self._changed(changed, collection, path)
            request = replace(request, filters=differing.among(request.filters))
            ref = None if collection is not None and is_name_of_commit(collection) else differing.after
        if ref is not None:
            collection, path = await self._indexed_at(ref, collection, tuple(collections), path)
            refresh = True
        several = tuple(collections)
        loop = asyncio.get_running_loop()
        until = loop.time() + self._settings.search_seconds
        try:
            async with asyncio.timeout_at(until):
                names, inside = await self._targets(collection, several, path)
        except TimeoutError:
            return not_begun(len(several))
        if commits:
            return await self._commits(names, inside, request, limit, min_score, refresh)
        begun = loop.time()
        looks = await self._looked(refresh, names)
        looked = loop.time() - begun
        until += looked

        async def searched(name: str) -> Hits:
            self._client(name).shares = len(names) > AT_ONCE
            # Scores of several collections are compared: there the package's weights count.
            wanted = request if several else await self._client(name).with_weights(request, until)
            return await self._searched(name, wanted, inside, limit, min_score, until)

        outcomes = await in_time(names, lambda name: self._answer_of(name, searched(name)), until)
        hits = merged(answers(names, outcomes, self._shards_of), limit)
        hits = hits.replaced(hits, notes_on_pattern(grep))
        if context:
            found = sorted({hit.collection for hit in hits})
            sources = {hit.collection: hit.source for hit in hits}
            hits = await with_context(hits, {name: self._client(name) for name in found}, sources)
        was_here = partial(was_own_source, self._root)
        return await asyncio.to_thread(checked, with_looks(hits, looks, looked), was_here)

    async def related(
        self,
        path: str | Path,
        line: int,
        *,
        collection: str | None = None,
        limit: int = 10,
        languages: Iterable[str] = (),
        paths: Iterable[str] = (),
        kinds: Iterable[str] = (),
        min_score: float = 0.0,
    ) -> Hits:
        """Return chunks similar to the one at a line of an indexed file, best first, without that chunk itself.

        Similarity counts the vectors and the rare terms that two chunks share.

        path: path of the file within an indexed folder. With `collection` it may be relative to that collection's
        folder, as `Hit.path` is.
        line: number of the line, from 1.
        collection, limit, languages, paths, kinds, min_score: like those of `search`.

        Raises what `search` raises, and `InvalidInput` when the file is not in the index.
        """
        check_limits(limit, min_score)
        check_line(line)
        filters = search_filters(languages, paths, kinds)
        identity = await self._identity(collection, None if collection is not None else path)
        inside = await asyncio.to_thread(path_inside, identity.source, path, collection is not None)
        filters = await asyncio.to_thread(within_source, filters, identity.source)
        related = self._client(identity.name).related(inside, line, filters, limit, min_score)
        hits = await self._in_time(identity.name, self._answer_of(identity.name, related))
        return await asyncio.to_thread(checked, hits, partial(was_own_source, self._root))

    async def diff(
        self,
        before: str,
        after: str,
        query: str,
        *,
        collection: str | None = None,
        path: str | Path | None = None,
        limit: int = 20,
        languages: Iterable[str] = (),
        paths: Iterable[str] = (),
        kinds: Iterable[str] = (),
    ) -> CodeDiff:
        """Return the definitions that differ between two commits, those first that are about a query.

        A definition is added, modified or removed by its path, its name and what it lies in; one that was renamed is
        removed and added. Both commits are indexed first where they are not (see `index`).

        before, after: branches, tags or commits of the repository of the collection, the path or the current folder.
        query: question, words or symbol, like that of `search`.
        collection, path, languages, paths: like those of `search`. kinds: kinds of definitions, values of `ChunkKind`.
        limit: largest number of definitions, 1 to 1000.

        Raises what `search` raises for a ref.
        """
        check_query(query)
        check_limits(limit, 0.0)
        wanted = search_filters((), (), kinds).kinds
        most = MAX_LIMIT if wanted else min(limit * HITS_PER_DEFINITION, MAX_LIMIT)  # what has another kind counts, too
        found = await self._changed(f"{before}..{after}", collection, path)
        back = await self._changed(f"{found.after}..{found.before}", collection, path)
        sides = []
        for ref, changed in ((found.before, back), (found.after, found)):
            name, inside = await self._indexed_at(ref, collection, (), path)
            hits = await self.search(
                query,
                collection=name,
                path=inside,
                changed=f"{changed.before}..{changed.after}",
                limit=most,
                languages=languages,
                paths=paths,
                diversity=0.0,
            )
            sides.append((name, hits, changed.added))
        files = sorted({hit.path for _, hits, _ in sides for hit in hits})
        outlines, late = await self._outlines_in_time([name for name, _, _ in sides], files)
        before_side, after_side = (
            Side([hit for hit in hits if hit.path not in late], lines, outlines[name]) for name, hits, lines in sides
        )
        definitions = changed_definitions(before_side, after_side, wanted, limit + 1)
        folder, place = await self._folder_of(collection, path)
        return CodeDiff(
            source=folder,
            before=found.before,
            after=found.after,
            definitions=tuple(definitions[:limit]),
            files=sum(map(admitting(SearchFilters(inside=place)), found.lines)),
            cut=len(definitions) > limit or bool(late) or any(len(hits) >= most for _, hits, _ in sides),
            notes=tuple(dict.fromkeys(note for _, hits, _ in sides for note in hits.notes)),
        )

    async def _indexed_at(
        self, ref: str, collection: str | None, collections: tuple[str, ...], path: str | Path | None
    ) -> tuple[str, str | None]:
        """Return the collection of the commit that a ref means, indexed, and the place in it that is meant."""
        if collections:
            raise InvalidInput("Both a ref and several collections are given", "Give a path or one collection.")
        target = await self._target_of(ref, collection, path)
        if not await self._is_complete(target):
            await self.index(target.source, collection=target.collection)
            await self._note_complete(target)
        return target.collection, target.inside or None

    async def _index_watched(
        self, collection: str, source: str, paths: tuple[str, ...], options: RunOptions
    ) -> IndexReport:
        report = await self.index(source, collection=collection, paths=paths or None, **options.given())
        if report.changed and collection in self._on_report:
            self._on_report[collection](report)
        return report

    async def _index_apart(self, root: str, runtime: Runtime, source: str, options: IndexOptions) -> None:
        other = Context(root, runtime, self._settings)
        given = {name: value for name, value in options if name in RunOptions.model_fields}
        try:
            await other.index(source, collection=HELD_OUT, **given)
        finally:
            await other._close()
