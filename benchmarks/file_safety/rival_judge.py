"""What another scanner says of files; runs in that scanner's own environment, knows nothing of Weighbridge.

Called as `python rival_judge.py TOOL`. Reads one path a line from standard input and answers each with
one line of JSON: path, said ("flagged", "clean", "not judged", "killed"), detail and cpu_seconds.
"""

import contextlib
import importlib
import json
import os
import pathlib
import select
import signal
import socket
import sys
import time

FILE_SECONDS = 60


def _refused(*_arguments, **_more):
    raise OSError("no network in this comparison")


def modelaudit_says(path):
    """A finding of WARNING or worse; the share that is CRITICAL goes into the detail."""
    from modelaudit.core import determine_exit_code, scan_model_directory_or_file

    result = scan_model_directory_or_file(
        str(path), timeout=55, skip_file_types=False, cache_enabled=False, use_hf_whitelist=False
    )
    severities = {str(getattr(issue.severity, "value", issue.severity)).lower() for issue in result.issues}
    if severities & {"critical", "warning"}:
        return "flagged", "critical" if "critical" in severities else "warning"
    return ("not judged", "exit code 2") if determine_exit_code(result) == 2 else ("clean", "")


def modelscan_says(path):
    """Any issue; errors and skipped files are not judged."""
    from modelscan.modelscan import ModelScan

    result = ModelScan().scan(path)
    if result["summary"]["total_issues"]:
        return "flagged", ""
    skipped = result["summary"].get("skipped", {}).get("total_skipped", 0)
    is_open = bool(result.get("errors")) or skipped or not result["summary"]["scanned"]["total_scanned"]
    return ("not judged", "errors or skipped") if is_open else ("clean", "")


def _picklescan(path, strict):
    from picklescan.scanner import scan_directory_path, scan_file_path

    try:
        result = (scan_directory_path if path.is_dir() else scan_file_path)(str(path), strict=strict)
    except Exception as error:  # noqa: BLE001 - another tool's faults are its answer
        return "not judged", type(error).__name__
    if result.issues_count:
        return "flagged", ""
    return ("not judged", "scan error") if result.scan_err or not result.scanned_files else ("clean", "")


def picklescan_says(path):
    """A dangerous global."""
    return _picklescan(path, False)


def picklescan_strict_says(path):
    """A global that is not known as harmless."""
    return _picklescan(path, True)


TOOLS = {
    "modelaudit": modelaudit_says,
    "modelscan": modelscan_says,
    "picklescan": picklescan_says,
    "picklescan strict": picklescan_strict_says,
}


# Imported once, before the first file; every file then gets a copy of the process.
MODULES = {
    "modelaudit": "modelaudit.core",
    "modelscan": "modelscan.modelscan",
    "picklescan": "picklescan.scanner",
    "picklescan strict": "picklescan.scanner",
}


def answer(tool, path):
    """Judges one file in a process of its own, which is killed when it takes too long."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.setsid()
        os.close(reader)
        try:
            said = TOOLS[tool](pathlib.Path(path))
        except Exception as error:  # noqa: BLE001 - another tool's faults are its answer
            said = ("not judged", type(error).__name__)
        os.write(writer, json.dumps(said).encode())
        os._exit(0)
    os.close(writer)
    is_in_time = bool(select.select([reader], [], [], FILE_SECONDS)[0])
    text = os.read(reader, 65536) if is_in_time else b""
    os.close(reader)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    used = os.wait4(child, 0)[2]
    said, detail = json.loads(text) if text else ("killed", "it died" if is_in_time else "too long")
    return {"path": path, "said": said, "detail": detail, "cpu_seconds": used.ru_utime + used.ru_stime}


def main(tool):
    """Answers line by line until standard input ends; the first line says what the start cost."""
    socket.socket.connect = socket.socket.connect_ex = socket.create_connection = _refused
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the tool prints must not get among the answers
    importlib.import_module(MODULES[tool])
    out.write(json.dumps({"start_cpu_seconds": time.process_time()}) + "\n")
    out.flush()
    for line in sys.stdin:
        out.write(json.dumps(answer(tool, line.rstrip("\n"))) + "\n")
        out.flush()


if __name__ == "__main__":
    main(sys.argv[1])
