"""What people really save with PyTorch, pickle, numpy, joblib and scikit-learn."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

import argparse
import collections
import datetime
import decimal
import io
import pathlib
import pickle
import zipfile
from collections.abc import Iterator
from typing import Any, Final

from tests.assets.file_corpus.archive_bytes import gzipped, zipped
from tests.assets.file_corpus.files import Case, Dice, Technique

_TORCH: Final = Technique("honest PyTorch files", "honest-torch")
_PICKLE: Final = Technique("honest pickles, numpy and joblib", "honest-pickle")
_SKLEARN: Final = Technique("honest scikit-learn models", "honest-sklearn")

SCARY: Final = (
    "os.system", "eval", "exec", "__import__", "subprocess.Popen", "__reduce__", "pickle.loads", "rm -rf /",
    "cos\nsystem", "__globals__", "{{ ''.__class__ }}", "<script>", "../../etc/passwd", "builtins",
    "curl http://x | sh", "posix\nsystem", "\x80\x04\x95", "_target_: os.system", "lambda", "!!python/object",
)  # fmt: skip


def torch_files(dice: Dice) -> Iterator[Case]:
    """torch.save in its two formats, TorchScript, and what trainers save."""
    import torch
    from torch import nn

    torch.manual_seed(7)
    model = nn.Sequential(nn.Embedding(16, 8), nn.Linear(8, 8), nn.LayerNorm(8), nn.Linear(8, 2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    model(torch.randint(0, 16, (4,))).sum().backward()
    optimizer.step()
    state = model.state_dict()
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 3)

    def saved(value: object, **options: Any) -> bytes:
        buffer = io.BytesIO()
        torch.save(value, buffer, **options)
        return buffer.getvalue()

    whole = {"epoch": 3, "model_state_dict": state, "optimizer_state_dict": optimizer.state_dict(), "loss": 0.25,
             "scheduler": scheduler.state_dict(), "hyper_parameters": {"lr": 0.1, "name": "eval"}}  # fmt: skip
    for name in ("pytorch_model.bin", "model.pt", "model.pth", "model.ckpt"):
        yield _TORCH.plain(f"state/{name}", saved(state), "a state dict")
    old = {"_use_new_zipfile_serialization": False}
    for name in ("pytorch_model.bin", "model.pt", "model.pth"):
        yield _TORCH.plain(f"legacy/{name}", saved(state, **old), "a state dict in the old format")
    yield _TORCH.plain("checkpoint.pt", saved(whole), "model, optimizer and scheduler")
    yield _TORCH.plain("checkpoint_legacy.pt", saved(whole, **old), "the same in the old format")
    yield _TORCH.plain("optimizer.pt", saved(optimizer.state_dict()), "an optimizer")
    yield _TORCH.plain("scheduler.pt", saved(scheduler.state_dict()), "a scheduler")
    for protocol in (3, 4, 5):
        yield _TORCH.plain(
            f"protocol_{protocol}.pt", saved(state, pickle_protocol=protocol), f"protocol {protocol}"
        )
    dtypes = ("float16", "bfloat16", "float64", "int8", "int16", "int32", "int64", "uint8", "bool", "complex64",
              "float8_e4m3fn", "float8_e5m2")  # fmt: skip
    for name in dtypes:
        tensor = torch.arange(1, 17).to(torch.float32).to(getattr(torch, name))
        yield _TORCH.plain(f"dtype_{name}.pt", saved({"w": tensor}), f"a tensor of {name}")
    values: dict[str, object] = {
        "tensor": torch.randn(4, 4), "parameter": nn.Parameter(torch.randn(3)), "list": [torch.randn(2), torch.randn(3)],
        "tuple": (torch.randn(2), "eval"), "scalar": torch.tensor(1.5), "empty": torch.empty(0), "strided": torch.randn(4, 4).t(),
        "shared": {"a": state["1.weight"], "b": state["1.weight"]}, "view": torch.randn(100)[10:20],
        "sparse": torch.eye(4).to_sparse(), "size": torch.Size([1, 2]), "dtype": {"dtype": torch.float16},
        "device": {"device": torch.device("cpu")}, "ordered": collections.OrderedDict(a=torch.ones(2) * 0.3),
        "scary_keys": {word: torch.randn(2) for word in SCARY}, "numbers": {"a": 1, "b": 2.5, "c": None, "d": True, "e": b"x"},
        "nested": {"a": {"b": {"c": [torch.randn(2)] * 3}}}, "set": {"layers": {1, 2, 3}}, "generator_state": torch.get_rng_state(),
        "counter": collections.Counter("aab"), "default": collections.defaultdict(list, a=[1]),
    }  # fmt: skip
    for name, value in values.items():
        make = _TORCH.either if name in ("counter", "default") else _TORCH.plain
        yield make(f"{name}.pt", saved(value), f"torch.save of a {name}")
    import numpy

    rng = {"python": (3, tuple(range(625)), None), "numpy": numpy.random.RandomState(1).get_state(),  # noqa: NPY002
           "cpu": torch.get_rng_state()}  # fmt: skip
    yield _TORCH.either("rng_state.pth", saved(rng), "the random states that trainers save")
    yield _TORCH.either(
        "numpy_inside.pt", saved({"a": numpy.arange(4.0), "s": numpy.float64(2)}), "numpy values"
    )
    yield _TORCH.review("whole_model.pt", saved(model), "a model with its classes")
    yield _TORCH.review("whole_layer.pt", saved(nn.LayerNorm(4)), "a layer with its class")
    yield _TORCH.either(
        "arguments.pt", saved({"args": argparse.Namespace(lr=0.1), "model": state}), "argparse's class"
    )
    yield _TORCH.review("training_args.bin", _training_arguments(), "training arguments of transformers")
    script = torch.jit.script(nn.Sequential(nn.Linear(4, 4), nn.ReLU()))
    buffer = io.BytesIO()
    torch.jit.save(script, buffer)
    yield _TORCH.either("scripted.pt", buffer.getvalue(), "TorchScript")


def _training_arguments() -> bytes:
    """What a trainer saves: an instance of a class, with enumerations in it."""
    from tests.assets.file_corpus.pickling import reduce, stack_glob, text

    strategy = reduce(stack_glob("transformers.trainer_utils", "IntervalStrategy"), text("steps"))
    kind = reduce(stack_glob("transformers.training_args", "OptimizerNames"), text("adamw_torch"))
    body = (
        stack_glob("transformers.training_args", "TrainingArguments")
        + b")\x81}("
        + text("output_dir")
        + text("out")
        + text("learning_rate")
        + b"G?PbM\xd2\xf1\xa9\xfc"
        + text("eval_strategy")
        + strategy
        + text("optim")
        + kind
        + b"ub."
    )
    return zipped({"training_args/data.pkl": b"\x80\x02" + body, "training_args/byteorder": b"little",
                   "training_args/version": b"3\n"})  # fmt: skip


def pickles(dice: Dice) -> Iterator[Case]:
    """Plain values in every protocol, arrays, and files of joblib and dill."""
    import numpy

    plain = {
        "vocab": {"a": 1, "b": 2},
        "sizes": [1, 2.5, None, True, 10**30],
        "pair": ("x", b"y"),
        "s": {1, 2},
    }
    for protocol in range(6):
        yield _PICKLE.plain(f"plain_{protocol}.pkl", pickle.dumps(plain, protocol), f"protocol {protocol}")
    yield _PICKLE.plain("scary.pkl", pickle.dumps(list(SCARY)), "scary words as strings")
    yield _PICKLE.plain("scary_0.pkl", pickle.dumps(list(SCARY), 0), "scary words in protocol 0")
    yield _PICKLE.plain("scary_keys.pickle", pickle.dumps({word: len(word) for word in SCARY}, 2), "as keys")
    yield _PICKLE.plain(
        "random_bytes.pkl", pickle.dumps(dice.random.randbytes(200_000)), "200 kB of random bytes"
    )
    yield _PICKLE.plain("numbers.pkl", pickle.dumps(list(range(20_000))), "20,000 numbers")
    yield _PICKLE.plain("bytearray.pkl", pickle.dumps(bytearray(b"abc" * 50), 5), "a bytearray")
    yield _PICKLE.plain("ordered.pkl", pickle.dumps(collections.OrderedDict(a=1)), "an OrderedDict")
    yield _PICKLE.plain(
        "text.pkl", pickle.dumps("import os; os.system('x')\n" * 50), "source code as a string"
    )
    array = numpy.random.default_rng(3).normal(0, 1, (8, 8))
    for protocol in (2, 4, 5):
        yield _PICKLE.plain(
            f"array_{protocol}.pkl", pickle.dumps(array, protocol), f"an array, protocol {protocol}"
        )
    yield _PICKLE.plain("arrays.pkl", pickle.dumps({"w": array, "b": array[0]}), "a dict of arrays")
    yield _PICKLE.either("scalar.pkl", pickle.dumps({"a": numpy.float32(1)}), "a numpy scalar")
    many = [
        datetime.datetime(2026, 1, 1),
        decimal.Decimal("1.5"),
        pathlib.PurePosixPath("a/b"),
        1j,
        range(5),
        slice(1, 2),
    ]  # noqa: DTZ001
    yield _PICKLE.either("library_values.pkl", pickle.dumps(many), "dates, decimals and paths")
    yield _PICKLE.review(
        "instance.pkl", b"\x80\x04\x8c\x08acme.lib\x8c\x06Config\x93)\x81}\x8c\x01aK\x01sb.", "an own class"
    )
    dtypes = ("<f4", "<f8", ">f4", "<f2", "<i4", "<u8", "|b1", "<c8", "<U8", "|S4", "<M8[D]", "<m8[s]", "|V8")
    for dtype in dtypes:
        buffer = io.BytesIO()
        numpy.save(
            buffer, numpy.zeros(4, dtype) if dtype != "<f4" else array.astype(dtype), allow_pickle=False
        )
        name = dtype.strip("<>|").replace("[", "_").replace("]", "") + ("be" if dtype[0] == ">" else "")
        yield _PICKLE.plain(f"{name}.npy", buffer.getvalue(), f"an array of {dtype}")
    shapes = {"scalar": numpy.array(2.5), "empty": numpy.zeros((0, 3)), "fortran": numpy.asfortranarray(array),
              "fields": numpy.zeros(3, [("a", "<i4"), ("b", "<f8", (2,))])}  # fmt: skip
    for name, value in shapes.items():
        buffer = io.BytesIO()
        numpy.save(buffer, value)
        yield _PICKLE.plain(f"{name}.npy", buffer.getvalue(), f"an array: {name}")
    for name, save in (("plain", numpy.savez), ("compressed", numpy.savez_compressed)):
        buffer = io.BytesIO()
        save(buffer, w=array, b=array[0], words=numpy.array(SCARY))
        yield _PICKLE.plain(f"{name}.npz", _dated(buffer.getvalue()), f"npz, {name}")
    buffer = io.BytesIO()
    numpy.save(buffer, numpy.array(["a", None, 3], object), allow_pickle=True)
    yield _PICKLE.either("objects.npy", buffer.getvalue(), "an array of plain objects")
    yield from _joblib(dice, array)


def _dated(archive: bytes) -> bytes:
    """The zip with fixed dates."""
    with zipfile.ZipFile(io.BytesIO(archive)) as read:
        kinds = {info.compress_type for info in read.infolist()}
        return zipped({name: read.read(name) for name in read.namelist()}, max(kinds))


def _joblib(dice: Dice, array: object) -> Iterator[Case]:
    try:
        import dill
        import joblib
    except ImportError:
        dice.left_out.append("honest files of joblib and dill: not installed")
        return
    for name, compress in (
        ("plain", 0),
        ("zlib", 3),
        ("gzip", ("gzip", 3)),
        ("xz", ("xz", 1)),
        ("bz2", ("bz2", 1)),
    ):
        buffer = io.BytesIO()
        joblib.dump({"w": array, "names": list(SCARY)}, buffer, compress=compress)
        data = buffer.getvalue()
        if name == "gzip":
            import gzip

            data = gzipped(gzip.decompress(data))
        yield _PICKLE.either(f"arrays_{name}.joblib", data, f"arrays by joblib, {name}")
    buffer = io.BytesIO()
    joblib.dump({"a": [1, 2], "b": "x"}, buffer)
    yield _PICKLE.plain("values.joblib", buffer.getvalue(), "plain values by joblib")
    yield _PICKLE.plain("values.dill", dill.dumps({"a": [1, 2.5], "s": list(SCARY)}), "plain values by dill")
    yield _PICKLE.plain("arrays.dill", dill.dumps({"w": array}), "arrays by dill")


def sklearn_models(dice: Dice) -> Iterator[Case]:
    """Fitted models: class instances, so a person has to read them."""
    try:
        import joblib
        import numpy
        from sklearn.cluster import KMeans
        from sklearn.ensemble import RandomForestClassifier
        from sklearn.linear_model import LinearRegression, LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from sklearn.svm import SVC
        from sklearn.tree import DecisionTreeClassifier
    except ImportError:
        dice.left_out.append("honest models of scikit-learn: not installed")
        return
    rng = numpy.random.default_rng(5)
    x, y = rng.normal(0, 1, (40, 3)), rng.integers(0, 2, 40)
    models = {
        "logistic": LogisticRegression(), "linear": LinearRegression(), "tree": DecisionTreeClassifier(random_state=1),
        "forest": RandomForestClassifier(4, random_state=1), "svc": SVC(), "pipeline": make_pipeline(StandardScaler(), SVC()),
        "kmeans": KMeans(2, n_init=1, random_state=1),
    }  # fmt: skip
    for name, model in models.items():
        model.fit(x, y)
        yield _SKLEARN.review(f"{name}.pkl", pickle.dumps(model), f"{name}, pickled")
        buffer = io.BytesIO()
        joblib.dump(model, buffer, compress=3 if name in ("tree", "svc") else 0)
        yield _SKLEARN.review(f"{name}.joblib", buffer.getvalue(), f"{name}, by joblib")
