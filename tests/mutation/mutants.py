"""Which mutants a module has: small changes of its syntax tree, each with a name that outlives edits of other lines."""

import ast
import itertools
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any


@dataclass(frozen=True)
class Mutant:
    line: int
    name: str  # where it stands, before, after; numbered where that is not enough
    inside: bool  # a function, so that nothing but its code differs
    apply: Callable[[], None]  # changes the tree


_COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_NAMES = {"any": "all", "all": "any", "min": "max", "max": "min"}
# Types, and what only tools read.
_UNTOUCHED_FIELDS = {"annotation", "returns", "ctx", "type_params"}
_UNTOUCHED_TARGETS = {"__all__", "__slots__"}


def mutants(tree: ast.Module) -> list[Mutant]:
    """Every mutant of the module, in the order of its lines. Apply one, and the tree is spent."""
    seen: Counter[str] = Counter()
    found = []
    for mutant in _below(tree, "", False, False):
        seen[mutant.name] += 1
        count = seen[mutant.name]
        found.append(mutant if count == 1 else replace(mutant, name=f"{mutant.name} ({count})"))
    return found


def _functions(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def has_functions(tree: ast.Module) -> bool:
    return bool(_functions(tree))


def planted(tree: ast.Module) -> Mutant:
    """The mutant that any test kills which calls anything here: every function raises."""

    def apply() -> None:
        for function in _functions(tree):
            function.body.insert(0, ast.parse("raise AssertionError('planted')").body[0])

    return Mutant(0, "planted", True, apply)


def _below(node: ast.AST, where: str, is_pattern: bool, inside: bool) -> Iterator[Mutant]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        where = f"{where}.{node.name}".lstrip(".")
    is_pattern = is_pattern or (isinstance(node, ast.Call) and ast.unparse(node.func).startswith("re."))
    for field, value in ast.iter_fields(node):
        if field in _UNTOUCHED_FIELDS:
            continue
        within = inside or (field == "body" and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)))
        for place, child in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(child, ast.AST) or _is_for_readers(child):
                continue
            put: Callable[[Any], None] = partial(setattr, node, field)
            if isinstance(value, list):
                put = partial(value.__setitem__, place)
            for new in _instead(child, node, field, where, is_pattern):
                line = getattr(child, "lineno", getattr(node, "lineno", 0))
                name = f"{where or 'module'}: {_change(child, new)}"
                if not hasattr(new, "lineno"):  # else it is a part of what stood there, and stays where it is
                    ast.copy_location(new, child)
                yield Mutant(line, name, within, partial(put, new))
            yield from _below(child, where, is_pattern, within)


def _is_for_readers(node: ast.AST) -> bool:
    """Docstrings, and names for tools."""
    if isinstance(node, ast.Assign):
        return any(isinstance(target, ast.Name) and target.id in _UNTOUCHED_TARGETS for target in node.targets)
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _change(old: ast.AST, new: ast.AST) -> str:
    """Before and after, each the first line of its source, cut around what differs."""
    before, after = (ast.unparse(node).partition("\n")[0] for node in (old, new))
    alike = sum(itertools.takewhile(bool, (old == new for old, new in zip(before, after, strict=False))))
    front = max(0, alike - 20)
    ends = [("..." if front else "") + text[front:] for text in (before, after)]
    return " -> ".join(text if len(text) <= 60 else text[:57] + "..." for text in ends)


def _instead(node: Any, parent: ast.AST, field: str, where: str, is_pattern: bool) -> Iterator[ast.AST]:
    """What may stand in the node's place."""
    if (field == "test" and not isinstance(parent, ast.While)) or field == "ifs":
        yield ast.Constant(True)
    if field in ("test", "ifs"):
        yield ast.Constant(False)
    match node:
        case ast.Compare(left=left, ops=ops, comparators=others):
            for place, operator in enumerate(ops):
                for other in _COMPARED[type(operator)]:
                    yield ast.Compare(left, [*ops[:place], other(), *ops[place + 1 :]], others)
        case ast.BoolOp(op=operator, values=values):
            yield ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values)
            for place in range(len(values)):
                rest = [*values[:place], *values[place + 1 :]]
                yield ast.BoolOp(operator, rest) if len(rest) > 1 else rest[0]
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield operand
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATORS:
            yield ast.BinOp(left, _OPERATORS[type(operator)](), right)
        case ast.Constant(value=constant):
            is_compared = isinstance(parent, ast.Compare) and isinstance(parent.ops[0], (ast.Is, ast.IsNot))
            is_pattern = is_pattern or (not where and isinstance(constant, (str, bytes)) and "[" in str(constant))
            if not (constant is None and is_compared):
                yield from map(ast.Constant, _constants(constant, is_pattern))
        case ast.Slice(lower=lower, upper=upper, step=step):
            for given in (lower, upper, step):
                if given is not None:
                    yield ast.Slice(*(None if one is given else one for one in (lower, upper, step)))
        case ast.Return(value=ast.AST() as value) if not (isinstance(value, ast.Constant) and not value.value):
            yield ast.Return(ast.Constant(None))
        case ast.Expr() | ast.Assign() | ast.AugAssign() | ast.Raise() | ast.Continue() | ast.Break() | ast.Delete():
            if where:
                yield ast.Pass()
        case ast.With(body=body):
            yield ast.If(ast.Constant(True), body, [])
        case ast.Call(func=ast.Attribute(value=value), args=[], keywords=[]):
            yield value
        case ast.Call(func=function, args=arguments, keywords=keywords):
            for place in range(len(keywords)):
                yield ast.Call(function, arguments, [*keywords[:place], *keywords[place + 1 :]])
        case ast.Name(id=name) if name in _NAMES:
            yield ast.Name(_NAMES[name], ast.Load())
        case _:
            pass


def _constants(value: Any, is_pattern: bool) -> Iterator[Any]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, (int, float)):
        yield from (value + 1, value - 1)
    elif value is None:
        yield True
    elif value == "" or value == b"":
        yield "mutant" if value == "" else b"mutant"
    elif isinstance(value, (str, bytes)):
        yield value[:0]
        if is_pattern:
            yield from filter(_compiles, _shorter(value))


def _shorter(pattern: Any) -> Iterator[Any]:
    """The pattern with one character less."""
    return (pattern[:place] + pattern[place + 1 :] for place in range(len(pattern)))


def _compiles(pattern: Any) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # "possible nested set"
        try:
            re.compile(pattern)
        except (re.error, FutureWarning):
            return False
    return bool(pattern)
