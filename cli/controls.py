"""`weighbridge controls`: the control packs, what feeds their controls, and what they are mapped to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli import options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policies.controls import Pack
    from policies.crosswalk import Crosswalk

_ALL = "all"


@click.command(short_help="List the control packs and their controls.")
@click.argument("pack_name", metavar="[PACK]", required=False)
@click.option("--checks", "by_check", is_flag=True, help="List each check with the controls that it feeds.")
@click.option(
    "--crosswalk",
    "framework",
    metavar="[FRAMEWORK]",
    is_flag=False,
    flag_value=_ALL,
    help="List each id of FRAMEWORK, or of every framework, with controls and checks behind it.",
)
@options.output_format
def command(pack_name: str | None, by_check: bool, framework: str | None, output: str) -> None:
    """List the control packs, or the controls of PACK with what they rest on.

    \b
    Examples:
      weighbridge controls
      weighbridge controls eu-ai-act
      weighbridge controls --checks
      weighbridge controls hipaa-security --crosswalk nist_800_53 --format json
    """
    from cli.checks import known_checks
    from policies.packs import available_packs, load_packs

    if by_check and framework:
        raise click.UsageError("--checks and --crosswalk answer different questions; give one of them")
    packs = load_packs([pack_name] if pack_name else available_packs(), known_checks())
    if framework:
        _show_crosswalks(_crosswalks(packs, framework), output)
    elif by_check:
        _show_checks(packs, output)
    else:
        _show_packs(packs, output, is_one=bool(pack_name))


def _show_packs(packs: Sequence[Pack], output: str, *, is_one: bool) -> None:
    from cli.control_documents import pack_document
    from cli.control_listing import print_controls, print_packs
    from cli.workplace import as_json

    if output == "json":
        click.echo(as_json([pack_document(pack) for pack in packs]))
    elif is_one:
        print_controls(packs[0])
    else:
        print_packs(packs)


def _show_checks(packs: Sequence[Pack], output: str) -> None:
    from cli.checks import known_checks
    from cli.control_documents import check_documents
    from cli.control_listing import print_checks
    from cli.workplace import as_json
    from policies.crosswalk import controls_by_check
    from policies.pack_lint import excused_checks
    from scanner.runner import in_order

    checks = known_checks()
    feeds = controls_by_check(packs, [check.id for check in in_order(list(checks.values()))])
    if output == "json":
        click.echo(as_json(check_documents(checks, feeds, excused_checks())))
    else:
        print_checks(checks, feeds, excused_checks())


def _show_crosswalks(crosswalks: Sequence[Crosswalk], output: str) -> None:
    from cli.control_documents import crosswalk_documents
    from cli.control_listing import print_crosswalks
    from cli.workplace import as_json

    if output == "json":
        click.echo(as_json(crosswalk_documents(crosswalks)))
    else:
        print_crosswalks(crosswalks)


def _crosswalks(packs: Sequence[Pack], framework: str) -> Sequence[Crosswalk]:
    from policies.crosswalk import crosswalks
    from policies.frameworks import load_frameworks
    from scanner.registry import nearest

    known = load_frameworks()
    if framework != _ALL and framework not in known:
        raise click.UsageError(
            f"unknown framework '{framework}'{nearest(framework, known)}; known are {', '.join(known)}"
        )
    return crosswalks(packs, known.values() if framework == _ALL else [known[framework]])
