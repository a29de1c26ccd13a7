"""What another scanner says of files; runs in that scanner's own environment, knows nothing of Weighbridge.

Called as `python rival_judge.py TOOL`. Reads one path a line from standard input and answers each with
one line of JSON: path, said ("flagged", "clean" or "not judged"), detail and cpu_seconds. Sockets are refused.
"""

import json
import os
import pathlib
import resource
import socket
import sys


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


def _cpu_seconds():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def main(tool):
    """Answers line by line until standard input ends."""
    socket.socket.connect = socket.socket.connect_ex = socket.create_connection = _refused
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the tool prints must not get among the answers
    for line in sys.stdin:
        path = line.rstrip("\n")
        began = _cpu_seconds()
        try:
            said, detail = TOOLS[tool](pathlib.Path(path))
        except Exception as error:  # noqa: BLE001 - another tool's faults are its answer
            said, detail = "not judged", type(error).__name__
        answer = {"path": path, "said": said, "detail": detail, "cpu_seconds": _cpu_seconds() - began}
        out.write(json.dumps(answer) + "\n")
        out.flush()


if __name__ == "__main__":
    main(sys.argv[1])
