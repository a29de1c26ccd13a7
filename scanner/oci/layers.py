"""What the layers of an artefact are called as files, by media type and annotations.

>>> plan = layer_files(Manifest(layers=(Descriptor("application/vnd.ollama.image.license"),)))
>>> [(each.path, each.packing) for each in plan]
[('LICENSE', '')]

Source: CNCF ModelPack, docs/spec.md and specs-go/v1/mediatype.go; KitOps, pkg/lib/constants/mediatype;
Ollama, server/images.go; oras, "org.opencontainers.image.title"; docker model-spec 0.1, spec.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from scanner.oci.manifests import Descriptor, Manifest
from scanner.remote.failures import one_line
from scanner.remote.names import inside_path

_PATH_KEYS: Final = (
    "org.cncf.model.filepath", "org.cnai.model.filepath", "org.opencontainers.image.title",
)  # fmt: skip
# oras pushes single files under the type of an image layer, and marks packed folders by this.
_UNPACK: Final = "io.deis.oras.content.unpack"
_IMAGE_LAYERS: Final = ("application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs.")
# What a layer without a path is called. Ollama gives paths only to the layers of safetensors models.
_NAMES: Final[Mapping[str, str]] = {
    "application/vnd.ollama.image.model": "model.gguf",
    "application/vnd.ollama.image.adapter": "adapter.gguf",
    "application/vnd.ollama.image.projector": "mmproj.gguf",
    "application/vnd.ollama.image.draft": "draft.gguf",
    "application/vnd.ollama.image.template": "template",
    "application/vnd.ollama.image.prompt": "prompt",
    "application/vnd.ollama.image.system": "system",
    "application/vnd.ollama.image.params": "params.json",
    "application/vnd.ollama.image.messages": "messages.json",
    "application/vnd.ollama.image.license": "LICENSE",
    "application/vnd.docker.container.image.v1+json": "ollama-config.json",
    "application/vnd.docker.ai.gguf.v3": "model.gguf",
    "application/vnd.docker.ai.gguf.v3.mmproj": "mmproj.gguf",
    "application/vnd.docker.ai.gguf.v3.lora": "adapter.gguf",
    "application/vnd.docker.ai.mmproj": "mmproj.gguf",
    "application/vnd.docker.ai.safetensors": "model.safetensors",
    "application/vnd.docker.ai.license": "LICENSE",
    "application/vnd.docker.ai.chat.template.jinja": "chat_template.jinja",
    "application/vnd.docker.ai.model.config.v0.1+json": "docker-model-config.json",
    "application/vnd.docker.ai.model.config.v0.2+json": "docker-model-config.json",
    "application/vnd.cncf.model.weight.v1.gguf": "model.gguf",
    "application/vnd.cncf.model.weight.v1.safetensors": "model.safetensors",
    "application/vnd.cncf.model.config.v1+json": "modelpack.json",
    "application/vnd.kitops.modelkit.config.v1+json": "Kitfile.json",
}
_TENSOR: Final = "application/vnd.ollama.image.tensor"


@dataclass(frozen=True)
class LayerFile:
    """One layer as it is laid out.

    Attributes:
        descriptor: The blob.
        path: Where its bytes go; of an archive, the name under which it is shown when it is not unpacked.
        packing: "" for a single file, else "tar", "tar+gzip" or "tar+zstd".
    """

    descriptor: Descriptor
    path: str
    packing: str = ""

    @property
    def shown(self) -> str:
        """How errors name the layer."""
        return f"layer {self.descriptor.digest[:19]} ({one_line(self.descriptor.media_type[:100])})"


def layer_files(manifest: Manifest) -> tuple[LayerFile, ...]:
    """Configuration and layers as files, in the manifest's order.

    Raises:
        SourceError: when a name leads out of the model's folder.
    """
    return tuple(_laid_out(manifest))


def _laid_out(manifest: Manifest) -> Iterator[LayerFile]:
    taken: dict[str, str] = {}
    numbers: Counter[str] = Counter()
    for blob in manifest.blobs:
        if blob.size <= 2 and blob is manifest.config and blob.media_type not in _NAMES:
            continue  # "{}", the empty configuration
        packing = _packing(blob)
        path = f"layers/{blob.hex[:12]}.tar" if packing else _path(blob)
        if path in taken and not packing:
            if taken[path] == blob.digest:
                continue  # the same file, listed twice
            path = _numbered(path, taken, numbers) if not blob.note(*_PATH_KEYS) else path
        taken[path] = blob.digest
        yield LayerFile(blob, path, packing)


def _packing(blob: Descriptor) -> str:
    """How the layer is packed, by its media type."""
    if ".tar" not in blob.media_type:
        return ""
    compression = blob.media_type.rpartition(".tar")[2]
    packing = next((f"tar+{each}" for each in ("gzip", "zstd") if each in compression), "tar")
    named = blob.note(*_PATH_KEYS)
    if blob.media_type.startswith(_IMAGE_LAYERS) and named and blob.note(_UNPACK) != "true":
        # oras-py packs folders this way without marking them, by gzip always.
        is_folder = packing == "tar+gzip" and not named.endswith((".gz", ".tgz"))
        return packing if is_folder else ""
    return packing


def _path(blob: Descriptor) -> str:
    shown = f"layer {blob.digest[:19]}"
    if named := blob.note(*_PATH_KEYS):
        return inside_path(named, shown)
    if blob.name:
        # A tensor of its own file: what it is called in the model, not what the file is called.
        name = f"tensors/{blob.name}.safetensors" if blob.media_type == _TENSOR else blob.name
        return inside_path(name, shown)
    return _NAMES.get(blob.media_type, f"layers/{blob.hex[:12]}")


def _numbered(path: str, taken: Mapping[str, str], numbers: Counter[str]) -> str:
    """The path with the first number that makes it a new one: several licences, several adapters.

    Counted on in `numbers`, since looking from 2 on each time takes minutes for a manifest of 20,000 layers.
    """
    pure = PurePosixPath(path)
    name = path
    while name in taken:
        numbers[path] += 1
        name = pure.with_name(f"{pure.stem}-{numbers[path] + 1}{pure.suffix}").as_posix()
    return name
