"""safetensors-malformed: every code triggers, odd but valid files pass, the library is never stricter."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner.checks.safetensors_malformed import CHECK
from scanner.findings import Finding, Outcome
from scanner.tensorfiles import safetensors_header
from scanner.tensorfiles.safetensors_entries import DTYPE_BITS
from scanner.tensorfiles.safetensors_header import read_safetensors, read_safetensors_from
from scanner.tensorfiles.safetensors_plain import read_plainly
from tests.assets import make_file_assets as assets
from tests.scanner.check_runs import findings_of

CASES = assets.safetensors_cases()
SOUND = assets.sound_safetensors_cases()
TABLE = {
    "ST-SIZE",
    "ST-HDR-LEN",
    "ST-HDR-START",
    "ST-HDR-UTF8",
    "ST-HDR-JSON",
    "ST-DUP",
    "ST-META",
    "ST-TENSOR",
    "ST-SHAPE",
    "ST-OFFSET",
    "ST-BYTES",
    "ST-LAYOUT",
    "ST-TRAIL",
    "ST-TEXT",
    "ST-INDEX",
}
# What the reference reader lets through and we do not, because another reader may not.
STRICTER = {
    "duplicate_tensor",
    "duplicate_by_escape",
    "duplicate_in_metadata",
    "unknown_field",
    "leading_space",
    "newline_padding",
    "tab_padding",
    "metadata_null",
    "code_in_metadata",
    "import_call_in_metadata",
    "pickle_in_metadata",
    "marshalled_in_metadata",
}


def findings(folder: Path, files: Mapping[str, bytes]) -> list[Finding]:
    return findings_of(CHECK, assets.write_all(folder, files))


def library_accepts(data: bytes) -> bool:
    import safetensors

    try:
        safetensors.deserialize(data)
    except (safetensors.SafetensorError, OverflowError):
        return False
    return True


@pytest.mark.parametrize("name", CASES)
def test_malformed_file_fails_with_its_code(name: str, tmp_path: Path) -> None:
    code, data = CASES[name]
    found = findings(tmp_path, {"model.safetensors": data})
    assert {finding.outcome for finding in found} == {Outcome.FAIL}
    assert code in {finding.rule for finding in found}
    assert all(place.path == "model.safetensors" for finding in found for place in finding.locations)
    assert all(finding.remediation and finding.tags and finding.locations for finding in found)


@pytest.mark.parametrize("name", SOUND)
def test_odd_but_valid_file_passes(name: str, tmp_path: Path) -> None:
    assert library_accepts(SOUND[name])
    assert [each.outcome for each in findings(tmp_path, {"model.safetensors": SOUND[name]})] == [Outcome.PASS]


@pytest.mark.parametrize("name", CASES)
def test_what_the_reference_reader_rejects_is_rejected(name: str) -> None:
    # Every case is rejected by us (above); this records exactly where we are stricter than the library.
    accepted = library_accepts(CASES[name][1])
    assert accepted == (name in STRICTER)


def test_every_code_of_the_table_has_a_case() -> None:
    assert {code for code, _ in CASES.values()} | {"ST-INDEX"} == TABLE


def test_dtype_list_is_that_of_the_library() -> None:
    # Eight elements fill whole bytes in every dtype, so only an unknown name can be refused.
    def one(dtype: str, bits: int) -> bytes:
        return assets.safetensors_bytes(
            {"a": {"dtype": dtype, "shape": [8], "data_offsets": [0, bits]}}, bytes(bits)
        )

    assert all(library_accepts(one(dtype, bits)) for dtype, bits in DTYPE_BITS.items())
    error = _unknown_variant_message()
    assert all(f"`{dtype}`" in error for dtype in DTYPE_BITS)
    assert error.count("`") == 2 * (len(DTYPE_BITS) + 1)


def _unknown_variant_message() -> str:
    import safetensors

    header = {"a": {"dtype": "NONE", "shape": [8], "data_offsets": [0, 8]}}
    with pytest.raises(safetensors.SafetensorError) as caught:
        safetensors.deserialize(assets.safetensors_bytes(header))
    return str(caught.value)


def test_files_of_the_library_pass(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    tensors = {
        "bf16": torch.zeros(3, 5, dtype=torch.bfloat16),
        "fp8": torch.zeros(7, dtype=torch.float8_e4m3fn),
        "bool": torch.zeros(1, dtype=torch.bool),
        "scalar": torch.tensor(1.0),
        "empty": torch.zeros(0, 4),
        "nan": torch.full((2,), float("nan")),
    }
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    assert [each.outcome for each in findings_of(CHECK, tmp_path)] == [Outcome.PASS]
    names = {entry.name for entry in read_safetensors(tmp_path / "model.safetensors").tensors}
    assert names == set(tensors)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("trailing_zip", "zip"), ("trailing_pickle", "pickle"), ("trailing_program", "program")],
)
def test_file_hidden_behind_the_tensors_is_named(name: str, kind: str, tmp_path: Path) -> None:
    assert kind in findings(tmp_path, {"model.safetensors": CASES[name][1]})[0].message


def test_place_names_the_tensor(tmp_path: Path) -> None:
    found = findings(tmp_path, {"model.safetensors": CASES["overlap"][1]})
    assert found[0].locations[0].detail == "tensor b"


def test_header_length_is_believed_only_after_the_file_size(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(CASES["length_u64_max"][1])
    assert [fault.code for fault in read_safetensors(path).faults] == ["ST-HDR-LEN"]


def test_many_faults_are_summed_up(tmp_path: Path) -> None:
    header = {f"t{number}": None for number in range(500)}
    found = findings(tmp_path, {"model.safetensors": assets.safetensors_bytes(header, b"")})
    assert len(found) == 21
    assert "480 more" in found[-1].message


SHARD = assets.safetensors_bytes({"a": assets.GOOD_TENSOR})
OTHER = assets.safetensors_bytes({"b": assets.GOOD_TENSOR})
ONE, TWO, INDEX = (
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
    "model.safetensors.index.json",
)


def sharded(weight_map: object, second: bytes = OTHER) -> dict[str, bytes]:
    return {ONE: SHARD, TWO: second, INDEX: json.dumps({"metadata": {}, "weight_map": weight_map}).encode()}


def test_sound_index_passes(tmp_path: Path) -> None:
    found = findings(tmp_path, sharded({"a": ONE, "b": TWO}))
    assert [each.outcome for each in found] == [Outcome.PASS]
    assert len(found[0].locations) == 3


def test_sound_index_in_a_folder_passes(tmp_path: Path) -> None:
    files = {f"unet/{name}": data for name, data in sharded({"a": ONE, "b": TWO}).items()}
    assert [each.outcome for each in findings(tmp_path, files)] == [Outcome.PASS]


@pytest.mark.parametrize(
    "shard",
    [
        "../../../etc/passwd",
        "/etc/passwd",
        "folder/model.safetensors",
        "..",
        "https://example.com/a.safetensors",
        "..\\model.safetensors",
        "C:model.safetensors",
        "%2e%2e%2fmodel.safetensors",
        "missing.safetensors",
        "",
        7,
        None,
    ],
)
def test_index_that_leads_elsewhere_fails(shard: object, tmp_path: Path) -> None:
    found = findings(tmp_path, sharded({"a": ONE, "b": shard}))
    assert "ST-INDEX" in {each.rule for each in found if each.outcome is Outcome.FAIL}
    assert all(each.locations[0].path == INDEX for each in found if each.outcome is Outcome.FAIL)


def test_index_of_pytorch_shards_must_not_lead_elsewhere(tmp_path: Path) -> None:
    def of(shard: str) -> dict[str, bytes]:
        return {"pytorch_model.bin.index.json": json.dumps({"weight_map": {"w": shard}}).encode()}

    found = findings(tmp_path / "bad", of("../../x.bin"))
    assert [(each.outcome, each.rule) for each in found] == [(Outcome.FAIL, "ST-INDEX")]
    # Its shards are often left out for those in the other format.
    found = findings(tmp_path / "good", of("pytorch_model-00001-of-00002.bin"))
    assert [each.outcome for each in found] == [Outcome.PASS]


def test_tensor_in_two_shards_fails(tmp_path: Path) -> None:
    found = findings(
        tmp_path,
        sharded(
            {"a": ONE, "b": TWO},
            second=assets.safetensors_bytes(
                {"a": assets.GOOD_TENSOR, "b": {**assets.GOOD_TENSOR, "data_offsets": [8, 16]}}, bytes(16)
            ),
        ),
    )
    assert [each.rule for each in found if each.outcome is Outcome.FAIL] == ["ST-INDEX"]


def test_tensor_absent_from_its_shard_fails(tmp_path: Path) -> None:
    found = findings(tmp_path, sharded({"a": ONE, "b": TWO, "c": TWO}))
    assert [each.rule for each in found if each.outcome is Outcome.FAIL] == ["ST-INDEX"]


@pytest.mark.parametrize(
    "index", [b"{", b"[]", b"{}", b'{"weight_map": {"a": "x", "a": "y"}}', b'{"weight_map": []}']
)
def test_broken_index_fails(index: bytes, tmp_path: Path) -> None:
    found = findings(tmp_path, {ONE: SHARD, INDEX: index})
    assert [each.rule for each in found if each.outcome is Outcome.FAIL] == ["ST-INDEX"]


def test_model_without_safetensors_is_not_judged(tmp_path: Path) -> None:
    found = findings(tmp_path, {"config.json": b"{}"})
    assert [(each.outcome, each.rule) for each in found] == [(Outcome.NOT_RUN, "nothing-to-examine")]


@settings(
    max_examples=400,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_whatever_the_library_rejects_is_rejected(data: st.DataObject, tmp_path: Path) -> None:
    """Any bytes of any case, changed at random: never laxer than the reference reader."""
    whole = bytearray(
        data.draw(
            st.sampled_from([*SOUND.values(), *(case for _, case in CASES.values() if len(case) < 500)])
        )
    )
    for _ in range(data.draw(st.integers(1, 3))):
        if whole:
            at = data.draw(st.integers(0, len(whole) - 1))
            replacement = data.draw(
                st.sampled_from([b"", b"{", b'"', b"0", b"-", b",", b" ", b"}", b"9", b"\x00", b"a", b"]"])
            )
            whole[at : at + 1] = replacement
    path = tmp_path / "model.safetensors"
    path.write_bytes(whole)
    if not read_safetensors(path).faults:
        assert library_accepts(bytes(whole))


PLAIN = {
    "plain": b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}  ',
    "with metadata": b'{"__metadata__":{"format":"pt"},"a":{"dtype":"F16","shape":[4],"data_offsets":[0,8]}}',
    "spaced": b'{"a": {"dtype": "U8", "shape": [8], "data_offsets": [0, 8]}}',
    "empty tensors": b'{"a":{"dtype":"F32","shape":[0,3],"data_offsets":[0,0]}}',
}


@pytest.mark.parametrize("name", PLAIN)
def test_header_of_an_ordinary_writer_is_read_plainly(name: str) -> None:
    assert read_plainly(PLAIN[name]) is not None


@settings(max_examples=400, deadline=None)
@given(
    header=st.sampled_from(list(PLAIN.values())),
    edits=st.lists(
        st.tuples(
            st.integers(0, 99),
            st.sampled_from(
                [
                    b"",
                    b"{",
                    b'"',
                    b"0",
                    b"-",
                    b",",
                    b" ",
                    b"}",
                    b"9",
                    b".0",
                    b"e1",
                    b"\t",
                    b"\\u0061",
                    b"a",
                    b"]",
                ]
            ),
        ),
        max_size=3,
    ),
)
def test_plain_reading_never_differs_from_the_strict_one(
    header: bytes, edits: list[tuple[int, bytes]]
) -> None:
    for at, text in edits:
        header = header[: at % len(header)] + text + header[at % len(header) + 1 :]
    data = assets.safetensors_bytes(header)
    plainly = read_safetensors_from(io.BytesIO(data), len(data))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(safetensors_header, "read_plainly", lambda header: None)
        strictly = read_safetensors_from(io.BytesIO(data), len(data))
    assert plainly == strictly


def test_shape_of_thousands_of_sizes_is_refused_at_once() -> None:
    sizes = b",".join([b"9223372036854775807"] * 80_000)
    header = b'{"a":{"dtype":"F32","shape":[' + sizes + b'],"data_offsets":[0,4]}}'
    data = assets.safetensors_bytes(header)
    began = time.process_time()
    reading = read_safetensors_from(io.BytesIO(data), len(data))
    assert time.process_time() - began < 5
    assert [fault.code for fault in reading.faults] == ["ST-SHAPE"]


def test_pointer_of_git_lfs_is_called_by_its_name(tmp_path: Path) -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12345\n"
    (tmp_path / "model.safetensors").write_text(pointer)
    (finding,) = findings_of(CHECK, tmp_path)
    assert finding.outcome is Outcome.FAIL
    assert "pointer of git-lfs" in finding.message
