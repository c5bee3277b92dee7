"""Decision which definition a use is of: by scope, imports and receiver, without types."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence
from functools import cached_property

from raycontext.analyse.imports import ALL_NAMES, Import
from raycontext.analyse.syntaxes import family_of
from raycontext.kernel.lexer import Use
from raycontext.relations.lexed import FileDefinition, LexedFile
from raycontext.relations.modules import Match, denotes, group_of
from raycontext.relations.uses.receivers import Receiver, receiver_of, type_of
from raycontext.relations.uses.shadows import declares, is_local, is_tag, names_key
from raycontext.relations.uses.sites import CLASS_KINDS, Facts, GroupSites, Site
from raycontext.relations.values import Certainty

__all__ = ["FileFacts", "verdict"]

_SELF = frozenset({"self", "this", "cls", "Self", "static"})
_ABOVE = frozenset({"super", "parent", "base"})
_EXPLICIT = frozenset({"python", "javascript", "rust"})
"""Families in which a name of another file must be imported."""
_PACKAGES = frozenset({"go", "java", "kotlin", "scala", "groovy"})
"""Families in which files of one folder see each other's names."""
_IMPLICIT = frozenset({"cpp", "java", "kotlin", "scala", "groovy", "csharp", "swift", "dart", "ruby"})
"""Families in which a method is called without a receiver inside of its type."""

CERTAIN, POSSIBLE = Certainty.CERTAIN, Certainty.POSSIBLE


class FileFacts:
    """Facts about a name as they are seen from one file: what is the same for all uses in it is worked out once."""

    def __init__(self, file: LexedFile, facts: Facts) -> None:
        self.file = file
        self.facts = facts
        self.family = family_of(file.language)
        self._modules: dict[str, Match] = {}
        self._shadowed: dict[int, bool] = {}

    @cached_property
    def group(self) -> GroupSites:
        """Definitions of the name that the language of the file can use."""
        return self.facts.in_group(group_of(self.file.language))

    @cached_property
    def bound(self) -> list[Import]:
        """Imports that bind the name."""
        name = self.facts.name
        return [entry for entry in self.file.imports if (entry.alias or entry.name) == name and entry.name != ALL_NAMES]

    @cached_property
    def stars(self) -> frozenset[Match]:
        """Whether the modules give a wanted definition whose names are all imported."""
        entries = (entry for entry in self.file.imports if entry.name == ALL_NAMES and not entry.alias)
        return frozenset(self.of_module(entry.module) for entry in entries)

    @cached_property
    def is_apart(self) -> bool:
        """Whether each use in the file is of a definition of its own that is not wanted, as that of a static of C."""
        own = self.group.by_path.get(self.file.path, ()) if self.family == "c" else ()
        is_visible = any(not site.scope and not site.owner for site in own)
        return is_visible and not self.group.wants_member and not any(self.facts.is_wanted(site) for site in own)

    def is_variable(self, start: int) -> bool:
        """Return whether a name of C is that of a variable or a parameter of the function around it."""
        if is_tag(self.file, start) or not self.group.is_callable_or_type:
            return False
        around = self.file.around(self.file.line_at(start))
        functions = [one for one in around if one.kind not in CLASS_KINDS]
        if not functions:
            return False
        line = functions[-1].line
        if line not in self._shadowed:
            self._shadowed[line] = declares(self.file, self.facts.name, functions[-1])
        return self._shadowed[line]

    def of_module(self, module: str) -> Match:
        """Return whether a module gives a wanted definition. NO also where it gives another one."""
        if module not in self._modules:
            best = self.given_by(module)
            if best is not Match.YES and (
                self._best(module, self.facts.other_providers, self.facts.other_providers_by_name) is Match.YES
            ):
                best = Match.NO
            self._modules[module] = best
        return self._modules[module]

    def given_by(self, module: str) -> Match:
        """Return whether a module gives a wanted definition, whatever else it gives."""
        return self._best(module, self.facts.providers, self.facts.providers_by_name)

    def _best(self, module: str, paths: Iterable[str], by_name: dict[str, list[str]]) -> Match:
        best = Match.NO
        if self.family in ("c", "cpp"):  # an included file has the name that the include says
            paths = by_name.get(posixpath.basename(module), [])
        for path in paths:
            best = max(best, denotes(self.file.language, module, self.file.path, path))
            if best is Match.YES:
                break
        return best


def verdict(seen: FileFacts, index: int) -> Certainty | None:
    """Return how sure it is that an identifier of a file uses a wanted definition; None where it uses another thing."""
    group, file = seen.group, seen.file
    if not group.wants_free and not group.wants_member:
        return POSSIBLE if not seen.facts.sites else None
    if int(file.tokens.kinds[index]) & Use.IMPORT:
        return _imported_name(seen, index)
    start = int(file.tokens.starts[index])
    receiver = receiver_of(file, start)
    if receiver.separator:
        return _through(seen, start, receiver)
    if names_key(file, start, start + int(file.tokens.lengths[index]), seen.family):
        return None
    return _alone(seen, start)


def _settled(sites: Sequence[Site], facts: Facts) -> Certainty | None:
    """Return the verdict for a use that is of one of some definitions."""
    wanted = sum(facts.is_wanted(site) for site in sites)
    return None if not wanted else CERTAIN if wanted == len(sites) else POSSIBLE


def _as_certainty(match: Match) -> Certainty | None:
    return {Match.YES: CERTAIN, Match.MAYBE: POSSIBLE, Match.NO: None}[match]


def _imported_name(seen: FileFacts, index: int) -> Certainty | None:
    """Return the verdict for a name in an import."""
    file, name = seen.file, seen.facts.name
    entries = file.imported_at(index) or file.imports
    matches = [
        seen.of_module(entry.module)
        for entry in entries
        if entry.name == name or (entry.name == "default" and entry.alias == name)
    ]
    if matches:
        return _as_certainty(max(matches))
    if all(site.kind == "module" for site in seen.group.sites):
        return POSSIBLE
    return None if seen.family in _EXPLICIT or entries else POSSIBLE


def _alone(seen: FileFacts, start: int) -> Certainty | None:
    """Return the verdict for a name without a receiver."""
    file, facts, family, sites = seen.file, seen.facts, seen.family, seen.group.sites
    around = file.around(file.line_at(start))
    visible = _visible(seen.group.by_path.get(file.path, []), around, family)
    if family in ("c", "cpp") and not any(site.owner or site.scope for site in visible) and seen.is_variable(start):
        return None
    if visible:
        return _settled(visible, facts)
    if family in ("python", "javascript", "go") and is_local(file, facts.name, around, start):
        return None
    if seen.bound:
        matches = [seen.of_module(entry.module) for entry in seen.bound if entry.name]
        modules = [entry for entry in seen.bound if not entry.name]
        if matches or modules:
            return _as_certainty(max(matches, default=Match.NO))
    if family in _IMPLICIT and len(seen.group.free) < len(sites):
        inside = _in_type(around, facts, sites)
        if inside is not Match.MAYBE:
            return _as_certainty(inside)
    near = seen.group.by_folder.get(posixpath.dirname(file.path), []) if family in _PACKAGES else []
    if near:
        return _settled(near, facts)
    free, stars = seen.group.free, seen.stars
    if family not in ("c", "cpp") and stars and max(stars) is not Match.NO and free:
        return _as_certainty(max(stars))
    if family in _EXPLICIT:
        is_macro = family == "rust" and all(site.kind == "macro" for site in sites)
        return (CERTAIN if len(sites) == 1 else POSSIBLE) if is_macro else None
    if family in _PACKAGES:
        return None
    if not free:
        return POSSIBLE if family in _IMPLICIT else None
    if Match.YES in stars:
        return CERTAIN if seen.group.body_files <= 1 else POSSIBLE
    if not seen.group.wants_free:
        return None
    return CERTAIN if (seen.group.body_files or len({site.path for site in free})) == 1 else POSSIBLE


def _visible(own: list[Site], around: list[FileDefinition], family: str) -> list[Site]:
    """Return those definitions of the same file that a name without a receiver can mean, the innermost ones."""
    names = [one.name for one in around]
    best: list[Site] = []
    depth = -1
    for site in own:
        scope = site.scope.split(" > ") if site.scope else []
        in_body = family == "python" and bool(names) and site.owner == names[-1]  # as `@name.setter` in a class
        if site.owner and not in_body and (family not in _IMPLICIT or site.owner not in names):
            continue
        if scope != names[: len(scope)] and not site.owner and site.kind not in CLASS_KINDS:
            continue
        if len(scope) > depth:
            best, depth = [site], len(scope)
        elif len(scope) == depth:
            best.append(site)
    return best


def _in_type(around: list[FileDefinition], facts: Facts, sites: Sequence[Site]) -> Match:
    """Return whether a member that is used without a receiver is a wanted one. MAYBE where the types do not tell."""
    types = [one.name for one in reversed(around) if one.kind in CLASS_KINDS]
    for name in types:
        if name in facts.owners:
            return Match.YES
        if name in facts.other_owners:
            return Match.NO
    return Match.MAYBE if any(not site.owner for site in sites) or not types else Match.NO


def _through(seen: FileFacts, start: int, receiver: Receiver) -> Certainty | None:
    """Return the verdict for a name that is used through a receiver or a qualifier."""
    file, facts, family, free = seen.file, seen.facts, seen.family, seen.group.free
    around = file.around(file.line_at(start))
    wants_member, wants_free = seen.group.wants_member, seen.group.wants_free
    if receiver.is_literal:
        return None
    if receiver.path in _SELF or receiver.path == "crate":
        if receiver.path == "crate" or (receiver.separator == "::" and receiver.path == "self"):
            return _settled(free, facts)
        return _of_self(around, facts) if wants_member else None
    if receiver.path in _ABOVE or receiver.called == "super":
        if receiver.separator == "::":
            return POSSIBLE if wants_free else None
        return _above(around, facts) if wants_member else None
    module = _as_module(seen, receiver)
    if module is not None:
        match, is_known = module
        if match is not Match.NO:
            return _as_certainty(match) if wants_free else None
        if is_known:
            return None
    if receiver.name in facts.owners or receiver.name in facts.other_owners:
        return _of_type(receiver.name, facts) if wants_member else None
    if wants_free and not wants_member:
        return _qualified(file, receiver, facts, free, family)
    found = type_of(file, receiver, start)
    if found:
        decided = _of_type(found, facts)
        if decided is not None or found in facts.other_owners:
            return decided
        if found in facts.bases or family == "go":  # any interface of Go can hold an owner
            return POSSIBLE
        return None if found[:1].isupper() and len(found) > 1 else POSSIBLE
    if receiver.name[:1].isupper() and receiver.separator in (".", "::") and family not in ("go", "csharp"):
        return POSSIBLE if any(base[:1].isupper() and base == receiver.name for base in facts.bases) else None
    return POSSIBLE


def _of_type(name: str, facts: Facts) -> Certainty | None:
    if name in facts.owners:
        return POSSIBLE if name in facts.other_owners else CERTAIN
    return None


def _of_self(around: list[FileDefinition], facts: Facts) -> Certainty | None:
    """Return the verdict for a member of the object itself."""
    types = [one.name for one in reversed(around) if one.kind in CLASS_KINDS]
    if not types:
        return POSSIBLE
    decided = _of_type(types[0], facts)
    if decided is not None or types[0] in facts.other_owners:
        return decided
    return POSSIBLE if types[0] in facts.bases else None


def _above(around: list[FileDefinition], facts: Facts) -> Certainty | None:
    """Return the verdict for a member of a base of the type around."""
    types = [one.name for one in reversed(around) if one.kind in CLASS_KINDS]
    if not types:
        return POSSIBLE
    if any(site.owner == types[0] for site in facts.sites):  # it stands above the type that defines it itself
        return POSSIBLE if any(facts.is_wanted(site) and site.owner != types[0] for site in facts.sites) else None
    return CERTAIN if types[0] in facts.owners and not facts.other_owners else POSSIBLE


def _as_module(seen: FileFacts, receiver: Receiver) -> tuple[Match, bool] | None:
    """Return whether a receiver is a module that gives a wanted definition, and whether it is surely a module.

    None where no import says that it is one.
    """
    file, family, path = seen.file, seen.family, receiver.path
    if not path:
        return None
    matches: list[Match] = []
    is_known = False
    for entry in file.imports:
        if entry.name in ("", ALL_NAMES) and (entry.name == "" or entry.alias):
            bound = entry.alias or _bound_by(entry.module, family)
            whole = entry.module if not entry.alias else entry.alias
            if path in (bound, whole):
                matches.append(seen.of_module(entry.module))
                is_known = True
            elif path.startswith(f"{bound}.") and family == "python":
                inner = path if not entry.alias else f"{entry.module}.{path.partition('.')[2]}"
                matches.append(seen.of_module(inner))
                is_known = True
        elif entry.name and path.partition(".")[0] == (entry.alias or entry.name):
            separator = {"python": ".", "rust": "::"}.get(family, ".")
            joined = entry.module if entry.module.endswith(".") and family == "python" else entry.module + separator
            inner = joined + separator.join([entry.name, *path.split(".")[1:]])
            match = seen.of_module(inner)
            if match is Match.YES:
                matches.append(match)
                is_known = True
    return (max(matches), is_known) if matches else None


def _bound_by(module: str, family: str) -> str:
    """Return the name that an import of a module without alias binds."""
    if family == "go":
        parts = module.split("/")
        last = parts[-1]
        return parts[-2] if re.fullmatch(r"v\d+", last) and len(parts) > 1 else last.partition(".")[0]
    return module.partition(".")[0] if family == "python" else re.split(r"::|[./\\]", module)[-1]


def _qualified(
    file: LexedFile, receiver: Receiver, facts: Facts, free: Sequence[Site], family: str
) -> Certainty | None:
    """Return the verdict for a function that is used through a qualifier that no import explains."""
    last = receiver.name
    if family == "rust" and receiver.path.partition(".")[0] in ("std", "core", "alloc"):
        return None
    if receiver.separator == "::" or family in ("csharp", "php", "ruby", "elixir", "haskell", "lua", "swift"):
        for site in free:
            stem = posixpath.splitext(site.path)[0].removesuffix("/mod").removesuffix("/lib")
            places = {
                posixpath.basename(stem),
                posixpath.basename(posixpath.dirname(site.path)),
                *site.scope.split(" > "),
            }
            if facts.is_wanted(site) and last in places:
                return CERTAIN if len(free) == 1 else POSSIBLE
        return POSSIBLE if family == "lua" and len(free) == 1 else None
    if family == "javascript":
        return POSSIBLE if last in ("exports", "module") or not last else None
    return None
