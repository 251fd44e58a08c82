"""Greedy writing that cannot leave the slots.

At every token the decoder chooses among those that continue a wording of a slot not yet said; where
only one does, nothing is chosen. A sentence without a slot, a wrong side or a number that no mask
gave cannot be written, whatever the weights are.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from apps.report_gen.grammar.slots import Section, Slot
from apps.report_gen.grammar.writing import Sentence, variants
from apps.report_gen.inference.tokens import LANGUAGE, SECTION, STOP, sentence_tokens
from core_kernels.modules.decoder import Decoder, DecoderState

Choose = Callable[[int, list[int]], int]
"""The next token of those allowed, after the decoder has taken one in."""
Wording = tuple[tuple[int, ...], str, Slot]


def wordings(slots: list[Slot], language: str) -> list[Wording]:
    """Every way to say any of the slots: tokens, text, slot; each text once."""
    made: dict[str, Wording] = {}
    for slot in slots:
        for text in variants(slot, language):
            made.setdefault(text, (sentence_tokens(text), text, slot))
    return list(made.values())


def write_constrained(
    slots: list[Slot], language: str, choose: Choose, asked: Sequence[str] = ()
) -> list[Sentence]:
    """A whole report: every needed slot once, what was asked first, nothing else.

    Args:
        asked: kinds that are answered, in this order.
        choose: is given the token last written and those allowed; its choice is the next one.
    """
    said: list[Sentence] = []
    last = LANGUAGE[language]
    for section in Section:
        here = [slot for slot in slots if slot.section is section]
        left = [slot for slot in here if slot.needed]
        last = choose(last, [SECTION[section.value]])
        for kind in asked:
            for answer in (one for one in here if not one.needed and one.kinds == (kind,)):
                last, sentence = _sentence(last, [answer], language, choose)
                said.append(sentence)
        while left:
            last, sentence = _sentence(last, left, language, choose)
            said.append(sentence)
            left = [slot for slot in left if slot is not sentence.slot]
    choose(last, [STOP])
    return said


def _sentence(last: int, slots: list[Slot], language: str, choose: Choose) -> tuple[int, Sentence]:
    options, at = wordings(slots, language), 0
    while True:
        allowed = sorted({tokens[at] for tokens, _, _ in options})
        last = choose(last, allowed)
        options = [option for option in options if option[0][at] == last]
        at += 1
        tokens, text, slot = options[0]
        if len(options) == 1 and len(tokens) == at:
            return last, Sentence(text, slot)


class GreedyChoice:
    """Chooses the likeliest of the allowed tokens; the state of one report.

    On a GPU a step is a replay of a graph; where one token alone is allowed, nothing is waited for.
    """

    def __init__(self, decoder: Decoder, memory_rows: int, capacity: int) -> None:
        self.decoder = decoder.eval()
        self.state: DecoderState = decoder.state(1, capacity, memory_rows)
        self.capacity, self.steps = capacity, 0
        device = self.state.own.device
        self._token = torch.zeros(1, dtype=torch.int64, device=device)
        self._graph: torch.cuda.CUDAGraph | None = None
        self._logits: Tensor | None = None

    def begin(self, memory: Tensor, lengths: Tensor | None = None) -> None:
        """Forget the report before; look at `memory` [1, S, width]."""
        if memory.is_cuda and self._graph is None:
            self._record(memory)
        self.decoder.remember(memory, self.state, lengths)
        self.steps = 0

    def _record(self, memory: Tensor) -> None:
        self.decoder.remember(memory, self.state)
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self.decoder.step(self._token, self.state)
        torch.cuda.current_stream().wait_stream(stream)
        self.state.restart()
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._logits = self.decoder.step(self._token, self.state)

    @torch.no_grad()
    def __call__(self, last: int, allowed: list[int]) -> int:
        """Take `last` in and choose."""
        if self.steps >= self.capacity:
            # The report is complete all the same: the first wording in order.
            return allowed[0]
        self.steps += 1
        self._token.fill_(last)
        if self._graph is not None:
            self._graph.replay()
            logits = self._logits
        else:
            logits = self.decoder.step(self._token, self.state)
        if len(allowed) == 1 or logits is None:
            return allowed[0]
        return allowed[int(logits[0, allowed].argmax())]
