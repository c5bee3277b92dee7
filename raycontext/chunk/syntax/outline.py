"""Outline of a file: units and definitions, read from the top levels of its syntax tree.

A unit is a run of rows (lines from 0) that belong together: a definition with its comments and decorators, an import,
or a statement. Containers (classes, namespaces, preprocessor blocks) are entered at once. All other units are entered
later, and only when they are too large for one chunk.
"""

from __future__ import annotations

from tree_sitter import Node

from raycontext.chunk.syntax.rules import (
    DEFINES,
    IMPORT,
    LEADING,
    LEADS,
    OPENS,
    PLAIN,
    TRAILING,
    WRAPS,
    Found,
    LanguageRules,
)
from raycontext.chunk.units import (
    CONSTANT_KIND,
    FUNCTION_KIND,
    IMPORT_KIND,
    METHOD_KIND,
    MODULE_KIND,
    Draft,
    Level,
    Unit,
    is_callable,
    join_scope,
)

__all__ = ["Outliner"]

MAX_NESTING = 24
"""Largest depth of containers inside containers. Deeper ones are cut without a look inside."""
MAX_DESCENT = 64
"""Largest number of steps from a node down to the first descendant with several units."""
MAX_CHILDREN = 20_000
"""Largest number of children of a statement that is opened. A statement with more is data."""
MAX_WRAPPERS = 8
"""Largest number of wrappers around one definition."""
MAX_COMMENT_GAP_ROWS = 2
"""Largest distance in rows from a comment to its definition. One blank line may stand between them."""


class Outliner:
    """Reader of one file's syntax tree. It collects the definitions that it finds in `drafts`."""

    def __init__(self, data: bytes, rules: LanguageRules) -> None:
        self.data = data
        self.rules = rules
        self.drafts: list[Draft] = []
        self._drafted: list[Unit] = []
        self._roles = rules.roles()
        self._describe = rules.describe

    def top(self, root: Node) -> list[Unit]:
        """Return the units of the whole file."""
        return self._units(root.named_children, Level())

    def expand(self, unit: Unit) -> list[Unit]:
        """Return the units inside a unit that was left closed; empty when it cannot be opened further."""
        node = unit.node
        if node is None or unit.inside.nesting > MAX_NESTING:
            return []
        level = _into_code(unit.inside, unit.inside.nesting + 1)
        for _ in range(MAX_DESCENT):
            children = node.named_children if node.named_child_count <= MAX_CHILDREN else []
            if not children:
                return []
            units = self._units(children, level)
            if len(units) > 1:
                return units
            if units:
                only = units[0]
                if only.children:
                    return only.children
                if only.inside.scope != level.scope:
                    level = _into_code(only.inside, level.nesting)
            largest = max(children, key=_height)
            if _height(largest) == 0:
                return []
            node = largest
        return []

    def release(self) -> None:
        """Remove the references between units and definitions.

        They form cycles that also hold the tree. Without the cycles, the memory of the tree is free at once, and the
        next tree can use it. Otherwise it would stay taken until the garbage collector runs.
        """
        for unit in self._drafted:
            unit.draft = unit.children = None

    def _units(self, nodes: list[Node], level: Level) -> list[Unit]:
        """Return the units of sibling nodes at a level. Leading nodes join the unit after them."""
        rules = self.rules
        role_of = self._roles.get
        units: list[Unit] = []
        pending_first = pending_last = -1
        if rules.spliced:
            nodes = _splice(nodes, rules.spliced)
        for node in nodes:
            kind = node.type
            role = role_of(kind, PLAIN)
            first = node.start_point[0]
            last, column = node.end_point
            if column == 0 and last > first:
                last -= 1
            unit = Unit(first, last, node, level)
            if role >= DEFINES:
                self._describe_unit(unit, node, kind, role, level)
            elif role == IMPORT:
                unit.is_import = True
            if role == LEADING or unit.leads:
                if pending_first < 0:
                    if units and last <= units[-1].last:
                        continue
                    pending_first = first
                elif first - pending_last > 1:
                    _append(units, Unit(pending_first, pending_last, None, level))
                    pending_first = first
                pending_last = max(last, pending_last)
                continue
            if pending_first >= 0:
                if first - pending_last <= MAX_COMMENT_GAP_ROWS:
                    unit.first = pending_first
                else:
                    _append(units, Unit(pending_first, pending_last, None, level))
                pending_first = pending_last = -1
            elif role == TRAILING and units:
                _extend(units[-1], node, last)
                continue
            if rules.merge_clauses and _is_next_clause(units, unit):
                _merge_clause(units[-1], unit)
                if self.drafts[-1] is unit.draft:
                    self.drafts.pop()
                continue
            if units and unit.first <= units[-1].last:
                _append(units, unit)
            else:
                units.append(unit)
        if pending_first >= 0:
            _append(units, Unit(pending_first, pending_last, None, level))
        return units

    def _describe_unit(self, unit: Unit, node: Node, kind: str, role: int, level: Level) -> None:
        """Find out what a node, or the node that it wraps, defines. Enter it if it is a container."""
        for _ in range(MAX_WRAPPERS):
            if role != WRAPS:
                break
            wrapped = self._wrapped(node, kind)
            if wrapped is None:
                break
            unit.node = node = wrapped
            kind = node.type
            role = self._roles.get(kind, PLAIN)
        if role == IMPORT:
            unit.is_import = True
            return
        describe = self._describe.get(kind)
        found = describe(node, self.data) if describe is not None else None
        if found is not None:
            self._record(found, unit, level)
        elif role == OPENS and not level.in_code and level.nesting < MAX_NESTING:
            unit.children = self._units(
                node.named_children, Level(level.scope, level.depth, level.methods, False, level.nesting + 1)
            )
            unit.is_import = any(child.is_import for child in unit.children) and not any(
                child.defines for child in unit.children
            )

    def _wrapped(self, node: Node, kind: str) -> Node | None:
        """Return the node inside a wrapper: the first of its fields that is set.

        A wrapper without fields wraps its last child that may define something, else its last child.
        """
        field_names = self.rules.wrappers[kind]
        for name in field_names.split():
            child = node.child_by_field_name(name)
            if child is not None:
                return child
        if field_names:
            return None
        children = node.named_children
        for child in reversed(children):
            if self._roles.get(child.type, PLAIN) >= DEFINES:
                return child
        return children[-1] if children else None

    def _record(self, found: Found, unit: Unit, level: Level) -> None:
        """Store the description of a node in its unit, add its definitions to `drafts`, and enter its body."""
        kind, names, row, body, type_like, owner, has_body = found
        if found is LEADS:
            unit.leads = True
            return
        if kind is IMPORT_KIND:
            unit.is_import = True
            return
        scope = join_scope(level.scope, owner) if owner else level.scope
        depth = level.depth
        if kind is FUNCTION_KIND and (level.methods or owner):
            kind = METHOD_KIND
            if owner:
                depth += 1
        if level.in_code and not has_body:
            return
        if names and names[0]:
            unit.is_import = kind is MODULE_KIND and not has_body  # `namespace a.b;` stands among the imports
            unit.defines = kind is not CONSTANT_KIND and not unit.is_import
            unit.draft = Draft(names[0], kind, row, scope, unit, depth, has_body, type_like)
            self._drafted.append(unit)
            if unit.defines or not level.in_code:
                self.drafts.append(unit.draft)
                for name in names[1:]:
                    self.drafts.append(Draft(name, kind, row, scope, unit, depth, has_body, type_like))
        if body is None or level.nesting >= MAX_NESTING:
            return
        inside = unit.inside
        if self.rules.open_functions:
            inside = inside._replace(in_code=level.in_code)
        if unit.draft is None:
            inside = Level(scope, depth, level.methods or type_like, level.in_code, level.nesting + 1)
        nodes = body.named_children
        if unit.node is not None and body.id != unit.node.id:
            nodes = _outer_comments(body, unit.node, self.rules.leading) + nodes
        unit.children = self._units(nodes, inside)


def _into_code(level: Level, nesting: int) -> Level:
    """Return the level with a new nesting, inside code."""
    return Level(level.scope, level.depth, level.methods, True, nesting)


def _extend(unit: Unit, node: Node, last: int) -> None:
    """Add a trailing node to a unit, such as a body that the grammar puts beside its signature."""
    unit.last = max(unit.last, last)
    if unit.node is not None and _height(node) > _height(unit.node):
        unit.node = node


def _height(node: Node) -> int:
    """Return the number of line ends in a node."""
    return node.end_point[0] - node.start_point[0]


def _splice(nodes: list[Node], spliced: frozenset[str]) -> list[Node]:
    """Return `nodes` in which nodes of the types `spliced` are replaced by their children, down to two levels."""
    for _ in range(2):
        if not any(node.type in spliced for node in nodes):
            return nodes
        flat: list[Node] = []
        for node in nodes:
            if node.type in spliced:
                flat.extend(node.named_children or [node])
            else:
                flat.append(node)
        nodes = flat
    return nodes


def _outer_comments(body: Node, definition: Node, leading: frozenset[str]) -> list[Node]:
    """Return comments between the header and the body of a definition. They belong to its first member."""
    before = body.prev_named_sibling
    comments: list[Node] = []
    while before is not None and before.type in leading:
        if before.start_byte < definition.start_byte or before.start_point[0] <= definition.start_point[0]:
            break
        comments.append(before)
        before = before.prev_named_sibling
    return comments[::-1]


def _append(units: list[Unit], unit: Unit) -> None:
    """Add a unit. A row that it shares with the unit before goes to one of the two."""
    if units:
        before = units[-1]
        if unit.first <= before.last:
            if unit.last <= before.last:
                before.defines = before.defines or unit.defines
                return
            if before.first == before.last:
                unit.first = before.first
                unit.is_import = unit.is_import and before.is_import
                units[-1] = unit
                return
            unit.first = before.last + 1
    units.append(unit)


def _is_next_clause(units: list[Unit], unit: Unit) -> bool:
    """Return whether a unit is a further clause of the function in the last unit."""
    if not units or units[-1].draft is None or unit.draft is None:
        return False
    before = units[-1].draft
    return before.name == unit.draft.name and before.kind is unit.draft.kind and is_callable(before.kind)


def _merge_clause(before: Unit, unit: Unit) -> None:
    """Add a clause to the unit of its function, as one of its children."""
    if before.draft is None or unit.draft is None:
        return
    before.draft.has_body = before.draft.has_body or unit.draft.has_body
    if unit.last <= before.last:
        return
    if not before.clauses:
        first_clause = Unit(before.first, before.last, before.node, before.level)
        first_clause.draft = before.draft
        before.children = [first_clause]
        before.clauses = True
    before.children = [*(before.children or ()), unit]
    before.last = unit.last
