"""References that stand for something else than they seem to.

What it looks for: of a model fetched from the hub, whether the revision that was named is the publisher's.
A commit of an open pull request stands under the repository's own name, and so does any commit id that
came with one: whether a named commit is on the history of the main branch is asked of the hub. Also
repositories that the hub serves under another name than the one that was asked for.

Why it matters: anybody may open a pull request. "org/name at commit 0123..." reads like the
organisation's word, and can be a stranger's weights. A name that has moved away is free for the next one
who takes it.

How it can be wrong: a commit that the publisher removed from main by rewriting its history, or that lies
inside another branch of theirs, is told as not on main (false positive). Whoever may write to the
repository can put anything onto main, and a hub that lies about its history is believed (false
negative). A merged pull request is on main, and passes.

What it needs: a reference to the hub, and for commits the hub's history; without an answer of the hub it
is not run. Branches and tags pass: only those who may write to the repository set them.

Source: Hugging Face Hub documentation, "Pull requests and discussions" (refs/pr/N); git-scm.com, Pro Git
2nd ed., section 10.3; MITRE ATLAS AML.T0010 (AI Supply Chain Compromise), AML.T0074 (Masquerading).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final

from scanner.check import Check, CheckContext
from scanner.findings import Confidence, Finding, Severity
from scanner.manifest import Snapshot

_TAGS: Final = ("AML.T0010", "AML.T0074", "OWASP-LLM03:2025", "CWE-345")
_HUB: Final = "hf"
_HEADS: Final = ("refs/heads/", "refs/tags/")


class ReferenceMisleads(Check):
    """Asks whose the named revision is."""

    id: ClassVar[str] = "reference-misleads"
    title: ClassVar[str] = "The reference stands for something else than it seems"
    severity: ClassVar[Severity] = Severity.MEDIUM
    order: ClassVar[int] = 15

    def run(self, context: CheckContext) -> Iterator[Finding]:
        """One finding on the revision, after one on a name that moved."""
        snapshot = context.snapshot
        facts = dict(snapshot.source)
        # Registries record a "requested_revision" too, and nothing of who may set their tags.
        if snapshot.ref.scheme != _HUB or "requested_revision" not in facts:
            yield self.not_run(
                "the model does not come from a hub, so no revision was named", rule="nothing-to-examine"
            )
            return
        if moved := facts.get("answers_as"):
            yield self._moved(snapshot, moved)
        yield self._of_revision(snapshot, facts)

    def _of_revision(self, snapshot: Snapshot, facts: dict[str, str]) -> Finding:
        revision, commit = facts["requested_revision"], snapshot.commit or ""
        names = [value for key, value in snapshot.source if key == "named_by"]
        proposed = facts.get("unmerged_revision") or next((each for each in names if "pr/" in each), "")
        own = [name for name in names if name.startswith(_HEADS)]
        on_main = facts.get("on_main")
        if on_main == "yes":
            return self.passed(f"commit {commit} is on the main branch")
        if own:
            return self.passed(f"commit {commit} is not on the main branch, but is the head of {own[0]}")
        if on_main is None and not proposed:
            return self.passed(f"'{revision}' is a branch or tag, which only those who may write to it set")
        if proposed:
            is_open = "is not on the main branch" if on_main == "no" else "may not be on the main branch"
            return self.failed(
                f"commit {commit} is of pull request {proposed} and {is_open}; anybody may open one",
                confidence=Confidence.HIGH if on_main == "no" else Confidence.MEDIUM,
                rule="PULL-REQUEST",
                subject=proposed,
                remediation="Use a commit of the main branch, or ask the publisher to merge this one first.",
                tags=_TAGS,
            )
        if on_main == "no":
            return self.failed(
                f"commit {commit} is not on the main branch, nor the head of another branch or tag; "
                "it can be of a pull request, and anybody may open one",
                confidence=Confidence.MEDIUM,
                rule="NOT-ON-MAIN",
                subject=commit,
                remediation="Use a commit of the main branch, or find out who made this one.",
                tags=_TAGS,
            )
        return self.not_run(
            f"the hub does not tell whether commit {commit} is on the main branch", rule="NOT-TOLD"
        )

    def _moved(self, snapshot: Snapshot, moved: str) -> Finding:
        return self.failed(
            f"the hub serves '{moved}' where '{snapshot.ref.location}' was asked for",
            confidence=Confidence.HIGH,
            rule="MOVED",
            subject=moved,
            remediation="Name the repository as it is called now, after a look at who owns it; the old name "
            "can be taken by anybody.",
            tags=_TAGS,
        )


CHECK = ReferenceMisleads()
