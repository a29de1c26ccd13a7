"""The command `weighbridge`: finds the subcommands, turns errors into one line and an exit code."""

from __future__ import annotations

import gc
import importlib
import os
import sys
import traceback
from typing import Final, NoReturn

import click

from cli.exit_codes import ExitCode
from cli.libraries import is_switched_on
from scanner import __version__
from scanner.errors import ScanError

# In the order in which --help lists them; each is `cli/<name>.py` with a `command`.
COMMANDS: Final = (
    "init", "fetch", "inspect", "inspect-files", "scan", "gate", "compare", "read", "redact", "report",
    "show", "history", "attest", "waive", "approve", "reject", "decisions", "checks", "controls", "lists",
    "licences", "canaries", "doctor",
)  # fmt: skip


class _Commands(click.Group):
    """Imports a subcommand when it is asked for, so that --help and errors answer at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"cli.{cmd_name.replace('-', '_')}").command
        assert isinstance(command, click.Command)
        return command


@click.command(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 88}
)
@click.version_option(__version__, prog_name="weighbridge", message="%(prog)s %(version)s")
@click.option(
    "--debug", is_flag=True, envvar="WEIGHBRIDGE_DEBUG", help="Show a traceback when something fails."
)
def weighbridge(debug: bool) -> None:
    """Weigh open-weight models before they may pass.

    Fetches a model, checks where it comes from, on what terms and whether its files are safe,
    questions it on local hardware, judges the findings by control packs, and writes reports
    whose every statement leads back to raw evidence. It shows evidence; it never certifies.

    \b
    Examples:
      weighbridge scan demo
      weighbridge scan ./my-model --profile standard
      weighbridge scan hf://org/name@main --policy weighbridge.yaml
      weighbridge history

    \b
    Exit codes: 0 pass, 1 the gate blocks, 2 usage or input error, 3 could not assess
    (INCOMPLETE), 4 review needed, 130 interrupted.
    """


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs the command line and exits; the entry point of the distribution."""
    # People stand in the model's folder. No process that we start may import what lies there: without this, a
    # `signal.py` beside the weights would run.
    os.environ["PYTHONSAFEPATH"] = "1"
    arguments = sys.argv[1:] if arguments is None else arguments
    code = run(arguments)
    # Nothing is to be collected one last time: with all libraries loaded, that takes half a second.
    gc.freeze()
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Runs the command line and returns its exit code."""
    # People add --debug at the end of the line that failed, behind the subcommand's own options.
    wants_traceback = "--debug" in arguments or is_switched_on("WEIGHBRIDGE_DEBUG")
    arguments = [argument for argument in arguments if argument != "--debug"]
    try:
        result = weighbridge.main(arguments, prog_name="weighbridge", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return int(ExitCode.USAGE)
    except (KeyboardInterrupt, click.Abort):
        click.echo(
            "\ninterrupted; what was done is kept: the same command takes an unfinished scan up again",
            err=True,
        )
        return int(ExitCode.INTERRUPTED)
    except ScanError as error:
        if wants_traceback:
            traceback.print_exc()
        report_error(error)
        return int(ExitCode.INCOMPLETE if error.stops_midway else ExitCode.USAGE)
    except BrokenPipeError:
        # The reader of our output went away (`| head`): never 0, nobody knows how this would have ended.
        from cli.terminal import discard  # rich is too slow for --help

        discard(sys.stdout, sys.stderr)
        return int(ExitCode.INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - Python would end with 1, which must mean BLOCK and nothing else
        if wants_traceback:
            traceback.print_exc()
        report_error(_fault(error))
        return int(ExitCode.INCOMPLETE)
    return result if isinstance(result, int) else int(ExitCode.PASSED)


def _fault(error: Exception) -> ScanError:
    said = "".join(traceback.format_exception_only(error)).strip()
    return ScanError(
        f"unexpected: {said}",
        hint="nothing was judged; run it again with --debug, and report the traceback if it is our fault",
    )


def report_error(error: ScanError) -> None:
    """Prints one line for what went wrong and one for what to do about it."""
    click.echo(f"error: {error}", err=True)
    if error.hint:
        click.echo(f"hint: {error.hint}", err=True)


if __name__ == "__main__":
    main()
