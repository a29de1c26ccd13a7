"""Asks a hub once what a repository holds at one commit, and believes no field of the answer unseen.

Facts it finds, as in `Snapshot.source`: "endpoint", "requested_revision", "gated", "private", "author",
"last_modified", "answers_as" (when the hub calls the repository otherwise), "unmerged_revision",
"on_main", "named_by".
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from scanner.errors import InvalidValueError
from scanner.hub.client import HubSession
from scanner.hub.listing import COMMIT, HubFile, HubListing, require_sound_tree
from scanner.hub.patience import retrying
from scanner.hub.standing import standing_facts
from scanner.source import SourceError

_LONGEST_FACT = 200


def ask_listing(session: HubSession, repository: str, revision: str | None) -> HubListing:
    """What `repository` holds at the commit that `revision` (None: main) is now.

    Raises:
        SourceError: when the hub does not tell, or tells what cannot be.
    """
    commit, facts = retrying(session.limits)(_ask_revision, session, repository, revision)
    files = retrying(session.limits)(_ask_files, session, repository, commit)
    facts += standing_facts(session, repository, revision, commit)
    return HubListing(repository, commit, files, tuple(facts))


def _ask_revision(
    session: HubSession, repository: str, revision: str | None
) -> tuple[str, list[tuple[str, str]]]:
    with _believed(session):
        info = session.api.model_info(repository, revision=revision)
        commit = _text(info.sha)
        facts = [
            ("endpoint", session.shown),
            ("requested_revision", revision or "main"),
            ("gated", _text(info.gated) if info.gated else "false"),
            ("private", str(bool(info.private)).lower()),
            ("author", _text(info.author or repository.partition("/")[0])),
        ]
        if info.last_modified is not None:
            facts.append(("last_modified", info.last_modified.isoformat()))
        if _text(info.id) != repository:
            # Renamed or moved: the name that was asked for could be another's tomorrow.
            facts.append(("answers_as", _text(info.id)))
    if not COMMIT.fullmatch(commit):
        raise _not_a_hub(session, f"'{commit}' is not a commit of 40 hex digits")
    if COMMIT.fullmatch(revision or "") and commit != revision:
        raise _not_a_hub(session, f"answers commit {commit} when asked for {revision}")
    return commit, facts


def _ask_files(session: HubSession, repository: str, commit: str) -> tuple[HubFile, ...]:
    from huggingface_hub.hf_api import RepoFile

    files: list[HubFile] = []
    with session.fence.counted(), _believed(session):
        for entry in session.api.list_repo_tree(repository, recursive=True, revision=commit):
            if isinstance(entry, RepoFile):
                files.append(HubFile.of(entry))
            if len(files) > session.limits.files:
                raise InvalidValueError(f"more than {session.limits.files} files, which is the most we fetch")
        require_sound_tree(files)
    return tuple(sorted(files, key=lambda file: file.path))


@contextlib.contextmanager
def _believed(session: HubSession) -> Iterator[None]:
    """Turns answers that are not a hub's, or that cannot be, into one error.

    NOTE: the client trusts the shape of answers, so that any of these errors can come out of it.
    """
    from huggingface_hub.errors import HFValidationError

    try:
        yield
    except HFValidationError:
        raise
    except InvalidValueError as error:
        raise SourceError(
            f"{session.shown} lists {error}",
            hint="do not use this repository or mirror; report it to its operator",
        ) from error
    except (LookupError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise _not_a_hub(session, f"{type(error).__name__}: {_plain(str(error))}") from error


def _not_a_hub(session: HubSession, problem: str) -> SourceError:
    return SourceError(
        f"{session.shown}: does not answer like a hub ({problem})",
        hint="check the endpoint; a proxy may have answered in its place",
    )


def _text(value: object) -> str:
    """A text of the hub, short and on one line.

    Raises:
        TypeError: when it is no text.
    """
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} where a text is due")
    return _plain(value)


def _plain(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text[:_LONGEST_FACT])
