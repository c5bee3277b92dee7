"""Calls of JavaScript that hold the code of a file, wrap a function, or define something by their arguments."""

from __future__ import annotations

from tree_sitter import Node

from raycontext.chunk.syntax.rules import Found, child_at, label_text, node_text
from raycontext.models import ChunkKind

__all__ = ["FUNCTIONS", "argument", "call_value", "defining_call", "module_code"]

FUNCTIONS = frozenset(
    {"arrow_function", "function_expression", "function", "generator_function", "function_declaration"}
)
"""Types of nodes that are functions."""
WRAPPING_CALLS = frozenset(
    {"memo", "forwardRef", "observer", "debounce", "throttle", "memoize", "once", "curry", "useCallback", "withRouter"}
)
"""Names of functions that return the function in their first argument, changed in some way."""
MODULE_CALLS = frozenset(
    {"define", "require", "requirejs", "ready", "$", "jQuery", "System.register", "addEventListener"}
)
"""Names of functions whose last argument is a function with the code of the file."""
COMPONENT_CALLS = frozenset(
    {"controller", "directive", "service", "factory", "filter", "provider", "component", "mixin", "plugin"}
)
"""Names of functions that register their last argument, a function or an object, by the name in the first one."""
MAX_CALL_LEVELS = 8
"""Largest number of calls and operators around a function that is looked for."""
TEST_CALLS = frozenset({"describe", "it", "test", "suite", "context", "specify", "bench"})
"""Names of functions that define a test or a group of tests."""


def call_value(call: Node, names: tuple[str, ...], row: int, owner: str, data: bytes) -> Found:
    """Describe `name = call(…)`: a function that is wrapped, a module pattern, or an object that a call completes."""
    invoked = _invoked_function(call)
    if invoked is not None:
        return Found(ChunkKind.CONSTANT, names, row, invoked.child_by_field_name("body"), False, owner)
    inner: Node | None = call
    for _ in range(MAX_CALL_LEVELS):
        if inner is None or inner.type != "call_expression":
            break
        is_wrapper = _called_word(inner, data) in WRAPPING_CALLS
        inner = argument(inner, 0)
        if is_wrapper and inner is not None and inner.type in FUNCTIONS:
            return Found(ChunkKind.FUNCTION, names, row, owner=owner)
        if not is_wrapper:
            break
    last = _returned_object(argument(call, -1))
    if last is not None and last.type == "object" and last.end_point[0] > last.start_point[0]:
        word = _called_word(call, data)
        kind = ChunkKind.CLASS if word in ("extend", "createReactClass", "createClass") else ChunkKind.CONSTANT
        return Found(kind, names, row, last, False, owner)
    if last is not None and last.type == "class":
        return Found(ChunkKind.CLASS, names, row, last.child_by_field_name("body"), True, owner)
    return Found(ChunkKind.CONSTANT, names, row, owner=owner)


def _returned_object(value: Node | None) -> Node | None:
    """Return the object in `(set) => ({ … })`, else the value itself."""
    body = value.child_by_field_name("body") if value is not None and value.type == "arrow_function" else None
    inner = child_at(body, 0) if body is not None and body.type == "parenthesized_expression" else None
    return inner if inner is not None and inner.type == "object" else value


def argument(call: Node, index: int) -> Node | None:
    """Return the argument of a call at `index`, which may be negative; None when there are fewer.

    Parentheses around it do not count, as in `factory((function () { … }))`.
    """
    arguments = call.child_by_field_name("arguments")
    if arguments is None or arguments.type != "arguments":
        return None
    values = [child for child in arguments.named_children if child.type != "comment"]
    value = values[index] if -len(values) <= index < len(values) else None
    for _ in range(MAX_CALL_LEVELS):
        if value is None or value.type != "parenthesized_expression":
            break
        value = child_at(value, 0)
    return value


def _called_word(call: Node, data: bytes) -> str:
    """Return the last word of the name of a called function, such as `memo` in `React.memo(…)`; "" for another form."""
    function = call.child_by_field_name("function")
    if function is None:
        return ""
    if function.type == "member_expression":
        function = function.child_by_field_name("property")
    return node_text(function, data) if function is not None and function.type.endswith("identifier") else ""


def module_code(expression: Node, data: bytes) -> Found | None:
    """Describe code that a call runs at once, such as `(function () { … })()`. It counts as code of the file.

    The factory of a UMD module is an argument of the call. It counts as code of the file in place of the loader.
    """
    call = _inner_call(expression)
    code = _code_of(call, data) if call is not None else None
    if code is None:
        return None
    body = code if code.type == "object" else code.child_by_field_name("body")
    return Found(ChunkKind.BLOCK, (), expression.start_point[0], body)


def _code_of(call: Node, data: bytes) -> Node | None:
    """Return the function or the object with the code that a call runs at once; None for another call."""
    last = argument(call, -1)
    invoked = _invoked_function(call)
    if invoked is not None:
        return last if last is not None and last.type in FUNCTIONS else invoked
    function = call.child_by_field_name("function")
    if function is None or last is None or last.type not in FUNCTIONS | {"object"}:
        return None
    is_module = _called_word(call, data) in MODULE_CALLS or node_text(function, data) in MODULE_CALLS
    return last if is_module else None


def _inner_call(expression: Node) -> Node | None:
    """Return the call inside of parentheses and operators such as `!`; None when there is none."""
    inner: Node | None = expression
    for _ in range(MAX_CALL_LEVELS):
        if inner is None or inner.type == "call_expression":
            return inner
        if inner.type not in ("unary_expression", "await_expression", "parenthesized_expression"):
            return None
        inner = child_at(inner, 0)
    return None


def _invoked_function(call: Node) -> Node | None:
    """Return the function that a call runs at once, also with `.call(…)` or `.apply(…)`; None for another call."""
    inner = call.child_by_field_name("function")
    for _ in range(MAX_CALL_LEVELS):
        if inner is None or inner.type in FUNCTIONS:
            return inner
        if inner.type == "parenthesized_expression":
            inner = child_at(inner, 0)
        elif inner.type == "member_expression":
            inner = inner.child_by_field_name("object")
            if inner is None or inner.type not in ("parenthesized_expression", *FUNCTIONS):
                return None
        else:
            return None
    return None


def defining_call(expression: Node, data: bytes) -> Found | None:
    """Describe a call that defines a test, registers a component, or adds the functions of an object to another one."""
    if expression.type != "call_expression":
        return None
    return _test_call(expression, data) or _component(expression, data) or _extension(expression, data)


def _component(call: Node, data: bytes) -> Found | None:
    """Describe `app.controller("Name", function …)` by the name."""
    first, last = argument(call, 0), argument(call, -1)
    if first is None or last is None or first.type != "string" or first.id == last.id:
        return None
    if _called_word(call, data) not in COMPONENT_CALLS:
        return None
    if last.type == "array" and last.named_children:
        last = last.named_children[-1]
    is_object = last.type == "object"
    kind = ChunkKind.FUNCTION if last.type in FUNCTIONS else ChunkKind.CLASS if is_object else ChunkKind.CONSTANT
    return Found(kind, (label_text(first, data),), first.start_point[0], last if is_object else None)


def _extension(call: Node, data: bytes) -> Found | None:
    """Describe `extend(Name.prototype, { … })` and other calls with an object, whose functions are members."""
    last = argument(call, -1)
    if last is None or last.type != "object":
        return None
    target: Node | None = None
    if _called_word(call, data) in ("extend", "assign", "mixin"):
        target = argument(call, 0)
        if target is not None and target.id == last.id:
            function = call.child_by_field_name("function")
            target = function.child_by_field_name("object") if function is not None else None
    owner = node_text(target, data).removesuffix(".prototype") if target is not None else ""
    return Found(ChunkKind.BLOCK, (), call.start_point[0], last, owner=owner)


def _test_call(call: Node, data: bytes) -> Found | None:
    """Describe `describe("title", () => { … })` by its title. The tests in it are its members."""
    function = call.child_by_field_name("function")
    if function is None:
        return None
    if node_text(function, data).split(".", 1)[0].split("(", 1)[0] not in TEST_CALLS:
        return None
    arguments = call.child_by_field_name("arguments")
    if arguments is None:
        return None
    children = arguments.named_children
    if len(children) < 2 or children[0].type not in ("string", "template_string"):
        return None
    body = children[-1].child_by_field_name("body") if children[-1].type in FUNCTIONS else None
    return Found(ChunkKind.TEST, (label_text(children[0], data),), children[0].start_point[0], body)
