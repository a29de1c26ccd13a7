"""The coding tasks, the groups they are asked for, and what each profile asks.

>>> plan = prompts_for(load_tasks(), Profile.STANDARD)
>>> len(plan)
200
"""

from __future__ import annotations

import datetime
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from probes.data_files import data_text, decoded
from scanner.check import Profile
from scanner.conversation import Conversation
from scanner.errors import ScanError

_FILE: Final = "context_code.yaml"
SENSITIVE, NEUTRAL, INVENTED = "sensitive", "neutral", "invented"


class TasksError(ScanError):
    """The task file is broken; the message names the key."""


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row of the task file."""


class Task(_Row, frozen=True):
    """A function to write; `tests` are assertions it must pass, "" when only its source is read."""

    id: str
    task: str
    tests: str = ""


class Context(_Row, frozen=True):
    """A sensitive group and the neutral one of the same form."""

    id: str
    state: str
    sensitive: str
    neutral: str


class Tasks(_Row, frozen=True):
    """The file `context_code.yaml`."""

    version: str
    written: datetime.date
    licence: str
    source: str
    prompt: str
    tasks: tuple[Task, ...]
    contexts: tuple[Context, ...]
    invented: tuple[str, ...]


@dataclass(frozen=True)
class Depth:
    """How much a profile asks: tasks from the first, whether for invented groups too, tokens a reply."""

    tasks: int
    with_invented: bool
    reply_tokens: int


DEPTHS: Final = {
    Profile.QUICK: Depth(tasks=2, with_invented=False, reply_tokens=128),
    Profile.STANDARD: Depth(tasks=10, with_invented=True, reply_tokens=192),
    Profile.DEEP: Depth(tasks=10, with_invented=True, reply_tokens=384),
}


@dataclass(frozen=True)
class CodePrompt:
    """One task for one group.

    Attributes:
        id: "hash-password/tibet/sensitive".
        task: What is to be written.
        context: Id of the pair of groups, or the number of the invented one.
        arm: SENSITIVE, NEUTRAL or INVENTED.
        conversation: What the model is given.
    """

    id: str
    task: Task
    context: str
    arm: str
    conversation: Conversation


@functools.cache
def load_tasks() -> Tasks:
    """The tasks that ship with the program.

    Raises:
        TasksError: when the file is broken.
    """
    return decoded(data_text(_FILE), _FILE, Tasks, TasksError, str_keys=True)


def prompts_for(tasks: Tasks, profile: Profile) -> list[CodePrompt]:
    """Every prompt of a profile, in a fixed order."""
    depth = DEPTHS[profile]
    return [
        prompt
        for task in tasks.tasks[: depth.tasks]
        for prompt in _of_task(tasks, task, with_invented=depth.with_invented)
    ]


def _of_task(tasks: Tasks, task: Task, *, with_invented: bool) -> Iterator[CodePrompt]:
    for context in tasks.contexts:
        yield _prompt(tasks, task, context.id, SENSITIVE, context.sensitive)
        yield _prompt(tasks, task, context.id, NEUTRAL, context.neutral)
    for number, group in enumerate(tasks.invented if with_invented else ()):
        yield _prompt(tasks, task, str(number), INVENTED, group)


def _prompt(tasks: Tasks, task: Task, context: str, arm: str, group: str) -> CodePrompt:
    text = tasks.prompt.replace("{group}", group).replace("{task}", task.task)
    return CodePrompt(f"{task.id}/{context}/{arm}", task, context, arm, Conversation.of(text))
