"""The commands as one Typer application. `main` serves the quick ones by itself; here they are for shell completion."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from raycontext import __version__
from raycontext.cli.collections.maintenance import repair, verify
from raycontext.cli.collections.publishing import publish, pull
from raycontext.cli.collections.savings import savings
from raycontext.cli.collections.state import clear, list_collections, status
from raycontext.cli.command_line.help_page import help_page, value_name
from raycontext.cli.command_line.options import QUERY_COMMANDS, QueryCommand
from raycontext.cli.daemon import down, logs, up
from raycontext.cli.display import interrupted, output_closed, say, unexpected
from raycontext.cli.doctor import doctor
from raycontext.cli.evaluate import evaluate
from raycontext.cli.indexing.batch import batch
from raycontext.cli.indexing.index import index
from raycontext.cli.indexing.watching import cancel, watch
from raycontext.cli.install.command import install
from raycontext.cli.mcp import mcp
from raycontext.cli.queries import search
from raycontext.cli.tune import tune, untune
from raycontext.errors.exit_codes import ExitCode
from raycontext.text.safe import safe

__all__ = ["application"]


UsageError: Any = typer.BadParameter.__base__
"""Class of all mistakes in a command line. Typer gives it no public name."""


class _Command(TyperCommand):
    """Command whose help has the form of all commands."""

    def get_help(self, ctx: Any) -> str:
        rows: dict[bool, list[tuple[str, str]]] = {False: [], True: []}
        for parameter in self.get_params(ctx):
            rows[parameter.opts[0].startswith("-")].append((_shown(parameter), _meaning(parameter)))
        return help_page(self.name or "", self.help or "", rows[False], rows[True])


def _shown(parameter: Any) -> str:
    """Return how an argument or an option is written."""
    if not parameter.opts[0].startswith("-"):
        shown = (parameter.metavar or parameter.name).upper() + ("…" if parameter.nargs == -1 else "")
        return shown if parameter.required else f"[{shown}]"
    flags = ", ".join((*parameter.opts, *parameter.secondary_opts))
    long = next(flag for flag in parameter.opts if flag.startswith("--"))
    return flags if parameter.is_flag else f"{flags} {parameter.metavar or value_name(long)}"


def _meaning(parameter: Any) -> str:
    variable = getattr(parameter, "envvar", None)
    return (parameter.help or "") + (f" Environment: {variable}." if variable else "")


class _Commands(TyperGroup):
    """Group of commands that ends every one with a code of `ExitCode`. Typer ends some with 1, which means "nothing
    found".
    """

    def invoke(self, ctx: Any) -> Any:
        """Run the command that is named. Ends with its code, or with that of how it failed."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()  # here, where a closed pipe is caught
        except UsageError as error:
            name = error.ctx.info_name if error.ctx is not None and error.ctx.parent is not None else ""
            program = " ".join(filter(None, ("raycontext", name)))
            told = safe(error.format_message().rstrip("."))
            say(f"error: {told}{'' if told.endswith('?') else '.'} Try '{program} --help'.")
            raise typer.Exit(ExitCode.WRONG_USE) from None
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
        raise typer.Exit(search.run(command.name, given))

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
    application.command(_command.name, cls=_Command, help=_command.help)(_registered(_command))
application.command(cls=_Command)(index)
application.command(cls=_Command)(status)
application.command(cls=_Command)(clear)
application.command("list", cls=_Command)(list_collections)
application.command(cls=_Command)(savings)
application.command("eval", cls=_Command)(evaluate)
application.command(cls=_Command)(tune)
application.command(cls=_Command)(untune)
application.command(cls=_Command)(batch)
application.command(cls=_Command)(doctor)
application.command(cls=_Command)(verify)
application.command(cls=_Command)(repair)
application.command(cls=_Command)(publish)
application.command(cls=_Command)(pull)
application.command(cls=_Command)(install)
application.command(cls=_Command)(watch)
application.command(cls=_Command)(cancel)
application.command(cls=_Command)(up)
application.command(cls=_Command)(down)
application.command(cls=_Command)(logs)
application.command(cls=_Command)(mcp)
