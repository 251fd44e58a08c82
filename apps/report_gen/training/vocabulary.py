"""Learns the tokens from reports and clinical texts of the grammar.

python -m apps.report_gen.training.vocabulary
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from apps.report_gen.grammar.clinical import some_text
from apps.report_gen.grammar.slots import slots_of
from apps.report_gen.grammar.writing import LANGUAGES, write
from apps.report_gen.inference.shape import Shape
from apps.report_gen.inference.tokens import SHIPPED, SPECIAL
from apps.report_gen.training.made_up import some_findings_set


def corpus(count: int) -> Iterator[str]:
    """Reports and clinical texts, half in each language."""
    draw = np.random.default_rng(11)
    for _ in range(count):
        slots = slots_of(some_findings_set(draw))
        for language in LANGUAGES:
            for sentence in write(slots, language, None, draw):
                yield sentence.text
            yield some_text(draw, language).text


def learn(count: int, size: int) -> Tokenizer:
    """Tokens from `count` reports in each language; digits stay single."""
    made = Tokenizer(models.BPE(unk_token=SPECIAL[1]))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\d"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(SPECIAL), show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    made.train_from_iterator(corpus(count), trainer)
    return made


def main() -> None:
    """Write the tokenizer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, default=SHIPPED)
    parser.add_argument("--reports", type=int, default=1500)
    chosen = parser.parse_args()
    made = learn(chosen.reports, Shape().vocabulary)
    made.save(str(chosen.out))
    print(f"{made.get_vocab_size()} tokens in {chosen.out}")


if __name__ == "__main__":
    main()
