"""Small models packed as artefacts, for the tests of the sources that read them."""

from __future__ import annotations

from pathlib import Path

from scanner.check import Check, CheckContext
from scanner.evidence import EvidenceStore
from scanner.findings import Finding
from scanner.manifest import Snapshot
from scanner.remote.client import Patience
from tests.assets import make_file_assets as assets
from tests.registry_server import Layer, manifest, sha256


def gguf(tensor: str) -> bytes:
    """A sound GGUF file with one tensor."""
    return assets.gguf_bytes([assets.GGUF_ARCHITECTURE], [assets.gguf_tensor(tensor, [8], 0)], bytes(32))


GGUF = gguf("w")
CONFIG = b'{"model_type": "llama"}'
WEIGHT = "application/vnd.cncf.model.weight.v1"
DOC = "application/vnd.cncf.model.doc.v1"
KIT = "application/vnd.kitops.modelkit"
# Impatient: the tests' servers answer at once or never.
HASTY = Patience(tries=3, stall_seconds=0.4, first_pause_seconds=0.01, longest_pause_seconds=0.02)


def raw(path: str, data: bytes, kind: str = f"{WEIGHT}.raw") -> Layer:
    """A ModelPack layer of one file."""
    return Layer(kind, data, {"org.cncf.model.filepath": path})


def contents(snapshot: Snapshot) -> dict[str, bytes]:
    """The bytes of every file, by path."""
    return {entry.path: snapshot.local_path(entry.path).read_bytes() for entry in snapshot.files}


def facts(snapshot: Snapshot, key: str) -> list[str]:
    """The values of every fact of this name."""
    return [value for name, value in snapshot.source if name == key]


def findings(check: Check, snapshot: Snapshot, tmp_path: Path) -> list[Finding]:
    """What a check says of a snapshot."""
    context = CheckContext(snapshot, EvidenceStore(tmp_path / "evidence"))
    return [item for item in check.run(context) if isinstance(item, Finding)]


def write_layout(
    folder: Path, index: bytes, *, layers: tuple[Layer, ...], manifests: tuple[bytes, ...]
) -> Path:
    """An OCI image layout with these blobs."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "index.json").write_bytes(index)
    for data in manifests:
        (blobs / sha256(data)).write_bytes(data)
    for layer in layers:
        (blobs / sha256(layer.data if layer.claims is None else layer.claims)).write_bytes(layer.data)
    (blobs / sha256(b"{}")).write_bytes(b"{}")
    return folder


def write_store(folder: Path, name: str, layers: list[Layer]) -> Path:
    """A store of Ollama with one model; `name` as "registry/namespace/name/tag"."""
    path = folder / "manifests" / name
    path.parent.mkdir(parents=True)
    config = Layer("application/vnd.docker.container.image.v1+json", b'{"model_format": "gguf"}')
    path.write_bytes(manifest(layers, config))
    (folder / "blobs").mkdir(exist_ok=True)
    for layer in (*layers, config):
        claimed = layer.data if layer.claims is None else layer.claims
        (folder / "blobs" / f"sha256-{sha256(claimed)}").write_bytes(layer.data)
    return folder
