"""The stateless steps of an index run as Ray tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ray

from raycontext import stages
from raycontext.estimate import estimate_tree

__all__ = ["TASKS"]

# One retry by Ray outlives a lost node; a file that kills its worker is found by the planner, in ever smaller batches.
_stateless = ray.remote(num_cpus=1, max_retries=1)

TASKS: dict[Callable[..., Any], Any] = {
    stages.scan_tree: _stateless(stages.scan_tree),
    stages.hash_files: _stateless(stages.hash_files),
    stages.index_files: _stateless(stages.index_files),
    stages.compact_segments: _stateless(stages.compact_segments),
    stages.verify_collection: _stateless(stages.verify_collection),
    estimate_tree: _stateless(estimate_tree),
    stages.missing_paths: ray.remote(num_cpus=0, memory=1)(stages.missing_paths),
    stages.bring_source: _stateless(stages.bring_source),
    stages.repair_collection: _stateless(stages.repair_collection),
}
"""Each plain function with its remote form."""
