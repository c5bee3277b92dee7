"""Handle of an actor on Ray, and the translation of Ray's errors to those of a runtime."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Generic, TypeVar, cast

import ray
from ray import exceptions

from raycontext.errors import RaycontextError, RuntimeUnavailable
from raycontext.retrying import Retries
from raycontext.runtime.base import ActorHandle, WorkerDied, WorkerLost
from raycontext.runtime.ray_head import check_present, while_head_answers

__all__ = ["RayActor", "cause_of_call", "end_this_actor", "unavailable"]

Kind = TypeVar("Kind")

UNAVAILABLE_SECONDS = 60.0
"""Time in seconds after which a call fails if its actor cannot be reached but is not known to be dead."""
UNAVAILABLE_PAUSE_SECONDS = 0.5
"""Pause in seconds between two calls of an actor that cannot be reached."""
UNAVAILABLE = Retries(
    (exceptions.ActorUnavailableError,), seconds=UNAVAILABLE_SECONDS, pause=lambda _: UNAVAILABLE_PAUSE_SECONDS
)
"""Retries of a call whose actor cannot be reached.

Ray takes a while to notice that a node is lost. Then it starts the actor on another node.
"""

MADE_ANEW_ATTEMPTS = 3
"""Number of tries of a call whose actor has ended for good: each but the first one is preceded by making it anew."""


class RayActor(ActorHandle[Kind], Generic[Kind]):
    """Handle of an actor on Ray.

    name: name of the actor.
    handle: Ray's own handle.
    known: handles of this process by name; a dead actor leaves it.
    make: coroutine function that returns a new handle of an actor of this name, which it makes where there is none.
    None where this process does not know how.
    """

    __slots__ = ("handle", "known", "make", "name")

    def __init__(
        self,
        name: str,
        handle: Any,
        known: dict[str, RayActor[Any]],
        make: Callable[[], Awaitable[RayActor[Kind]]] | None = None,
    ) -> None:
        self.name, self.handle, self.known, self.make = name, handle, known, make

    async def send(self, method: str, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        """Call a method, and call it again while the actor cannot be reached, or once it is made anew.

        An actor of a shared cluster ends when it is idle, or when somebody clears its collection, and comes back for
        the next call. Raises what the method raises, and `RuntimeUnavailable` where the actor stays dead or out of
        reach.
        """

        async def once() -> Any:
            return await while_head_answers(lambda: getattr(self.handle, method).remote(*arguments, **named))

        with self._errors_translated():
            for _ in range(MADE_ANEW_ATTEMPTS - 1):
                try:
                    return await UNAVAILABLE.run(once)
                except exceptions.ActorDiedError:
                    if self.make is None:
                        raise
                    if self.known.get(self.name) is self:
                        del self.known[self.name]
                self.handle = (await self.make()).handle
            return await UNAVAILABLE.run(once)

    def send_and_block(self, method: str, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        """Do what `send` does, but block and make nothing anew. For tasks, which have no event loop."""
        check_present()
        with self._errors_translated():
            return UNAVAILABLE.run_blocking(
                lambda: cast(Any, ray).get(getattr(self.handle, method).remote(*arguments, **named))
            )

    def __reduce__(self) -> tuple[Any, ...]:
        # The copy in another process starts without the handles that this process knows.
        return RayActor, (self.name, self.handle, {})

    @contextmanager
    def _errors_translated(self) -> Iterator[None]:
        """Raise inside the context what the method raised, or `RuntimeUnavailable` where the actor is lost."""
        try:
            yield
        except exceptions.RayTaskError as error:
            raise cause_of_call(error) from error
        except exceptions.ActorUnavailableError as error:
            self.known.pop(self.name, None)
            raise RuntimeUnavailable(
                f"The actor {self.name} cannot be reached", "Look whether its node is up, and try again."
            ) from error
        except exceptions.RayActorError as error:
            self.known.pop(self.name, None)
            raise RuntimeUnavailable(
                f"The actor {self.name} died and did not come back ({type(error).__name__})",
                "Run the command again; if it persists, look into Ray's logs.",
            ) from error
        except exceptions.RayError as error:
            raise unavailable(error) from error


def end_this_actor() -> None:
    """End the actor in whose process this is called, for good. A call that comes meanwhile makes it anew."""
    ray.kill(cast(Any, ray).get_runtime_context().current_actor, no_restart=True)


def cause_of_call(error: exceptions.RayTaskError) -> BaseException:
    """Return what to raise for a failed call: our own error, or else Ray's wrapper with the remote traceback."""
    cause = error.cause
    return cause if isinstance(cause, RaycontextError | WorkerDied | WorkerLost) else error


def unavailable(error: BaseException) -> RuntimeUnavailable:
    """Return the error to raise where Ray fails with `error`, of which the message shows the first line."""
    first_line = next(iter(str(error).strip().splitlines()), "")[:200]
    return RuntimeUnavailable(
        f"Ray cannot be started or reached ({type(error).__name__}: {first_line})",
        "Check the address, or do without Ray: runtime='processes', or RAYCONTEXT_RUNTIME=processes.",
    )
