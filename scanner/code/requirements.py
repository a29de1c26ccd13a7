"""Lines of files of requirements that install from somewhere other than the package index, or a lookalike.

>>> judge_requirement("torch>=2.1") is None
True
>>> judge_requirement("evil @ https://example.com/evil.whl").is_attack
True
"""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import urlsplit

from scanner.manifest import FileEntry, Snapshot
from scanner.model_files import ModelFileError, read_text
from scanner.origins.lookalikes import Likeness, likeness

_LIMIT_BYTES: Final = 1024**2
# Different ones; a tenth of a millisecond each.
_LINES_LIMIT: Final = 50_000
_FOREIGN: Final = re.compile(
    r"^(-i|-f|-e)[\s=]|^--(index-url|extra-index-url|find-links|editable|trusted-host)\b|"
    r"(^|[\s@\"'])(git|hg|svn|bzr)\+|(^|[\s@\"'=])(https?|ftp|file)://|^(\.{0,2}/|[A-Za-z]:\\)|\.(whl|tar\.gz|zip)(\s|$)"
)
_ADDRESS: Final = re.compile(r"(?:git\+|hg\+|svn\+|bzr\+)?((?:https?|ftp|file|ssh|git)://[^\s\"',;\]]+)")
_NAME: Final = re.compile(r"^[\"'\-\s]*([A-Za-z0-9][\w.\-]*)")
# Indexes of their makers, from which the documentation of torch, NVIDIA and others has people install.
_INDEXES: Final = frozenset(
    {"pypi.org", "files.pythonhosted.org", "download.pytorch.org", "pypi.nvidia.com", "pypi.ngc.nvidia.com",
     "data.pyg.org", "storage.googleapis.com", "huggingface.co", "abetlen.github.io", "wheels.vllm.ai",
     "mirrors.aliyun.com", "pypi.tuna.tsinghua.edu.cn", "conda.anaconda.org", "repo.anaconda.com"}
)  # fmt: skip
# Of those, the ones where nobody but the makers can put a package.
_VOUCHED: Final = frozenset(
    {"pypi.org", "files.pythonhosted.org", "download.pytorch.org", "pypi.nvidia.com", "pypi.ngc.nvidia.com"}
)
_FORGES: Final = frozenset(
    {"github.com", "gitlab.com", "bitbucket.org", "huggingface.co", "hf.co", "codeberg.org"}
)
# Packages that code of models needs; what is one sign away from one waits for a typing error.
_WANTED: Final = (
    "accelerate", "bitsandbytes", "datasets", "deepspeed", "diffusers", "einops", "flash-attn", "gradio",
    "huggingface-hub", "librosa", "matplotlib", "numpy", "onnxruntime", "opencv-python", "openai", "pandas",
    "pillow", "protobuf", "pytorch-lightning", "requests", "safetensors", "scikit-learn", "scipy",
    "sentence-transformers", "sentencepiece", "soundfile", "tensorflow", "tiktoken", "tokenizers", "torch",
    "torchaudio", "torchvision", "transformers", "triton", "urllib3", "xformers",
)  # fmt: skip
# Real packages that are one sign away from one of those.
_REAL: Final = frozenset(
    {"dataset", "openapi", "gradios", "request", "tokenizer", "transformer", "torchvisions"}
)
_FILES: Final = frozenset(
    {"pyproject.toml", "setup.cfg", "pipfile", "environment.yml", "environment.yaml", "conda.yaml"}
)


@dataclass(frozen=True)
class Requirement:
    """A requirement that needs a look.

    Attributes:
        line: 1-based, or None where the file has no lines of its own.
        text: As written, shortened.
        message: A clause after the place.
        is_attack: Whether installing it runs code from a place nobody vouches for.
    """

    line: int | None
    text: str
    message: str
    is_attack: bool


def is_requirements(path: str) -> bool:
    """Whether a file of this name says what is to be installed."""
    pure = PurePosixPath(path.lower())
    is_list = "requirements" in pure.name and pure.suffix in (".txt", ".in", ".pip")
    is_in_folder = pure.parent.name == "requirements" and pure.suffix == ".txt"
    return is_list or is_in_folder or pure.name in _FILES


def requirements_in(snapshot: Snapshot, entry: FileEntry) -> list[Requirement]:
    """Every requirement of a file that needs a look.

    Raises:
        PartlyReadError: when the file was not read far enough.
        ModelFileError: when it cannot be read, is too long, or is no TOML.
    """
    text = read_text(snapshot, entry.path, _LIMIT_BYTES)
    if entry.path.lower().endswith(".toml"):
        return _of_toml(text, entry.path)
    found: list[Requirement] = []
    seen: set[str] = set()
    for number, line in enumerate(text.splitlines(), start=1):
        wanted = line.split(" #")[0].strip().removeprefix("- ")
        if wanted in seen:
            continue
        seen.add(wanted)
        if len(seen) > _LINES_LIMIT:
            message = f"of more than {_LINES_LIMIT} different lines, those from here on were not read"
            return [*found, Requirement(number, ascii(wanted[:200])[1:-1], message, is_attack=False)]
        judged = judge_requirement(wanted)
        if judged is not None:
            found.append(dataclasses.replace(judged, line=number))
    return found


def judge_requirement(line: str) -> Requirement | None:
    """What is wrong with one requirement, None when nothing is."""
    if not line or line.startswith("#"):
        return None
    shown = ascii(line[:200])[1:-1]
    if _FOREIGN.search(line):
        return _foreign(line, shown)
    match = _NAME.match(line)
    if match is None or line.startswith("-"):
        return None
    name = match[1].lower().replace("_", "-")
    if name in _WANTED or name in _REAL:
        return None
    for known in _WANTED:
        if likeness(name, known) in (Likeness.SIGNS, Likeness.EDIT, Likeness.SEPARATORS):
            message = f"asks for {ascii(match[1][:60])}, which looks like {known} and is another package"
            return Requirement(None, shown, message, is_attack=True)
    return None


def _foreign(line: str, shown: str) -> Requirement | None:
    addresses = _ADDRESS.findall(line)
    names = {_host(address) for address in addresses}
    plain = any(address.lower().startswith(("http:", "ftp:")) for address in addresses)
    is_index = line.startswith(("-i", "-f", "--index", "--extra", "--find"))
    if is_index and not plain and names and names <= _VOUCHED:
        return None
    trusted = _INDEXES if is_index else _INDEXES | _FORGES
    is_known = bool(names) and all(name in trusted for name in names) and not plain
    is_elsewhere = line.startswith("--trusted-host") or re.search(r"(^|[\s@])(/|[A-Za-z]:\\|file:)", line)
    is_local = not names and not is_elsewhere
    message = f"installs from outside the package index: {shown}"
    return Requirement(None, shown, message, is_attack=not is_known and not is_local)


def _host(address: str) -> str:
    """The host of an address, "" when there is none that can be read; nobody vouches for that one."""
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""


def _of_toml(text: str, path: str) -> list[Requirement]:
    try:
        value = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ModelFileError(f"{path}: not valid TOML ({ascii(str(error)[:200])[1:-1]})") from error
    judged = (judge_requirement(line) for line in _wanted(value))
    return [each for each in judged if each is not None]


def _wanted(value: dict[str, object]) -> Iterator[str]:
    """The requirements of a pyproject.toml or Pipfile, one a line."""
    waiting: list[tuple[str, object, int]] = [("", value, 0)]
    while waiting:
        name, item, depth = waiting.pop()
        if isinstance(item, dict) and depth < 20:
            address = next(
                (item[key] for key in ("git", "url", "path") if isinstance(item.get(key), str)), None
            )
            if address is not None and "dependencies" in name:
                yield f"{name.rpartition('.')[2]} @ {address}"
            waiting.extend((f"{name}.{key}", part, depth + 1) for key, part in item.items())
        elif isinstance(item, list) and (
            name.endswith(("dependencies", "requires")) or "-dependencies." in name
        ):
            yield from (text for text in item if isinstance(text, str))
        elif (
            isinstance(item, str)
            and name.endswith((".url", ".index-url", ".extra-index-url"))
            and "source" in name
        ):
            yield f"--index-url {item}"
