"""Instructions that try failed work again: in pieces, alone, or after a pause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from raycontext.index.planning.batches import pieces_of
from raycontext.index.planning.failures import LOSSES_OF_A_BATCH, attempts, pause_after
from raycontext.index.planning.instructions import HashFiles, IndexFiles, Work
from raycontext.runtime.base import WorkerDied

__all__ = ["another_try", "tries_after_loss"]


def another_try(instruction: HashFiles | IndexFiles, error: BaseException) -> Sequence[HashFiles | IndexFiles]:
    """Return instructions that try a failed batch again, in pieces or alone. Empty where that is enough."""
    if len(instruction.files) > 1:
        return pieces_of(replace(instruction, pause=0.0), apart=isinstance(error, WorkerDied))
    if isinstance(instruction, IndexFiles) and isinstance(error, WorkerDied) and not error.is_known:
        return [replace(instruction, apart=True, pause=0.0)]
    if instruction.attempt < attempts(error):
        return [replace(instruction, attempt=instruction.attempt + 1, pause=0.0)]
    return []


def tries_after_loss(instruction: Work) -> Sequence[Work] | None:
    """Return instructions that try work again after a pause, since it was lost without a fault of its own.

    None where it was lost often enough.
    """
    losses = instruction.losses + 1
    pause = pause_after(losses)
    if pause is None:
        return None
    later = replace(instruction, losses=losses, pause=pause)
    if isinstance(later, (HashFiles, IndexFiles)) and losses == LOSSES_OF_A_BATCH:
        return pieces_of(later)
    return [later]
