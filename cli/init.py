"""`weighbridge init`: write a commented policy file to start from."""

from __future__ import annotations

from pathlib import Path

import click

from cli import options


@click.command(short_help="Write a commented policy file.")
@click.option(
    "--role", metavar="ROLE", help="deployer, provider_system, provider_gpai or importer_distributor."
)
@click.option(
    "--market", "markets", multiple=True, metavar="CODE", help="EU, or an ISO country code; may be repeated."
)
@click.option("--sector", metavar="TEXT", help="health, finance, public, education, ...")
@click.option("--purpose", metavar="TEXT", help="What the model is meant to be used for, in a sentence.")
@click.option(
    "--handles-ephi/--no-ephi",
    default=None,
    show_default="left open",
    help="Whether health information as protected by HIPAA will reach the model.",
)
@click.option(
    "--output",
    "output_dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    show_default="the working directory",
    help="Folder to write into.",
)
@click.option(
    "--schema",
    "with_schema",
    is_flag=True,
    help="Write the JSON Schema of such files beside it, for editors.",
)
@click.option("--force", is_flag=True, help="Write over files that are there.")
def command(
    role: str | None,
    markets: tuple[str, ...],
    sector: str | None,
    purpose: str | None,
    handles_ephi: bool | None,
    output_dir: Path,
    with_schema: bool,
    force: bool,
) -> None:
    """Write weighbridge.yaml: every question with why it is asked, packs, gate, waivers, all explained.

    Asks nothing: what no option answers is left open in the file, to be filled in there. Commands
    that judge find it in the working directory.

    \b
    Examples:
      weighbridge init
      weighbridge init --role deployer --market EU --market US --sector health --handles-ephi
      weighbridge init --schema --output policies
    """
    from cli.workplace import OutputError, write_whole
    from policies.organisation import load_questions, read_answers
    from policies.starter import SCHEMA_FILE, policy_schema, starter_policy

    given: dict[str, object] = {
        "role": role,
        "markets": list(markets) or None,
        "sector": sector,
        "purpose": purpose,
        "handles_ephi": handles_ephi,
    }
    answers = read_answers(given, load_questions(), "weighbridge init")
    files = {output_dir / options.POLICY_FILE: starter_policy(answers, with_schema=with_schema)}
    if with_schema:
        files[output_dir / SCHEMA_FILE] = policy_schema()
    for path in files:
        if path.exists() and not force:
            raise OutputError(f"{path} exists and was left alone", hint="choose another --output, or --force")
    for path, text in files.items():
        write_whole(path, text.encode())
        click.echo(str(path))
