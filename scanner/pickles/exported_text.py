"""Judges the texts of an exported program that torch hands to `eval` or `exec`, by what export writes.

Sizes are expressions for `sympy.sympify`, which evaluates them as Python; guards, and the names of values,
become part of source that is run. Only arithmetic on symbols, with the functions of torch and sympy for
it, is plain.

Source: torch 2.13, torch/_export/serde/serialize.py (`_parse_sym_expr`), torch/export/_unlift.py
(`_convert_guards_code_to_fn`), torch/fx/graph.py (`_gen_python_code`), torch/utils/_sympy/functions.py.

>>> fault_of_expression("Mul(Integer(2), Symbol('s0', positive=True, integer=True))")
''
>>> fault_of_expression("open('x')")
"calls 'open'"
>>> fault_of_guard("L['x'].size()[0] % 2 == 0")
''
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator
from typing import Final

LENGTH_LIMIT: Final = 1 << 16
# Nothing that starts a comment, joins lines, or that sympy reads otherwise than Python.
_LETTERS: Final = re.compile(r"[A-Za-z0-9_ '(),.+\-*/%<>=!&|~]*", re.ASCII)
_GUARD_LETTERS: Final = re.compile(r"[A-Za-z0-9_ '(),.+\-*/%<>=!&|~^\[\]:@$]*", re.ASCII)
# A value's name becomes part of source; these letters call nothing.
_VALUE_NAME: Final = re.compile(r"[\w.:/-]*")
# The path of a parameter may hold anything that does not end the quotes which torch puts around it.
_PATH_BREAKS: Final = re.compile(r"[\"\\\n\r]")
_SYMBOL: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_NUMBER: Final = re.compile(r"-?\d{1,400}(\.\d{0,400})?([eE][+-]?\d{1,3})?", re.ASCII)
_KEY: Final = re.compile(r"[\w .:@$/-]*", re.ASCII)
_FUNCTIONS: Final = frozenset({
    # Source: GraphModuleDeserializer.sympy_functions.
    "FloorDiv", "ModularIndexing", "Where", "PythonMod", "Mod", "CleanDiv", "CeilToInt", "FloorToInt",
    "CeilDiv", "LShift", "RShift", "PowByNatural", "FloatPow", "FloatTrueDiv", "IntTrueDiv",
    "IsNonOverlappingAndDenseIndicator", "TruncToFloat", "TruncToInt", "RoundToInt", "RoundDecimal",
    "ToFloat", "Identity",
    # What sympy.printing.srepr writes of sympy's own.
    "Symbol", "Dummy", "Integer", "Float", "Rational", "Add", "Mul", "Pow", "Max", "Min", "Abs", "And",
    "Or", "Not", "Xor", "ITE", "Eq", "Ne", "Lt", "Le", "Gt", "Ge", "Equality", "Unequality",
    "GreaterThan", "LessThan", "StrictGreaterThan", "StrictLessThan", "Piecewise", "ExprCondPair",
    "floor", "ceiling", "sign", "sqrt", "log", "sin", "cos", "tan", "tanh", "asin", "acos", "atan",
})  # fmt: skip
_FUNCTION_KINDS: Final = re.compile(r"(OpaqueUnaryFn|BitwiseFn)_\w+", re.ASCII)
_NAMING: Final = frozenset({"Symbol", "Dummy"})
_NUMERIC: Final = frozenset({"Integer", "Float", "Rational"})
_GUARD_FUNCTIONS: Final = _FUNCTIONS | {
    "max", "min", "abs", "round", "int", "float", "bool", "cast_symbool_to_symint_guardless",
}  # fmt: skip
_GUARD_PATHS: Final = re.compile(r"math\.[a-z]\w*|torch\._?sym_\w+", re.ASCII)
_GUARD_METHODS: Final = frozenset({"size", "stride", "storage_offset", "dim", "numel", "item"})
_POWERS: Final = frozenset({"Pow", "PowByNatural", "FloatPow", "LShift", "RShift"})
# No export writes a greater power of a size; powers of powers fill the memory of whoever evaluates them.
_POWER_LIMIT: Final = 1024
_PLAIN: Final = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.operator, ast.unaryop, ast.boolop,
    ast.cmpop, ast.expr_context, ast.IfExp, ast.Name,
)  # fmt: skip


def fault_of_expression(text: str) -> str:
    """What in an expression no export writes, a clause; "" when it is arithmetic on symbols."""
    return _fault(text, is_guard=False)


def fault_of_guard(text: str) -> str:
    """The same of a condition on the sizes of inputs, which torch puts into source that it runs."""
    return _fault(text, is_guard=True)


def breaks_source(name: str) -> bool:
    """Whether the name of a value would be more than a name where torch writes it into source."""
    return _VALUE_NAME.fullmatch(name) is None


def breaks_quotes(path: str) -> bool:
    """Whether the path of a parameter would end the quotes that torch puts around it in source."""
    return _PATH_BREAKS.search(path) is not None


def _fault(text: str, *, is_guard: bool) -> str:
    if (_GUARD_LETTERS if is_guard else _LETTERS).fullmatch(text) is None:
        return "has signs that arithmetic does not need"
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "is no arithmetic"
    if _is_steep(tree):
        return "takes a power that fills the memory"
    return next(_faults(tree, is_guard=is_guard), "")


def _faults(tree: ast.Expression, *, is_guard: bool) -> Iterator[str]:
    """What is not plain, from the outside to the inside."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Call):
            yield from _call_faults(node, is_guard=is_guard)
            waiting.extend(_parts(node))
        elif is_guard and isinstance(node, ast.Subscript | ast.Attribute):
            yield from _source_faults(node)
            waiting.append(node.value)
        elif isinstance(node, ast.Constant):
            yield from _constant_faults(node)
        elif isinstance(node, _PLAIN):
            waiting.extend(ast.iter_child_nodes(node))
        else:
            yield f"has what arithmetic does not need ({type(node).__name__})"


def _call_faults(node: ast.Call, *, is_guard: bool) -> Iterator[str]:
    path = _path(node.func)
    known = _GUARD_FUNCTIONS if is_guard else _FUNCTIONS
    is_known = isinstance(node.func, ast.Name) and bool(path in known or _FUNCTION_KINDS.fullmatch(path))
    if is_guard and isinstance(node.func, ast.Attribute):
        is_known = node.func.attr in _GUARD_METHODS or _GUARD_PATHS.fullmatch(path) is not None
    if not is_known:
        yield f"calls '{path[:80]}'"
    if not all(_is_assumption(keyword) for keyword in node.keywords):
        yield f"hands '{path[:80]}' what no export does"


def _path(callee: ast.expr) -> str:
    """How a callee is written, as far as a name of two parts tells it."""
    if isinstance(callee, ast.Attribute):
        return f"{_path(callee.value) if isinstance(callee.value, ast.Name) else ''}.{callee.attr}"
    return callee.id if isinstance(callee, ast.Name) else type(callee).__name__


def _is_assumption(keyword: ast.keyword) -> bool:
    """Whether this is what a symbol or number is known to be: `integer=True`, `precision=53`."""
    value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
    return keyword.arg is not None and isinstance(value, int) and value <= _POWER_LIMIT


def _parts(node: ast.Call) -> list[ast.AST]:
    """What a call is made of, without the text of a symbol or a number."""
    parts: list[ast.AST] = [*node.args]
    if isinstance(node.func, ast.Attribute):
        parts.append(node.func.value)
    first = node.args[0] if node.args else None
    if isinstance(first, ast.Constant) and isinstance(first.value, str) and isinstance(node.func, ast.Name):
        pattern = _SYMBOL if node.func.id in _NAMING else _NUMBER if node.func.id in _NUMERIC else None
        if pattern is not None and pattern.fullmatch(first.value):
            return parts[1:]
    return parts


def _constant_faults(node: ast.Constant) -> Iterator[str]:
    if not isinstance(node.value, bool | int | float):
        yield f"has a constant that is no number ({type(node.value).__name__})"
    elif isinstance(node.value, float) and not math.isfinite(node.value):
        yield "has a number that fills the memory"


def _source_faults(node: ast.Subscript | ast.Attribute) -> Iterator[str]:
    """How a guard names an input: `L['x'].size()[0]`."""
    if isinstance(node, ast.Attribute):
        if node.attr.startswith("_"):
            yield f"reaches for '{node.attr[:80]}'"
        return
    value = node.slice.value if isinstance(node.slice, ast.Constant) else None
    if not (type(value) is int or (isinstance(value, str) and _KEY.fullmatch(value))):
        yield "has an index that is neither a number nor a name"


def _is_steep(tree: ast.AST) -> bool:
    """Whether powers in it, taken of each other, are greater than any export writes."""
    waiting: list[tuple[ast.AST, float]] = [(tree, 1)]
    while waiting:
        node, power = waiting.pop()
        base, exponents = _power(node)
        if base is None:
            waiting.extend((inner, power) for inner in ast.iter_child_nodes(node))
            continue
        for exponent in exponents:
            if any(_power(inner)[0] for inner in ast.walk(exponent)):
                return True
            power *= max(1, _greatest(exponent))
        if power > _POWER_LIMIT:
            return True
        waiting.append((base, power))
    return False


def _power(node: ast.AST) -> tuple[ast.AST | None, list[ast.expr]]:
    """Base and exponents when this takes a power."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow | ast.LShift):
        return node.left, [node.right]
    is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _POWERS
    if is_call and isinstance(node, ast.Call) and node.args:
        return node.args[0], node.args[1:]
    return None, []


def _greatest(exponent: ast.expr) -> float:
    """No less than what the numbers of an exponent can come to."""
    numbers = [abs(_number(node.value)) for node in ast.walk(exponent) if isinstance(node, ast.Constant)]
    return numbers[0] if len(numbers) == 1 else math.prod(max(2.0, number) for number in numbers)


def _number(value: object) -> float:
    try:
        return float(value) if isinstance(value, str | int | float) else 0
    except (ValueError, OverflowError):  # the name of a symbol, or a number that is too long
        return 0 if isinstance(value, str) else math.inf
