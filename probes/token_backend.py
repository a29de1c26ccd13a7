"""What engines that take token ids and give token ids share: rendering, refusing, cutting replies.

An engine adds how it loads and `_continue`, which turns rows of ids into rows of new ids.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from probes.backend import Backend, BackendError
from probes.model_text import ModelText
from scanner.conversation import Conversation, FinishReason, Reply, Sampling, TokenScores


class TokenBackend(Backend):
    """A backend over `ModelText`: every such engine is given the same ids and cuts replies alike."""

    _text: ModelText
    _failure: BackendError | None = None

    def render(self, conversation: Conversation) -> str:
        """The exact text the model is given; a BOS token that the tokenizer adds is not in it.

        Raises:
            BackendError: when the template raises or does not end.
        """
        return self._text.format.render(conversation)

    def count_tokens(self, prompt: str) -> int:
        """Length of a rendered prompt in tokens."""
        return len(self._text.encode(prompt))

    def generate(self, prompts: Sequence[str], sampling: Sampling) -> list[Reply]:
        """One reply per rendered prompt, in order, as one batch.

        A prompt that does not fit into the context together with its longest reply yields ERROR.

        Raises:
            OutOfMemoryError: when the batch does not fit.
            BackendError: when the weights cannot be loaded or the engine failed.
        """
        self._prepare()
        rows = [self._text.encode(prompt) for prompt in prompts]
        refusals = [self._text.refusal(row, sampling.max_tokens, self._context_limit()) for row in rows]
        fitting = [index for index, refusal in enumerate(refusals) if not refusal]
        replies = {
            index: Reply("", FinishReason.ERROR, prompt_tokens=len(rows[index]), error=refusal)
            for index, refusal in enumerate(refusals)
        }
        if fitting:
            new_ids = self._continue([prompts[i] for i in fitting], [rows[i] for i in fitting], sampling)
            for index, ids in zip(fitting, new_ids, strict=True):
                replies[index] = self._text.reply(ids, len(rows[index]), sampling)
        return [replies[index] for index in range(len(prompts))]

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[TokenScores]:
        """Log-probabilities of each continuation, pair by pair: exact whatever else is asked.

        Raises:
            NotAvailableError: when this engine gives none.
            BackendError: when the weights cannot be loaded or the engine failed.
        """
        self._prepare()
        return [self._score_one(prompt, continuation) for prompt, continuation in pairs]

    def _prepare(self) -> None:
        """Loads, once, what was put off until the first question.

        A failure is kept, so that every further question fails at once, and alike.

        Raises:
            BackendError: when that fails.
        """
        if self._failure is not None:
            raise self._failure
        if not self._is_loaded:
            try:
                self._load_weights()
            except BackendError as error:
                self._failure = error
                raise

    @property
    @abstractmethod
    def _is_loaded(self) -> bool:
        """Whether the weights are in memory."""

    @abstractmethod
    def _load_weights(self) -> None:
        """Loads the weights.

        Raises:
            BackendError: when they cannot be loaded.
        """

    def _context_limit(self) -> int | None:
        """The engine's own context in tokens, where it may be shorter than the model's."""
        return None

    @abstractmethod
    def _score_one(self, prompt: str, continuation: str) -> TokenScores:
        """How likely the model holds the continuation; loaded weights are given."""

    @abstractmethod
    def _continue(
        self, prompts: Sequence[str], rows: Sequence[Sequence[int]], sampling: Sampling
    ) -> Sequence[Sequence[int]]:
        """New ids after each row, as one batch; they may run past an end token, and are cut there."""
