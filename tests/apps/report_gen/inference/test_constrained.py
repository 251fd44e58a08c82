"""Drafts cannot leave their slots, whatever the weights are."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.report_gen.findings import KEYS, State
from apps.report_gen.grammar.reading import fidelity
from apps.report_gen.grammar.slots import Form, Section, slots_of
from apps.report_gen.grammar.writing import LANGUAGES
from apps.report_gen.inference.constrained import GreedyChoice, write_constrained
from apps.report_gen.inference.draft import Drafter
from apps.report_gen.inference.network import ImageNetwork
from apps.report_gen.inference.report_network import ReportNetwork
from apps.report_gen.inference.shape import TOY
from apps.report_gen.inference.stored import Model
from apps.report_gen.inference.tokens import STOP, text_tokens, tokenizer
from apps.report_gen.inference.verdicts import Verdicts
from apps.report_gen.training.made_up import some_findings_set
from core_kernels.modules.decoder import Decoder, DecoderShape

ANSWERS = {
    State.PRESENT: Form.ANSWER_YES,
    State.ABSENT: Form.ANSWER_NO,
    State.UNCERTAIN: Form.ANSWER_UNSURE,
}


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10**6), language=st.sampled_from(["en", "zh"]),
    asked=st.lists(st.sampled_from(KEYS), max_size=3, unique=True),
)  # fmt: skip
def test_any_choices_make_a_complete_report_without_a_sentence_too_many(
    seed: int, language: str, asked: list[str]
) -> None:
    draw = np.random.default_rng(seed)
    findings = some_findings_set(draw)
    written: list[int] = []

    def choose(last: int, allowed: list[int]) -> int:
        assert len(set(allowed)) == len(allowed) > 0
        written.append(allowed[int(draw.integers(len(allowed)))])
        return written[-1]

    said = write_constrained(slots_of(findings), language, choose, asked)
    scored = fidelity([each.text for each in said], language, findings)
    assert (scored.unfounded, scored.missing, scored.side_contradictions) == (0, 0, 0)
    impression = [each.slot for each in said if each.slot.section is Section.IMPRESSION]
    answers = [slot for slot in impression if not slot.needed]
    assert answers == impression[: len(asked)]
    assert [slot.kinds for slot in answers] == [(kind,) for kind in asked]
    assert [slot.form for slot in answers] == [ANSWERS[findings.states()[kind]] for kind in asked]
    assert written[-1] == STOP
    ids = {one.id for one in findings.findings}
    assert all(each.slot.ids and set(each.slot.ids) <= ids for each in said)


def test_greedy_choice_takes_the_likeliest_allowed_token_of_the_decoder() -> None:
    torch.manual_seed(0)
    decoder = Decoder(
        DecoderShape(vocabulary=50, positions=16, layers=2, width=32, heads=2, inner=64, gated=True)
    ).eval()
    memory = torch.randn(1, 5, 32)
    choice = GreedyChoice(decoder, 5, 16)
    choice.begin(memory)
    tokens = [3]
    for allowed in ([4, 9, 30], [11], [1, 2, 40, 41]):
        with torch.no_grad():
            logits = decoder(torch.tensor([tokens]), memory)[0, -1]
        wanted = allowed[int(logits[allowed].argmax())]
        assert choice(tokens[-1], allowed) == wanted
        tokens.append(wanted)


@pytest.fixture(scope="module")
def toy() -> Drafter:
    torch.manual_seed(3)
    model = Model(
        shape=TOY, image=ImageNetwork(TOY).eval(), report=ReportNetwork(TOY).eval(),
        verdicts=Verdicts(low=(0.45,) * 13, high=(0.5,) * 13), card={},
    )  # fmt: skip
    return Drafter(model)


def test_another_text_leaves_every_finding_as_it_is(toy: Drafter) -> None:
    hu = torch.randint(-1000, 300, (30, 50, 50), dtype=torch.int16)
    first = toy(hu, (9.0, 7.0, 7.0), text="Known mass on the left, 60 mm.")
    second = toy(hu, (9.0, 7.0, 7.0), text="体检。", language="zh")
    assert first.found.findings == second.found.findings
    assert torch.equal(first.found.labels, second.found.labels)
    needed = [
        {each.slot.meaning() for each in draft.sentences if each.slot.needed}
        for draft in (first, second)
    ]
    assert needed[0] == needed[1]


def test_any_unicode_and_any_length_of_text_is_read(toy: Drafter) -> None:
    for text in ("\x00\ud7ff🫁" * 9, "x" * 100_000, "发热\n咳嗽"):
        tokens = text_tokens(text, 160)
        assert 1 <= len(tokens) <= 160
        assert max(tokens) < tokenizer().get_vocab_size()
    findings = some_findings_set(np.random.default_rng(0))
    assert toy.write(findings, "🫁" * 500, "en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_question_names_is_answered_before_all_else(toy: Drafter, language: str) -> None:
    findings = some_findings_set(np.random.default_rng(1))
    asked = ("pneumothorax", "hiatal_hernia")
    said = toy.write(
        findings, "Known emphysema.\n" * 3, language, question="R/o pneumothorax. 食管裂孔疝？"
    )
    impression = [each for each in said if each.slot.section is Section.IMPRESSION]
    for sentence, kind in zip(impression, asked, strict=False):
        assert sentence.slot.kinds == (kind,)
        assert sentence.slot.form is ANSWERS[findings.states()[kind]]
        names = LANGUAGES[language].names[kind]
        assert any(name in sentence.text.lower() for name in names)
    assert len(impression) > len(asked)
    assert all(each.slot.needed for each in impression[len(asked) :])
