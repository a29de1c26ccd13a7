"""Programs of torch.export: text that loading evaluates, and operations that reach out, are told."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scanner.checks.pickle_runs_code import CHECK
from scanner.file_check import FileVerdict
from scanner.pickles.exported_programs import ExportedProgramError, judge_exported_program
from scanner.pickles.exported_text import fault_of_expression, fault_of_guard
from tests.assets.archives import zip_bytes
from tests.assets.make_file_assets import write_all
from tests.scanner.check_runs import findings_of

_ATTACK = [("program-reaches-out", FileVerdict.ATTACK)]
_REVIEW = [("carries-program", FileVerdict.NEEDS_CLASS_INSTANCE)]
_PLAIN = [("tensor-plumbing", FileVerdict.PLAIN_DATA)]
_CALL = "__import__('os').system('echo weighbridge')"


def verdicts(folder: Path, data: bytes) -> list[tuple[str, FileVerdict | None]]:
    found = findings_of(CHECK, write_all(folder, {"model.pt2": data}))
    return list(dict.fromkeys((each.rule, CHECK.verdict_of(each)) for each in found))


@pytest.fixture(scope="module")
def honest() -> bytes:
    """What torch.export writes of a program with sizes that depend on its input."""
    import torch
    from torch.export import Dim

    class Net(torch.nn.Module):  # type: ignore[misc]  # torch is not looked into here
        def __init__(self) -> None:
            super().__init__()
            self.layers = torch.nn.ModuleDict({"conv-1": torch.nn.Conv2d(1, 2, 3, stride=2)})

        def forward(self, x: torch.Tensor, *, scale: torch.Tensor) -> torch.Tensor:
            y = torch.nn.functional.interpolate(self.layers["conv-1"](x), scale_factor=1.5)
            return y.flatten(1) * (x.shape[2] ** 2 / 3) + scale

    shapes = {"x": {0: Dim.AUTO, 2: Dim.AUTO, 3: Dim.AUTO}, "scale": None}
    program = torch.export.export(
        Net(), (torch.ones(2, 1, 9, 9),), {"scale": torch.ones(1)}, dynamic_shapes=shapes
    )
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    return buffer.getvalue()


def changed(archive: bytes, change: Callable[[Any], None], name: str = "") -> bytes:
    """The archive with its program changed, or with the program alone under another name."""
    members = {}
    with zipfile.ZipFile(io.BytesIO(archive)) as read:
        for member in read.namelist():
            data = read.read(member)
            if member.endswith("models/model.json"):
                program = json.loads(data)
                change(program)
                data, member = json.dumps(program).encode(), name or member
            members[member] = data
    return zip_bytes(members)


def tables(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from tables(inner)


def with_size(size: object) -> Callable[[Any], None]:
    def change(program: Any) -> None:
        found = [table for table in tables(program) if "expr_str" in table]
        assert found
        found[-1]["expr_str"] = size

    return change


def with_target(target: str) -> Callable[[Any], None]:
    return lambda program: program["graph_module"]["graph"]["nodes"][0].update(target=target)


def with_spec(*path: int, **table: object) -> Callable[[Any], None]:
    """Changes a table in the shape of the arguments."""

    def change(program: Any) -> None:
        signature = program["graph_module"]["module_call_graph"][0]["signature"]
        spec = json.loads(signature["in_spec"])
        node = spec[1]
        for index in path:
            node = node["children_spec"][index]
        node.update(table)
        signature["in_spec"] = json.dumps(spec)

    return change


def test_an_honest_program_is_plain(honest: bytes, tmp_path: Path) -> None:
    assert b"expr_str" in changed(honest, lambda program: None)
    assert verdicts(tmp_path, honest) == _PLAIN


@pytest.mark.parametrize("size", [_CALL, [_CALL], {"a": _CALL}, "().__class__", "9**9**9", "S('x')"])
def test_a_size_that_is_no_arithmetic_is_an_attack(honest: bytes, size: object, tmp_path: Path) -> None:
    assert verdicts(tmp_path, changed(honest, with_size(size))) == _ATTACK


def test_a_program_in_the_old_layout_or_under_a_long_name_is_read_too(honest: bytes, tmp_path: Path) -> None:
    old = changed(honest, with_size(_CALL), "serialized_exported_program.json")
    odd = changed(honest, with_size(_CALL), "archive/models/model:.json")
    long = changed(honest, with_size(_CALL), f"{'a' * 300}/models/{'b' * 300}.json")
    assert [verdicts(tmp_path / str(at), data) for at, data in enumerate((old, odd, long))] == [_ATTACK] * 3


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("torch.ops.aten.from_file.default", _ATTACK),
        ("torch.ops.image.write_file.default", _ATTACK),
        ("os.system", _ATTACK),
        ("torch.serialization.os.system", _ATTACK),
        ("torch.ops.torchvision.nms.default", _REVIEW),
        ("#acme:shell", _REVIEW),
        ("torch.nn.functional.relu", _REVIEW),
        ("_operator.add", _PLAIN),
        ("torch.sym_max", _PLAIN),
    ],
)
def test_operations_are_judged_by_their_names(
    honest: bytes, target: str, expected: object, tmp_path: Path
) -> None:
    assert verdicts(tmp_path, changed(honest, with_target(target))) == expected


def test_names_guards_and_shapes_that_become_code_are_attacks(honest: bytes, tmp_path: Path) -> None:
    def renamed(program: Any) -> None:
        program["graph_module"]["graph"]["inputs"][0]["as_tensor"]["name"] = "x=print(1)"

    def of_path(program: Any) -> None:
        next(each for each in tables(program) if "parameter_name" in each)["parameter_name"] = 'a"+print(1)+"'

    changes = {
        "a value": renamed,
        "a parameter": of_path,
        "a guard": lambda program: program.update(guards_code=[f"L['x'].size()[0] == 1 or {_CALL}"]),
        "arguments": lambda program: next(
            each for each in tables(program) if "forward_arg_names" in each
        ).update(forward_arg_names=["x=print(1)"]),
        "names": with_spec(1, context='["scale=print(1)"]'),
        "an import": with_spec(0, context='{"__enum__": true, "fqn": "os:system", "name": "x"}'),
        "a factory": with_spec(
            0, context='{"default_factory_module": "os", "default_factory_name": "system"}'
        ),
    }
    found = {name: verdicts(tmp_path / name, changed(honest, change)) for name, change in changes.items()}
    assert found == dict.fromkeys(changes, _ATTACK)


def test_a_shape_that_imports_a_class_is_for_a_person_and_one_of_lists_plain(
    honest: bytes, tmp_path: Path
) -> None:
    own = with_spec(0, context='{"__enum__": true, "fqn": "acme.kinds:Colour", "name": "RED"}')
    lists = with_spec(
        0,
        context='{"default_factory_module": "builtins", "default_factory_name": "list", "dict_context": []}',
    )
    assert verdicts(tmp_path / "own", changed(honest, own)) == _REVIEW
    assert verdicts(tmp_path / "lists", changed(honest, lists)) == _PLAIN


def test_native_code_and_pickles_beside_a_program_are_told(honest: bytes, tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(honest)) as read:
        members = {name: read.read(name) for name in read.namelist()}
    root = next(iter(members)).partition("/")[0]
    library = {**members, f"{root}/data/aotinductor/model/run.wrapper.so": b"\x7fELF" + bytes(64)}
    pickled = {**members, f"{root}/data/constants/opaque_obj_0": b"cos\nsystem\n(S'echo weighbridge'\ntR."}
    assert ("carries-program", FileVerdict.NEEDS_CLASS_INSTANCE) in verdicts(
        tmp_path / "a", zip_bytes(library)
    )
    assert ("known-attack", FileVerdict.ATTACK) in verdicts(tmp_path / "b", zip_bytes(pickled))


def test_a_program_that_is_no_json_or_too_much_cannot_be_judged(honest: bytes) -> None:
    with pytest.raises(ExportedProgramError, match="not JSON"):
        list(judge_exported_program("m", b'{"expr_str": '))
    with pytest.raises(ExportedProgramError, match="not JSON"):
        list(judge_exported_program("m", b"[" * 100_000))
    with pytest.raises(ExportedProgramError, match="more values"):
        list(judge_exported_program("m", b"[]," * 4_000_000))


@pytest.mark.parametrize(
    "text",
    [
        "s0", "2*s0 + 1", "s0**2 // 3", "Max(1, u0)", "s0 >= 2", "Pow(Add(Pow(s0, 2), 1), Integer(-1))",
        "Mul(Integer(2), Symbol('s77', positive=True, integer=True))", "Eq(Mod(s0, 8), 0)",
        "TruncToInt(Mul(Float('1.5', precision=53), ToFloat(Symbol('s0', integer=True))))",
        "OpaqueUnaryFn_exp(Symbol('s0'))", "Rational(1, 2)", "oo", "true",
    ],
)  # fmt: skip
def test_arithmetic_on_symbols_is_plain(text: str) -> None:
    assert fault_of_expression(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "", "open('x')", "s0.free_symbols", "Symbol('a b')", "Symbol('s0', cls=open)", "(lambda: 1)()",
        "[x for x in s0]", "'a'", "Max(*s0)", "s0 # no", "s0\n+1", "Float('1e999999')", "1e999", "s\u00f60",
        "Pow(9, Integer('99999'))", "(9**1000)**1000", "2**(1000*1000)", "LShift(1, 10**9)", "9^9^9",
        "Float('1', precision=99999999)", "(" * 300 + ")" * 300, "L['x']", "Max(1)(2)",
    ],
)  # fmt: skip
def test_other_expressions_are_not(text: str) -> None:
    assert fault_of_expression(text) != ""


@pytest.mark.parametrize(
    "text",
    [
        "L['x'].size()[0] == ((L['x'].size()[0] // 2)*4)", "L['flat_args'][0].size()[1] != 1",
        "L['a']['b c'].stride()[0] <= math.floor(L['x'].size()[0] / 2)", "max(1, L['x'].y.size()[0]) > 0",
    ],
)  # fmt: skip
def test_guards_on_sizes_are_plain(text: str) -> None:
    assert fault_of_guard(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "L['x'].__class__",
        "L['x'].tofile(1)",
        "L[open('x')]",
        "torch.load(1)",
        "math.sin.__self__",
        'L["\\n"]',
    ],
)
def test_other_guards_are_not(text: str) -> None:
    assert fault_of_guard(text) != ""


def test_long_texts_are_judged_quickly() -> None:
    started = time.process_time()
    for text in ("s0+" * 20_000 + "s0", "Max(" * 10_000, "L['x']" + ".size()" * 9_000, "-" * 60_000 + "s0"):
        fault_of_guard(text)
    assert time.process_time() - started < 5
