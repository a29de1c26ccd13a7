r"""Which names a statement gives which values: by assignment, by unpacking, by the patterns of `match`.

>>> tree = ast.parse("match os:\n    case object(system=f): pass")
>>> [(name, ast.unparse(value)) for name, value in assignments(tree.body[0])]
[('f', 'os.system')]
"""

from __future__ import annotations

import ast
from collections.abc import Iterator


def assignments(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """(name, value) of every name that a statement or expression gives a value which can be told."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _targets(target, node.value)
    elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
        yield from _targets(node.target, node.value)
    elif isinstance(node, ast.Match):
        for case in node.cases:
            yield from _captured(case.pattern, node.subject)


def rebound_by(node: ast.AST) -> Iterator[str]:
    """Names that something else than an assignment fills: parameters, loops, `with`, `except`, `+=`."""
    if isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension | ast.AugAssign):
        yield from (part.id for part in ast.walk(node.target) if isinstance(part, ast.Name))
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        yield from (part.id for part in ast.walk(node.optional_vars) if isinstance(part, ast.Name))
    elif isinstance(node, ast.ExceptHandler) and node.name:
        yield node.name


def _targets(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
        for inner, part in zip(target.elts, value.elts, strict=False):
            yield from _targets(inner, part)


def _captured(pattern: ast.pattern, subject: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """What the names in a pattern stand for when it fits: parts of the subject, written as expressions."""
    if isinstance(pattern, ast.MatchAs) and pattern.name is not None:
        yield pattern.name, subject
    for inner, part in _parts(pattern, subject):
        yield from _captured(inner, part)


def _parts(pattern: ast.pattern, subject: ast.expr) -> Iterator[tuple[ast.pattern, ast.expr]]:
    """The patterns inside of a pattern, each with the part of the subject that it is held against."""
    if isinstance(pattern, ast.MatchAs) and pattern.pattern is not None:
        yield pattern.pattern, subject
    elif isinstance(pattern, ast.MatchOr):
        yield from ((inner, subject) for inner in pattern.patterns)
    elif isinstance(pattern, ast.MatchClass):
        yield from ((inner, subject) for inner in pattern.patterns)  # `case str(x)` is the subject itself
        for name, inner in zip(pattern.kwd_attrs, pattern.kwd_patterns, strict=True):
            yield inner, ast.Attribute(subject, name, ast.Load())
    elif isinstance(pattern, ast.MatchMapping):
        for key, inner in zip(pattern.keys, pattern.patterns, strict=True):
            yield inner, ast.Subscript(subject, key, ast.Load())
    elif isinstance(pattern, ast.MatchSequence) and isinstance(subject, ast.Tuple | ast.List):
        yield from zip(pattern.patterns, subject.elts, strict=False)
