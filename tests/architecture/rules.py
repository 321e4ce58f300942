"""The house rules of shape: each is a function from a module's path and tree to the faults that it finds."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import PurePath

Rule = Callable[[PurePath, str, ast.Module], Iterator[str]]
Function = ast.FunctionDef | ast.AsyncFunctionDef

LONGEST_FILE, LONGEST_FUNCTION, LONGEST_ATTACK = 250, 40, 80

VAGUE = {"utils", "util", "common", "base", "helpers", "helper", "misc", "manager"}

SWALLOWS = {"decoding.py:_upright": "a damaged camera record must not spoil sound pixels"}
"""`file.py:function` -> why any error may end there."""

STATEFUL = {
    "Target": "keeps the bill of an attack",
    "Counts": "is the bill, added to in place",
    "Keeper": "remembers the best proposal so far",
    "Asking": "remembers what each example may still ask",
    "StoredTensors": "holds an open file",
    "Journal": "remembers what a run has finished",
    "Sheet": "holds a threat's columns while an audit fills them in",
    "Rounds": "is what the attacks of an audit have found so far",
    "Pace": "remembers when the next request may leave",
    "Running": "holds a process under way",
    "_Run": "is one audit under way",
    "Course": "is one training under way",
}
"""Classes that carry state on purpose, and why. Every other class is a protocol or a frozen value."""

VALUES = {"NamedTuple", "Enum", "IntEnum", "StrEnum", "Flag", "IntFlag", "TypedDict"}
FRAMEWORK = {
    "Module": {"models", "zoo", "defences", "hardening"},  # torch wants networks to be modules
    "Function": {"search", "defences"},  # a gradient of one's own is an autograd function
    "TorchFunctionMode": {"models", "search"},  # who watches all of torch's operations is a mode
}


def functions(tree: ast.AST) -> Iterator[Function]:
    """Find all functions and methods, nested ones too."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def name_of(node: ast.expr) -> str:
    """Give the last part of a dotted, called or subscripted name."""
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute():
            return node.attr
        case ast.Call():
            return name_of(node.func)
        case ast.Subscript():
            return name_of(node.value)
    return ""


def short_file(path: PurePath, text: str, _tree: ast.Module) -> Iterator[str]:
    """A file has at most 250 lines, an attack at most 80."""
    attack = path.parent.name == "attacks" and path.name != "__init__.py"
    most, lines = LONGEST_ATTACK if attack else LONGEST_FILE, len(text.splitlines())
    if lines > most:
        yield f"{lines} lines, at most {most}"


def short_function(_path: PurePath, _text: str, tree: ast.Module) -> Iterator[str]:
    """A function has at most 40 lines without its docstring."""
    for function in functions(tree):
        lines = function.end_lineno - function.lineno + 1
        if ast.get_docstring(function):
            lines -= function.body[0].end_lineno - function.body[0].lineno + 1
        if lines > LONGEST_FUNCTION:
            yield f"{function.name} has {lines} lines, at most {LONGEST_FUNCTION}"


def no_type_test(path: PurePath, _text: str, tree: ast.Module) -> Iterator[str]:
    """Attacks and searches ask no object what it is: a set or a goal says in its protocol what it can do."""
    if not {"attacks", "search"} & set(path.parts):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and name_of(node.func) in {"isinstance", "issubclass", "hasattr", "type"}:
            yield f"line {node.lineno} asks {name_of(node.func)}()"
        if isinstance(node, ast.Call) and name_of(node.func) == "getattr" and len(node.args) == 3:
            yield f"line {node.lineno} asks getattr() with a default"
        if isinstance(node, ast.MatchClass):
            yield f"line {node.lineno} matches a class"


def narrow_except(path: PurePath, _text: str, tree: ast.Module) -> Iterator[str]:
    """A handler names what it expects, or raises again: other people's code on other people's data raises anything."""
    handlers = [node for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler)]
    owners = {node: function.name for function in functions(tree) for node in ast.walk(function)}  # the innermost
    for handler in handlers:
        kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        broad = any(kind is None or name_of(kind) in {"Exception", "BaseException"} for kind in kinds)
        swallows = broad and not isinstance(handler.body[-1], ast.Raise)
        if swallows and f"{path.name}:{owners.get(handler, '')}" not in SWALLOWS:
            yield f"line {handler.lineno} swallows every error"


def documented(_path: PurePath, _text: str, tree: ast.Module) -> Iterator[str]:
    """Every public module, class, function and method says what it is for."""

    def public(body: list[ast.stmt]) -> Iterator[str]:
        for node in body:
            if not isinstance(node, Function | ast.ClassDef) or node.name.startswith("_"):
                continue
            if not ast.get_docstring(node):
                yield f"{node.name} has no docstring"
            if isinstance(node, ast.ClassDef):
                yield from public(node.body)

    if not ast.get_docstring(tree):
        yield "the module has no docstring"
    yield from public(tree.body)


def telling_name(path: PurePath, _text: str, _tree: ast.Module) -> Iterator[str]:
    """No module is named after nothing."""
    yield from (f"'{word}' says nothing" for part in path.parts for word in [PurePath(part).stem] if word in VAGUE)


def nothing_left_to_do(_path: PurePath, text: str, _tree: ast.Module) -> Iterator[str]:
    """What is to be done stands in an issue, not in a comment."""
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line):
            yield f"line {number} leaves something to do"


def abstract_or_final(path: PurePath, _text: str, tree: ast.Module) -> Iterator[str]:
    """Every class is a protocol, an exception, a named tuple, an enum or a frozen dataclass."""
    for node in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
        bases = {name_of(base) for base in node.bases}
        allowed = (
            node.name in STATEFUL
            or bases & (VALUES | {"Protocol"})
            or any(base.endswith(("Error", "Exception", "Warning")) for base in bases)
            or any(places & set(path.parts) for base, places in FRAMEWORK.items() if base in bases)
            or any(frozen(decorator) for decorator in node.decorator_list)
            or ("BaseModel" in bases and any(keyword.arg == "frozen" for keyword in node.keywords))
        )
        if not allowed:
            yield f"{node.name} is neither a protocol nor a frozen value"


def frozen(decorator: ast.expr) -> bool:
    """Tell whether a decorator makes a frozen dataclass."""
    if not isinstance(decorator, ast.Call) or name_of(decorator) != "dataclass":
        return False
    return any(word.arg == "frozen" and ast.literal_eval(word.value) is True for word in decorator.keywords)


RULES: tuple[Rule, ...] = (
    short_file,
    short_function,
    no_type_test,
    narrow_except,
    documented,
    telling_name,
    nothing_left_to_do,
    abstract_or_final,
)


def faults(rule: Rule, path: PurePath, text: str) -> list[str]:
    """Find what is wrong with one file under one rule."""
    return [f"{path}: {fault}" for fault in rule(path, text, ast.parse(text))]


def bases_of(text: str) -> dict[str, tuple[set[str], bool]]:
    """Give each class of a file: the names of its bases, and whether it may be derived from."""
    found = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef):
            bases = {name_of(base) for base in node.bases}
            found[node.name] = bases, "Protocol" in bases or node.name.endswith(("Error", "Warning"))
    return found
