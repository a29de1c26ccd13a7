"""Says what is wrong with an OpenVINO model: its description is XML, its weights lie in a file beside it.

Source: docs.openvino.ai, "OpenVINO IR format" and "Custom GPU operations", read 2026-11-26; CWE-611, CWE-776.
"""

from __future__ import annotations

import math
import re
import xml.sax
from collections.abc import Iterator, Mapping
from operator import attrgetter
from typing import BinaryIO, Final
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl

from scanner.by_rule import ByRule
from scanner.findings import Severity
from scanner.graphs.fault import GraphFault, malformed, needs_library
from scanner.graphs.metadata_text import text_faults
from scanner.graphs.paths import is_unseen, leads_elsewhere, shown

# The description of a model of 70 billion parameters takes about 20 MB.
LIMIT_BYTES: Final = 32 * 1024**2
_HEAD_BYTES: Final = 64 * 1024
_ROOT: Final = re.compile(rb"<(net|CustomLayer)[\s>]")
_DEPTH: Final = 200
_MOST_FAULTS: Final = 64  # of each rule
_MOST_NEEDED: Final = 1000
_OPSET: Final = re.compile(r"opset\d{1,2}|experimental|util|ie_internal_opset|type_relaxed_opset|")
# Operations of openvino-tokenizers 2026.4, which Intel ships beside OpenVINO; their version is "extension".
_TOKENIZERS: Final = frozenset(
    {
        "BPETokenizer", "ByteFallback", "BytesToChars", "CaseFold", "CharsMapNormalization", "CharsToBytes",
        "CombineSegments", "EqualStr", "FuzeRagged", "NormalizeUnicode", "RaggedTensorPack", "RaggedToDense",
        "RaggedToRagged", "RaggedToSparse", "RegexNormalization", "RegexSplit", "SentencepieceDetokenizer",
        "SentencepieceStreamDetokenizer", "SentencepieceTokenizer", "SpecialTokensSplit", "StringTensorPack",
        "StringTensorUnpack", "StringToHashBucket", "TrieTokenizer", "Truncate", "UTF8Validate",
        "UnigramTokenizer", "VocabDecoder", "VocabEncoder", "WordpieceTokenizer",
    }
)  # fmt: skip
# Attributes by which older readers, and those of other makers, load the code of a layer.
_CODE_ATTRIBUTES: Final = ("library", "implementation", "plugin", "extension", "impl_path")
_LIBRARY: Final = re.compile(r"\.(so(\.\d+)*|dll|dylib|pyd?|jar)$", re.IGNORECASE)
# Elements that describe the model, and whose parts are only read by programs and people.
_METADATA: Final = ("rt_info", "meta_data")
_TEXT_CHARACTERS: Final = 16 * 1024**2
_BITS: Final = {
    "f64": 64, "i64": 64, "u64": 64, "f32": 32, "i32": 32, "u32": 32, "f16": 16, "bf16": 16, "i16": 16,
    "u16": 16, "i8": 8, "u8": 8, "boolean": 8, "f8e4m3": 8, "f8e5m2": 8, "f8e8m0": 8, "i4": 4, "u4": 4,
    "nf4": 4, "f4e2m1": 4, "u2": 2, "u1": 1,
}  # fmt: skip


def is_ir(stream: BinaryIO) -> bool:
    """Whether an XML file describes a model of OpenVINO, or kernels for one.

    Raises:
        PartlyReadError: when its beginning was not read.
    """
    stream.seek(0)
    head = stream.read(_HEAD_BYTES).replace(b"\0", b"")  # of UTF-16 every second byte
    return bool(_ROOT.search(head)) and b"<html" not in head.lower()


def ir_faults(stream: BinaryIO, size_bytes: int, weights_bytes: int | None) -> Iterator[GraphFault]:
    """Everything that is wrong with a description; `weights_bytes` is the length of the file beside it.

    Raises:
        PartlyReadError: when it was not read whole.
    """
    from defusedxml import DefusedXmlException
    from defusedxml.expatreader import DefusedExpatParser

    if size_bytes > LIMIT_BYTES:
        yield malformed(f"it is {size_bytes} bytes of XML; up to {LIMIT_BYTES} are read")
        return
    stream.seek(0)
    reader = _Reader(weights_bytes)
    try:
        # In one piece: expat before 2.6 reads a long attribute again with every piece (CVE-2023-52425).
        parser = DefusedExpatParser(bufsize=size_bytes + 1, forbid_dtd=True)
        parser.setContentHandler(reader)
        parser.parse(stream)
    except DefusedXmlException:
        yield GraphFault(
            "xml-entities",
            "document type",
            "it declares a document type, by which readers expand without bound or fetch other files",
            Severity.HIGH,
            ("CWE-611", "CWE-776"),
        )
    except (xml.sax.SAXException, ValueError, UnicodeError) as error:
        yield malformed(f"it is not well-formed XML: {shown(str(error))}")
    yield from reader.faults
    yield from reader.needed()


class _Reader(ContentHandler):
    """Judges one element after the other."""

    def __init__(self, weights_bytes: int | None) -> None:
        super().__init__()
        self.faults: ByRule[GraphFault] = ByRule(attrgetter("code"), _MOST_FAULTS)
        self._weights = weights_bytes
        self._depth = 0
        self._layer = ""
        self._in_metadata = False
        self._needed: set[str] = set()

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802 - the name of the interface
        self._depth += 1
        if self._depth > _DEPTH:
            self.faults.append(malformed(f"elements are nested more than {_DEPTH} deep"))
        values = {str(key): str(value) for key, value in attrs.items()}
        if name == "layer":
            self._take_layer(values)
        elif name in ("Source", "Kernel", "CustomLayer"):
            self._take_kernel(name, values)
        self._take_libraries(values)
        self._in_metadata = self._in_metadata or name in _METADATA
        if self._in_metadata and "value" in values:
            self.faults.extend(text_faults([values["value"][:_TEXT_CHARACTERS]], f"metadata {shown(name)}"))
        if "offset" in values and "size" in values:
            self._take_data(values)

    def endElement(self, name: str) -> None:  # noqa: N802 - the name of the interface
        self._depth -= 1
        self._in_metadata = self._in_metadata and name not in _METADATA

    def needed(self) -> Iterator[GraphFault]:
        """The operations whose library a person has to look at."""
        return needs_library("unknown-operation", "layers", self._needed, "OpenVINO does not have")

    def _need(self, name: str) -> None:
        if len(self._needed) < _MOST_NEEDED:
            self._needed.add(name)

    def _take_layer(self, values: Mapping[str, str]) -> None:
        name, kind, version = (values.get(key, "") for key in ("name", "type", "version"))
        self._layer = f"layer {shown(name)}"
        if is_unseen(name) or is_unseen(kind):
            self.faults.append(malformed("a name holds control or invisible characters", self._layer))
        if not kind:
            self.faults.append(malformed("a layer has no type", self._layer))
        elif not _OPSET.fullmatch(version) and kind not in _TOKENIZERS:
            self._need(f"{version[:40]}.{kind[:100]}")

    def _take_kernel(self, name: str, values: Mapping[str, str]) -> None:
        if name == "CustomLayer":
            self._need(values.get("name", "CustomLayer")[:100])
        filename = values.get("filename", "")
        if why := leads_elsewhere(filename):
            self.faults.append(
                GraphFault(
                    "path-elsewhere",
                    f"kernel {shown(filename)}",
                    f"it compiles and runs a file that {why}",
                    Severity.CRITICAL,
                    ("CWE-22", "CWE-94"),
                )
            )

    def _take_libraries(self, values: Mapping[str, str]) -> None:
        """Names of libraries that bring the code of a layer; "CPU" and "fp16" stand there honestly."""
        for path in (values[key] for key in _CODE_ATTRIBUTES if key in values):
            why = leads_elsewhere(path) or ("is a library of code" if _LIBRARY.search(path.strip()) else "")
            if why:
                told = f"its code is taken from {shown(path)}, which {why}"
                self.faults.append(
                    GraphFault("names-library", self._layer, told, Severity.CRITICAL, ("CWE-829", "CWE-94"))
                )

    def _take_data(self, values: Mapping[str, str]) -> None:
        offset, size = values["offset"].strip(), values["size"].strip()
        if not (offset.isdecimal() and size.isdecimal() and len(offset) < 20 and len(size) < 20):
            self.faults.append(
                malformed(f"its data goes from {shown(offset)} for {shown(size)} bytes", self._layer)
            )
            return
        begin, count = int(offset), int(size)
        if self._weights is None:
            if count:
                self.faults.append(
                    malformed("its weights lie in a file beside it, which is not there", "weights")
                )
        elif begin + count > self._weights:
            told = f"its data goes from byte {begin} to {begin + count} of weights that have {self._weights}"
            self.faults.append(malformed(told, self._layer))
        expected = _expected(values)
        if expected is not None and expected != count:
            told = f"its data takes {count} bytes; its shape and type take {expected}"
            self.faults.append(malformed(told, self._layer))


def _expected(values: Mapping[str, str]) -> int | None:
    """How many bytes shape and type take; None where they do not say."""
    bits = _BITS.get(values.get("element_type", ""))
    if bits is None or "shape" not in values:
        return None
    numbers = [each.strip() for each in values["shape"].split(",") if each.strip()]
    if len(numbers) > 64 or not all(each.isdecimal() and len(each) < 20 for each in numbers):
        return None
    return (math.prod(map(int, numbers)) * bits + 7) // 8
