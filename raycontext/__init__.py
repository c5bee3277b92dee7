"""Semantic code search as a multiprocess actor system on Ray.

    import raycontext

    async with raycontext.connect() as context:
        await context.index("~/src/project")
        hits = await context.search("where are sessions stored?", path="~/src/project")

The names below are imported when they are first used, so that `import raycontext` costs next to nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers take it for true; `typing` itself would be 3 ms of every command
if TYPE_CHECKING:
    from typing import Any

    from raycontext.batch.entries import BatchEntry, BatchList, read_batch_list
    from raycontext.batch.report import BatchReport, EntryOutcome
    from raycontext.errors import (
        CollectionExists,
        CommitConflict,
        CommitUnreadable,
        ConfigurationError,
        CorruptArrays,
        CorruptManifest,
        CorruptSegment,
        DaemonFailed,
        DaemonStarting,
        DeadlineExceeded,
        EmbedderNotAllowed,
        EmbeddingBudgetExceeded,
        EmbeddingFailed,
        Fenced,
        FingerprintMismatch,
        InvalidInput,
        JobCancelled,
        JobFailed,
        KernelsMissing,
        NotIndexedYet,
        NotShared,
        Overloaded,
        PathNotAllowed,
        PathNotFound,
        PublicationRefused,
        RaycontextError,
        RefNotFound,
        RemoteError,
        RequestRefused,
        RootNotFound,
        RuntimeUnavailable,
        SourceUnavailable,
        StaleVersion,
        StorageError,
        StorageUnreachable,
        UnknownCollection,
        UnsafeStorage,
        UnsupportedFormat,
        VersionsDiffer,
    )
    from raycontext.evaluation.scoring import (
        Estimate,
        Evaluation,
        JudgedQueries,
        JudgedQuery,
        QueryOutcome,
        Summary,
        Target,
        read_judged,
    )
    from raycontext.evaluation.tuning import Tuning
    from raycontext.index.estimate import FolderSize, IndexEstimate
    from raycontext.models import (
        ActorStatus,
        ChunkKind,
        CollectionStatus,
        CollectionSummary,
        CommitHit,
        Freshness,
        Hit,
        IndexReport,
        JobProgress,
        PublishReport,
        PullReport,
        SkipReason,
    )
    from raycontext.models.hits import Hits, Searched, Surrounding
    from raycontext.relations.diffs import ChangedDefinition, CodeDiff
    from raycontext.relations.grep_answer import GrepAnswer
    from raycontext.relations.values import (
        Called,
        Certainty,
        Chain,
        CodeMap,
        Definition,
        Impact,
        MapEntry,
        Outline,
        OutlineEntry,
        Reached,
        Relations,
        UseSite,
    )
    from raycontext.sdk.connection import Connection, SyncContext, connect
    from raycontext.sdk.context import Context
    from raycontext.sdk.watching.watches import WatchState
    from raycontext.search.grep.values import GrepFile, GrepLine
    from raycontext.store.checking.reports import Damage, DamageKind, RepairReport, VerificationReport

__version__ = "0.1.0"

__all__ = [
    "ActorStatus",
    "BatchEntry",
    "BatchList",
    "BatchReport",
    "Called",
    "Certainty",
    "Chain",
    "ChangedDefinition",
    "ChunkKind",
    "CodeDiff",
    "CodeMap",
    "CollectionExists",
    "CollectionStatus",
    "CollectionSummary",
    "CommitConflict",
    "CommitHit",
    "CommitUnreadable",
    "ConfigurationError",
    "Connection",
    "Context",
    "CorruptArrays",
    "CorruptManifest",
    "CorruptSegment",
    "DaemonFailed",
    "DaemonStarting",
    "Damage",
    "DamageKind",
    "DeadlineExceeded",
    "Definition",
    "EmbedderNotAllowed",
    "EmbeddingBudgetExceeded",
    "EmbeddingFailed",
    "EntryOutcome",
    "Estimate",
    "Evaluation",
    "Fenced",
    "FingerprintMismatch",
    "FolderSize",
    "Freshness",
    "GrepAnswer",
    "GrepFile",
    "GrepLine",
    "Hit",
    "Hits",
    "Impact",
    "IndexEstimate",
    "IndexReport",
    "InvalidInput",
    "JobCancelled",
    "JobFailed",
    "JobProgress",
    "JudgedQueries",
    "JudgedQuery",
    "KernelsMissing",
    "MapEntry",
    "NotIndexedYet",
    "NotShared",
    "Outline",
    "OutlineEntry",
    "Overloaded",
    "PathNotAllowed",
    "PathNotFound",
    "PublicationRefused",
    "PublishReport",
    "PullReport",
    "QueryOutcome",
    "RaycontextError",
    "Reached",
    "RefNotFound",
    "Relations",
    "RemoteError",
    "RepairReport",
    "RequestRefused",
    "RootNotFound",
    "RuntimeUnavailable",
    "Searched",
    "SkipReason",
    "SourceUnavailable",
    "StaleVersion",
    "StorageError",
    "StorageUnreachable",
    "Summary",
    "Surrounding",
    "SyncContext",
    "Target",
    "Tuning",
    "UnknownCollection",
    "UnsafeStorage",
    "UnsupportedFormat",
    "UseSite",
    "VerificationReport",
    "VersionsDiffer",
    "WatchState",
    "__version__",
    "connect",
    "read_batch_list",
    "read_judged",
]

_HOMES = {
    "sdk.connection": ("Connection", "SyncContext", "connect"),
    "sdk.context": ("Context",),
    "sdk.watching.watches": ("WatchState",),
    "evaluation.scoring": (
        "Estimate",
        "Evaluation",
        "JudgedQueries",
        "JudgedQuery",
        "QueryOutcome",
        "Summary",
        "Target",
        "read_judged",
    ),
    "evaluation.tuning": ("Tuning",),
    "batch.entries": ("BatchEntry", "BatchList", "read_batch_list"),
    "batch.report": ("BatchReport", "EntryOutcome"),
    "store.checking.reports": ("Damage", "DamageKind", "RepairReport", "VerificationReport"),
    "models.hits": ("Hits", "Searched", "Surrounding"),
    "search.grep.values": ("GrepFile", "GrepLine"),
    "relations.diffs": ("ChangedDefinition", "CodeDiff"),
    "relations.grep_answer": ("GrepAnswer",),
    "index.estimate": ("FolderSize", "IndexEstimate"),
    "relations.values": (
        "Called",
        "Certainty",
        "Chain",
        "Definition",
        "Impact",
        "CodeMap",
        "MapEntry",
        "Outline",
        "OutlineEntry",
        "Reached",
        "Relations",
        "UseSite",
    ),
    "models": (
        "ActorStatus",
        "ChunkKind",
        "CollectionStatus",
        "CollectionSummary",
        "CommitHit",
        "Freshness",
        "Hit",
        "IndexReport",
        "JobProgress",
        "PublishReport",
        "PullReport",
        "SkipReason",
    ),
}
"""The modules of all public names but errors."""


def _home(name: str) -> str:
    module = next((module for module, names in _HOMES.items() if name in names), "errors")
    return f"raycontext.{module}"


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_home(name)), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
