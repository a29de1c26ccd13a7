"""Tells whether a commit is the publisher's: on the main branch, or one that anybody could have proposed.

Whoever opens a pull request gets a commit that the hub serves under the repository's own name. A commit
id alone does not show which of the two it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice
from typing import Final

from scanner.errors import ScanError
from scanner.hub.client import HubSession

_PULL_REQUEST: Final = re.compile(r"(refs/)?pr/\d+")
# Hubs abbreviate as git does; from 7 digits on a revision may mean a commit.
_COMMIT_LIKE: Final = re.compile(r"[0-9a-f]{7,40}")
_MOST_COMMITS: Final = 5000
_MOST_NAMES: Final = 20


def standing_facts(
    session: HubSession, repository: str, revision: str | None, commit: str
) -> list[tuple[str, str]]:
    """Facts about where `commit` stands, for revisions that are a commit or a pull request.

    "unmerged_revision" holds the pull request that was asked for; "on_main" is "yes", "no", or
    "unknown" when the hub does not tell; "named_by" holds a branch, tag or pull request whose head it is.
    Branches and tags are set by those who may write to the repository, so that nothing is asked for them.
    """
    facts: list[tuple[str, str]] = []
    is_proposed = bool(_PULL_REQUEST.fullmatch(revision or ""))
    if is_proposed:
        facts.append(("unmerged_revision", revision or ""))
    if not is_proposed and not _COMMIT_LIKE.fullmatch(revision or ""):
        return facts
    on_main = _told(_on_main, session, repository, commit)
    facts.append(("on_main", on_main or "unknown"))
    if on_main == "no":
        names = _told(_names, session, repository, commit) or ""
        facts += [("named_by", name) for name in names.splitlines()]
    return facts


def _told(
    ask: Callable[[HubSession, str, str], str], session: HubSession, repository: str, commit: str
) -> str | None:
    """What `ask` finds out; None when the hub, or a mirror of it, does not tell."""
    from huggingface_hub import errors

    try:
        with session.fence.counted():
            return ask(session, repository, commit)
    # The client trusts the shape of answers: any of these can come out of it.
    except (
        ScanError,
        errors.HfHubHTTPError,
        LookupError,
        TypeError,
        AttributeError,
        ValueError,
        RecursionError,
    ):
        return None


def _on_main(session: HubSession, repository: str, commit: str) -> str:
    """Walks the history of main, newest first, page by page, and stops at the commit."""
    from huggingface_hub.utils import paginate  # type: ignore[attr-defined]

    pages = paginate(
        f"{session.endpoint}/api/models/{repository}/commits/main", params={}, headers=session.headers
    )
    seen: set[str] = set()
    for item in islice(pages, _MOST_COMMITS):
        if item["id"] == commit:
            return "yes"
        seen.add(item["id"])
    return "no" if 0 < len(seen) < _MOST_COMMITS else "unknown"


def _names(session: HubSession, repository: str, commit: str) -> str:
    """Branches, tags and pull requests whose head is the commit, one a line."""
    refs = session.api.list_repo_refs(repository, include_pull_requests=True)
    known = (*refs.branches, *refs.tags, *(refs.pull_requests or ()))
    heads = [str(ref.ref) for ref in known if ref.target_commit == commit and str(ref.ref).isprintable()]
    return "\n".join(name[:200] for name in heads[:_MOST_NAMES])
