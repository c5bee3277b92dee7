"""Arguments and options of the commands that must be quick, as one table for parsing, help and shell completion.

It imports nothing but the standard library (see `main`).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["INFINITY", "QUERY_COMMANDS", "Argument", "Option", "QueryCommand"]

INFINITY = float("inf")
"""Limit of a number that has no limit."""


class Argument:
    """Argument of a command, given by its place."""

    __slots__ = ("help", "name", "required", "shown")

    def __init__(self, name: str, help: str, required: bool = True, shown: str = "") -> None:
        self.name, self.help, self.required, self.shown = name, help, required, shown


class Option:
    """Option of a command, given by its name.

    kind: type of the value: str, int or float, or bool for a switch. least, most: limits of a number. name: key of the
    value in the result of `command_line.parse`; by default `--max-tokens` is known as `max_tokens`. variable:
    environment variable that is read when the option is not given.
    """

    __slots__ = ("default", "flags", "help", "key", "kind", "least", "many", "most", "variable")

    def __init__(
        self,
        flags: tuple[str, ...],
        help: str,
        kind: type = str,
        *,
        many: bool = False,
        default: Any = None,
        least: float = -INFINITY,
        most: float = INFINITY,
        name: str = "",
        variable: str = "",
    ) -> None:
        self.flags, self.help, self.kind, self.many, self.default = flags, help, kind, many, default
        self.least, self.most, self.variable = least, most, variable
        self.key = name or flags[0].removeprefix("--").replace("-", "_")


class QueryCommand:
    """Command with its arguments and options."""

    __slots__ = ("arguments", "help", "name", "options")

    def __init__(self, name: str, help: str, arguments: tuple[Argument, ...], options: tuple[Option, ...]) -> None:
        self.name, self.help, self.arguments, self.options = name, help, arguments, options


SELECTION = (
    Option(("--limit", "-n"), "Largest number of hits, 1 to 1000.", int, default=10, least=1, most=1000),
    Option(
        ("--offset",),
        "Number of hits to leave out from the start, for the next page.",
        int,
        default=0,
        least=0,
        most=1000,
    ),
    Option(("--language",), "Only this language. May be given again.", many=True, name="languages"),
    Option(("--path",), "Only paths that match this glob; '!' excludes. May be given again.", many=True, name="paths"),
    Option(("--kind",), "Only chunks of this kind (function, class, …). May be given again.", many=True, name="kinds"),
    Option(("--min-score",), "Leave out hits with a lower score.", float, default=0.0, least=0.0),
    Option(
        ("--max-tokens",),
        "Budget for the texts of all hits together, at four bytes a token. The last text is cut at a line.",
        int,
        least=1,
        most=1_000_000,
    ),
    Option(("--files",), "Print only the paths of the files, best first.", bool),
    Option(("--lines",), "Lines of code to show of each hit, 0 for all (default: 12).", int, default=12, least=0),
    Option(("--around", "-C"), "Lines to show before and after each hit, 0 to 100.", int, default=0, least=0, most=100),
)
PLACE = (
    Option(
        ("--root",),
        "Folder of the collections, or s3://BUCKET/PREFIX (default: user data folder).",
        variable="RAYCONTEXT_ROOT",
    ),
    Option(("--address",), "Ray cluster to join: auto or host:port.", variable="RAYCONTEXT_ADDRESS"),
    Option(
        ("--json",),
        "Print the answer as a JSON object: hits, what may be missing, version, times.",
        bool,
        name="as_json",
    ),
    Option(("--json-hits",), "Print only the hits, as a JSON list.", bool),
)
COLLECTION = ("--collection", "-c")

PLACES = tuple(option for option in SELECTION if option.key in ("languages", "paths"))
OF_RELATIONS = (
    Option(COLLECTION, "Name of the collection."),
    Option(("--in",), "Only places in this file or folder, which also chooses the collection.", name="place"),
    Option(("--ref",), "Branch, tag or commit to ask instead of the folder. It is indexed first if it never was."),
    Option(("--max-tokens",), "Budget of the answer; what does not fit is left out.", int, least=1, most=1_000_000),
    *(option for option in PLACE if option.key in ("root", "address")),
    Option(("--json",), "Print the answer as a JSON object.", bool, name="as_json"),
)
NUMBERS = (
    Option(("--limit", "-n"), "Largest number of places, 1 to 1000.", int, default=50, least=1, most=1000),
    Option(("--offset",), "Number of places to leave out from the start.", int, default=0, least=0, most=100_000),
)
OR_HERE = Argument(
    "path", "A file or folder [default: the current folder]. A folder that never was indexed is indexed first.", False
)
TARGET = Argument("target", "A name, TYPE.NAME, or a line of a definition.", shown="NAME|PATH:LINE")

GREP = QueryCommand(
    "grep",
    "List the lines of indexed files that match a regular expression. Exit code 1 if nothing is found.",
    (Argument("pattern", "A regular expression of one line, in the syntax of ripgrep."), OR_HERE),
    (
        Option(("--ignore-case", "-i"), "Case does not matter.", bool),
        Option(("--word", "-w"), "A match begins and ends where a word does.", bool),
        Option(("--fixed-string", "-F"), "The pattern is a text, not an expression.", bool),
        Option(("--files", "-l"), "Print only the paths of the files.", bool),
        Option(("--count", "-c"), "Print each file with its number of matching lines.", bool),
        Option(("--before", "-B"), "Lines to show before each match, 0 to 50.", int, default=0, least=0, most=50),
        Option(("--after", "-A"), "Lines to show after each match, 0 to 50.", int, default=0, least=0, most=50),
        Option(("--context", "-C"), "Lines to show on both sides, 0 to 50.", int, default=0, least=0, most=50),
        Option(("--hidden",), "Also files whose path has a name that begins with a dot.", bool),
        Option(("--no-totals",), "End at the limit, without counting all matches.", bool),
        Option(("--limit", "-n"), "Largest number of lines or files, 1 to 1000.", int, default=100, least=1, most=1000),
        Option(("--offset",), "Number of them to leave out from the start.", int, default=0, least=0, most=100_000),
        *PLACES,
        Option(COLLECTION[:1], "Name of the collection."),
        *(option for option in OF_RELATIONS if option.key not in ("place", "collection")),
    ),
)

QUERY_COMMANDS = {
    command.name: command
    for command in (
        QueryCommand(
            "search",
            "Search a folder, which is indexed first if it never was. Exit code 1 if nothing is found.",
            (
                Argument("query", "A question, words, or a symbol."),
                Argument(
                    "path", "A place in an indexed folder, or a folder to index [default: the current folder].", False
                ),
            ),
            (
                Option(COLLECTION, "Name of the collection. May be given again.", many=True, name="collections"),
                Option(("--all",), "Search all collections.", bool, name="everywhere"),
                Option(
                    ("--ref",),
                    "Branch, tag or commit to search instead of the folder. It is indexed first if it never was.",
                ),
                Option(
                    ("--changed",),
                    "Only what differs between two branches, tags or commits, A..B; A...B: since B parted from A.",
                ),
                Option(
                    ("--commits",),
                    "Find commits of the git history, by message and touched files, instead of code.",
                    bool,
                ),
                *SELECTION,
                Option(("--grep",), "Only chunks with a line that matches this regular expression, as in ripgrep."),
                Option(
                    ("--diversity",),
                    "How much further hits of a file lose, from 0 (nothing) to 1 (one hit per file; default: 0.5).",
                    float,
                    least=0.0,
                    most=1.0,
                    variable="RAYCONTEXT_DIVERSITY",
                ),
                Option(
                    ("--context",),
                    "Whole definitions, signatures of what they call and who calls them, outlines of their files.",
                    bool,
                ),
                Option(("--explain",), "Show scores, and what each feature contributed to a hit.", bool),
                *PLACE,
            ),
        ),
        QueryCommand(
            "related",
            "Find code similar to the chunk at a line. Exit code 1 if nothing is found.",
            (Argument("place", "A line of an indexed file.", shown="PATH:LINE"),),
            (Option(COLLECTION, "Name of the collection."), *SELECTION, *PLACE),
        ),
        QueryCommand(
            "usages",
            "List the places that use a definition. Exit code 1 if nothing is found.",
            (TARGET,),
            (
                Option(
                    ("--use",),
                    "Only this kind of use (call, construction, inheritance, import, type, mention). Repeatable.",
                    many=True,
                    name="uses",
                ),
                Option(("--mentions",), "Add places in comments, strings and prose.", bool),
                *NUMBERS,
                *PLACES,
                *OF_RELATIONS,
            ),
        ),
        QueryCommand(
            "callers",
            "List the definitions that call another one. Exit code 1 if nothing is found.",
            (TARGET,),
            (*NUMBERS, *PLACES, *OF_RELATIONS),
        ),
        QueryCommand(
            "callees",
            "List the definitions that another one calls. Exit code 1 if nothing is found.",
            (TARGET,),
            (*NUMBERS, *OF_RELATIONS),
        ),
        QueryCommand(
            "impact",
            "List everything that reaches a definition through calls, tests apart. Exit code 1 if nothing is found.",
            (TARGET,),
            (
                Option(
                    ("--depth",), "Largest number of calls between the two, 1 to 10.", int, default=3, least=1, most=10
                ),
                *NUMBERS,
                *PLACES,
                *OF_RELATIONS,
            ),
        ),
        QueryCommand(
            "path",
            "Find a shortest chain of calls from one definition to another. Exit code 1 if nothing is found.",
            (Argument("start", TARGET.help, shown=TARGET.shown), Argument("goal", TARGET.help, shown=TARGET.shown)),
            OF_RELATIONS,
        ),
        QueryCommand(
            "outline",
            "List the definitions of a file or folder with their documentation. Exit code 1 if nothing is found.",
            (Argument("path", "A file or folder. A folder that never was indexed is indexed first."),),
            (
                Option(
                    ("--kind",),
                    "Only this kind (function, class, …), repeatable. By default all, but no constants below a folder.",
                    many=True,
                    name="kinds",
                ),
                Option(
                    ("--limit", "-n"), "Largest number of definitions, 1 to 1000.", int, default=200, least=1, most=1000
                ),
                Option(
                    ("--offset",),
                    "Number of definitions to leave out from the start.",
                    int,
                    default=0,
                    least=0,
                    most=100_000,
                ),
                *PLACES,
                *(option for option in OF_RELATIONS if option.key != "place"),
            ),
        ),
        QueryCommand(
            "map",
            "List the most important definitions of a file or folder, ranked by use. Exit code 1 if nothing is found.",
            (OR_HERE,),
            (
                Option(
                    ("--max-tokens",),
                    "Budget of the definitions; what does not fit is left out (default: 2000).",
                    int,
                    default=2000,
                    least=1,
                    most=1_000_000,
                ),
                Option(
                    ("--limit", "-n"), "Largest number of definitions, 1 to 1000.", int, default=200, least=1, most=1000
                ),
                Option(("--kind",), "Only this kind (function, class, …), repeatable.", many=True, name="kinds"),
                *PLACES,
                *(option for option in OF_RELATIONS if option.key not in ("place", "max_tokens")),
            ),
        ),
        QueryCommand(
            "diff",
            "List the definitions that differ between two commits, by a question. Exit code 1 if nothing is found.",
            (
                Argument("before", "A branch, tag or commit."),
                Argument("after", "The one that it is compared with."),
                Argument("query", "What the definitions are about: a question, words, or a symbol."),
                Argument("path", "A place in the repository [default: the current folder].", False),
            ),
            (
                Option(
                    ("--limit", "-n"), "Largest number of definitions, 1 to 1000.", int, default=20, least=1, most=1000
                ),
                Option(("--kind",), "Only this kind (function, class, …), repeatable.", many=True, name="kinds"),
                *PLACES,
                *(option for option in OF_RELATIONS if option.key not in ("place", "ref")),
            ),
        ),
        GREP,
    )
}
