"""Callables that do harm when a pickle calls them: the standard library's, and those of common packages.

Sources: the security advisories of picklescan (GitHub, 2025 and 2026), of fickling, the `audit` events of
docs.python.org, and the packages' own sources for what evaluates, loads, fetches, writes or deletes.
"""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tests.assets.file_corpus.files import ECHO, Case, Dice, Technique
from tests.assets.file_corpus.pickling import call, in_dict, reduce, stack_glob, text

_STDLIB: Final = Technique("stdlib gadgets", "gadgets-stdlib")
_THIRD: Final = Technique("third-party gadgets (torch, numpy, dill, transformers...)", "gadgets-packages")

# module: names.
STDLIB: Final = """
_aix_support: _read_cmd_output
_osx_support: _read_output _find_build_tool
_posixsubprocess: fork_exec
_pyrepl.pager: pipe_pager
asyncio: run create_subprocess_shell
asyncio.subprocess: create_subprocess_exec
asyncio.unix_events: _UnixSubprocessTransport._start
atexit: register
bdb: Bdb.run Bdb.runeval
cProfile: run runctx
code: interact InteractiveInterpreter.runcode InteractiveInterpreter.runsource
codecs: open
ctypes: CDLL PyDLL cdll.LoadLibrary string_at
ctypes.util: _findLib_gcc
dbm: open
dbm.dumb: open
distutils.file_util: write_file copy_file
distutils.spawn: spawn
doctest: debug_script debug_src testsource
ensurepip: _run_pip bootstrap
fileinput: input
ftplib: FTP
functools: reduce
http.client: HTTPSConnection
idlelib.autocomplete: AutoComplete.get_entity AutoComplete.fetch_completions
idlelib.calltip: get_entity Calltip.fetch_tip
idlelib.debugobj: ObjectTreeItem.SetText
idlelib.pyshell: ModifiedInterpreter.runcode ModifiedInterpreter.runcommand
idlelib.run: Executive.runcode
imaplib: IMAP4_stream
imp: load_source load_dynamic
importlib: import_module reload
importlib._bootstrap_external: SourceFileLoader.load_module
importlib.machinery: SourceFileLoader ExtensionFileLoader
importlib.util: spec_from_file_location
io: open FileIO open_code
itertools: starmap
lib2to3.pgen2.grammar: Grammar.loads
lib2to3.pgen2.pgen: ParserGenerator.make_label
linecache: updatecache
logging: FileHandler
logging.config: _resolve dictConfig listen fileConfig
marshal: loads load
mmap: mmap
modulefinder: ModuleFinder.run_script
multiprocessing: Process
multiprocessing.managers: BaseManager
multiprocessing.popen_fork: Popen
multiprocessing.process: BaseProcess.run
multiprocessing.reduction: _reconstruct_partial duplicate
multiprocessing.util: spawnv_passfds
nntplib: NNTP
operator: attrgetter methodcaller
os: execv execvp spawnl spawnv posix_spawn remove unlink rename rmdir chmod putenv kill startfile open write symlink
os.path: expanduser.__globals__.get
pathlib: Path.write_text Path.unlink PosixPath.open
pdb: run runeval
pickle: loads load _loads
pickletools: dis
pkgutil: resolve_name get_loader
platform: popen _syscmd_ver
poplib: POP3
posix: execv posix_spawn popen remove
posixpath: genericpath.os.system
profile: run Profile.runctx
pty: spawn
py_compile: compile
pyclbr: readmodule
pydoc: locate pipepager tempfilepager safeimport importfile
runpy: run_path run_module _run_code
sched: scheduler.run
shelve: open
shlex: sourcehook
shutil: rmtree move copy copyfile unpack_archive make_archive chown
site: addsitedir main execsitecustomize
smtplib: SMTP
socket: create_connection socket getaddrinfo
socketserver: TCPServer
sqlite3: connect
ssl: get_server_certificate
statistics: random._os.system
string: Formatter.vformat
subprocess: check_call getstatusoutput
sys: setprofile settrace addaudithook exit
tarfile: open TarFile.extractall
telnetlib: Telnet
tempfile: NamedTemporaryFile
test.support.script_helper: assert_python_ok
test.support: run_in_subinterp
threading: Timer _start_new_thread
timeit: timeit repeat Timer.timeit
tkinter: Tcl
trace: Trace.run Trace.runctx
types: CodeType FunctionType MethodType
typing: _eval_type
unittest.mock: _importer
urllib.request: urlopen urlretrieve Request
uuid: _get_command_stdout
venv: create EnvBuilder.create
webbrowser: open GenericBrowser
wsgiref.simple_server: make_server
xmlrpc.client: ServerProxy
zipapp: create_archive
zipfile: ZipFile.extractall
zipimport: zipimporter.load_module
"""

PACKAGES: Final = """
torch: load hub.load ops.load_library compile package.PackageImporter
torch.hub: load load_state_dict_from_url download_url_to_file _load_local
torch.jit: load
torch.jit.unsupported_tensor_ops: execWrapper
torch.serialization: load default_restore_location.__globals__.get
torch.storage: _load_from_bytes
torch.utils._config_module: load_config ConfigModule.load_config
torch.utils.bottleneck.__main__: run_cprofile run_autograd_prof
torch.utils.collect_env: run run_and_read_all
torch.utils.cpp_extension: load load_inline _run_ninja_build
torch.utils.data.datapipes.utils.decoder: basichandlers
torch.utils.show_pickle: DumpUnpickler.dump
torch._dynamo.guards: GuardBuilder.get
torch._inductor.codecache: compile_file PyCodeCache.load
torch._inductor.runtime.compile_tasks: _reload_python_module
torch.distributed.elastic.multiprocessing.api: start_processes
torch.distributed.rpc.internal: _run_function _internal_rpc_pickler.deserialize
torch.fx.experimental.symbolic_shapes: ShapeEnv.evaluate_guards_expression
torch.fx.graph_module: _forward_from_src _exec_with_source reduce_graph_module _deserialize_graph_module
torch.multiprocessing: spawn
torch.package.package_importer: PackageImporter
torch.testing._internal.common_utils: shell
numpy: load fromfile memmap save DataSource
numpy.core.multiarray: fromfile
numpy.ctypeslib: load_library
numpy.distutils.exec_command: exec_command
numpy.f2py: compile run_main
numpy.f2py.crackfortran: getlincoef _eval_length param_eval myeval
numpy.f2py.diagnose: run_command
numpy.lib.format: read_array
numpy.lib.npyio: load DataSource.open
numpy.testing._private.utils: runstring rundocs
numpy.testing: runstring
dill: loads load
dill._dill: _create_function _create_code _import_module _eval_repr _getattribute
dill.session: load_session load_module
dill.source: importable
dill.temp: load_source
cloudpickle.cloudpickle: _make_function subimport _builtin_type dynamic_subimport
cloudpickle: loads
joblib: load
joblib._utils: eval_expr
joblib.numpy_pickle: load read_array
joblib.externals.loky.backend.resource_tracker: main
transformers: pipeline AutoModel.from_pretrained
transformers.dynamic_module_utils: get_class_from_dynamic_module get_class_in_module
transformers.utils.import_utils: _LazyModule._get_module direct_transformers_import
transformers.utils.hub: cached_file
huggingface_hub: snapshot_download hf_hub_download
pandas: read_pickle eval
pandas.io.pickle: read_pickle
pandas.core.computation.eval: eval
pandas.core.computation.expressions: evaluate
pandas.compat.pickle_compat: load loads
keras.models: load_model
keras.src.saving.serialization_lib: deserialize_keras_object
keras.utils: get_file
tensorflow: load_op_library saved_model.load io.write_file
tensorflow.python.framework.load_library: load_op_library
tensorflow.python.keras.utils.data_utils: get_file
cffi: FFI.dlopen FFI.verify
pip: main
pip._internal: main
pip._internal.cli.main: main
setuptools: sandbox.run_setup
setuptools.sandbox: run_setup
pkg_resources: run_script
IPython: embed get_ipython start_ipython
IPython.utils.process: system getoutput
fabric: Connection.run
paramiko: SSHClient.connect
requests: get post request
urllib3: PoolManager.request
aiohttp: ClientSession
httpx: get
yaml: load unsafe_load full_load
jinja2: Template Environment.from_string
hydra.utils: instantiate call get_method
hydra._internal.instantiate._instantiate2: instantiate
mlflow.pyfunc: load_model
mlflow.utils.process: _exec_cmd
sympy: sympify parse_expr
sympy.parsing.sympy_parser: eval_expr parse_expr
sympy.utilities.lambdify: lambdify
statsmodels.iolib.smpickle: load_pickle
numexpr: evaluate
nltk: download
nltk.data: load
nltk.internals: java
psutil: Popen
pexpect: spawn run
sh: Command
plumbum: local
docker: from_env
sqlalchemy: create_engine
skops.io: load
safetensors.torch: save_file
onnx: load
onnxruntime: InferenceSession
tvm: load_module
timm.models: load_checkpoint
lightning.pytorch: LightningModule.load_from_checkpoint
pytorch_lightning.utilities.cloud_io: load
ray.cloudpickle: loads
ray: init
dask: config.deserialize
distributed.protocol.pickle: loads
fsspec: open filesystem
vllm.utils: import_from_path
deepspeed.ops.op_builder: OpBuilder.load
diffusers: DiffusionPipeline.from_pretrained
spacy.util: load_model_from_path import_file
gensim.utils: unpickle
networkx: read_gpickle
werkzeug.utils: import_string
django.utils.module_loading: import_string
twisted.python.reflect: namedAny namedModule
zope.dottedname.resolve: resolve
celery.utils.imports: instantiate
"""


# Of other modules two names do; these have many ways.
_ALL_NAMES: Final = ("os", "shutil", "ctypes", "runpy", "torch", "dill._dill")


def _rows(table: str) -> Iterator[tuple[str, str]]:
    for line in table.strip().splitlines():
        module, _, names = line.partition(": ")
        several = names.split() if module in _ALL_NAMES else names.split()[:2]
        yield from ((module, name) for name in several)


def stdlib(dice: Dice) -> Iterator[Case]:
    """One file for every callable of the standard library."""
    yield from _cases(_STDLIB, STDLIB)


def packages(dice: Dice) -> Iterator[Case]:
    """One file for every callable of other packages."""
    yield from _cases(_THIRD, PACKAGES)


def _cases(technique: Technique, table: str) -> Iterator[Case]:
    for number, (module, name) in enumerate(_rows(table)):
        body = reduce(stack_glob(module, name), text(ECHO))
        data = [
            call(module, name, protocol=2), call(module, name), call(module, name, protocol=5), in_dict(body),
        ][number % 4]  # fmt: skip
        yield technique.attack(f"{module}-{name}.pkl", data, f"calls {module}.{name}")
