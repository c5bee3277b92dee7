"""The commands as one Typer application. `main` serves the quick ones by itself; here they are for shell completion."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from raycontext import __version__
from raycontext.cli import queries
from raycontext.cli.batch import batch
from raycontext.cli.collections import clear, list_collections, status
from raycontext.cli.daemon import down, logs, up
from raycontext.cli.display import interrupted, output_closed, unexpected
from raycontext.cli.doctor import doctor
from raycontext.cli.evaluate import evaluate
from raycontext.cli.index import index
from raycontext.cli.install.command import install
from raycontext.cli.maintenance import repair, verify
from raycontext.cli.mcp import mcp
from raycontext.cli.options import QUERY_COMMANDS, QueryCommand
from raycontext.cli.watching import cancel, watch

__all__ = ["application"]


class _Commands(TyperGroup):
    """Group of commands that ends every one with a code of `ExitCode`. Typer ends some with 1, which means "nothing
    found".
    """

    def invoke(self, ctx: Any) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()  # here, where a closed pipe is caught
        except BrokenPipeError:
            raise typer.Exit(output_closed()) from None
        except (KeyboardInterrupt, typer.Abort):
            raise typer.Exit(interrupted()) from None
        except EOFError as error:
            raise typer.Exit(unexpected(error)) from error
        return result


application = typer.Typer(
    cls=_Commands,
    name="raycontext",
    help="Semantic code search: index a folder, then ask where something is done.",
    epilog="From nothing to an answer:  raycontext index PATH && raycontext search 'where is … done?' PATH",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,  # plain help, since rich help takes longer than the rest of the command
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    """Print the version and exit when it is asked for."""
    if wanted:
        typer.echo(f"raycontext {__version__}")
        raise typer.Exit


@application.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Semantic code search: index a folder, then ask where something is done."""


def _registered(command: QueryCommand) -> Callable[..., None]:
    """Return a function for Typer from a command of `options`. Typer completes its options; `main` runs it without
    Typer.
    """

    def run(**given: Any) -> None:
        raise typer.Exit(queries.run(command.name, given))

    parameters = {
        argument.name: (
            str if argument.required else str | None,
            typer.Argument(help=argument.help, metavar=argument.shown or None),
            inspect.Parameter.empty if argument.required else None,
        )
        for argument in command.arguments
    } | {
        option.key: (
            list[str] if option.many else option.kind if option.default is not None else option.kind | None,
            typer.Option(*option.flags, help=option.help, envvar=option.variable or None),
            [] if option.many else False if option.kind is bool else option.default,
        )
        for option in command.options
    }
    signature = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, known])
        for name, (kind, known, default) in parameters.items()
    ]
    run.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in signature}
    return run


for _command in QUERY_COMMANDS.values():
    application.command(_command.name, help=_command.help)(_registered(_command))
application.command()(index)
application.command()(status)
application.command()(clear)
application.command("list")(list_collections)
application.command("eval")(evaluate)
application.command()(batch)
application.command()(doctor)
application.command()(verify)
application.command()(repair)
application.command()(install)
application.command()(watch)
application.command()(cancel)
application.command()(up)
application.command()(down)
application.command()(logs)
application.command()(mcp)
