"""A Hugging Face directory as the text encoder: used, stored, read back; hostile ones refused."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertModel

from apps.report_gen.benchmarks.pipeline import random_model
from apps.report_gen.inference import foreign
from apps.report_gen.inference.draft import Drafter
from apps.report_gen.inference.shape import TOY
from apps.report_gen.inference.stored import fetch, store
from apps.report_gen.training.made_up import some_findings_set
from loupe.contract.runtime.errors import ModelRefused


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "bert"
    config = BertConfig(
        vocab_size=9, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=256,
    )  # fmt: skip
    BertModel(config).save_pretrained(place)
    words = {each: at for at, each in enumerate(("[UNK]", "cough", "effusion", "pain", "mass"))}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(place / "tokenizer.json"))
    return place


def test_a_text_is_read_by_the_other_encoder_and_so_after_storing(
    folder: Path, tmp_path: Path
) -> None:
    model = random_model(TOY, "cpu")
    model.report.text = foreign.opened(folder, TOY.width).eval()
    assert model.report.text_tokens("cough pain") == [2, 4]
    assert model.report.text_tokens("") == [1]
    store(tmp_path / "stored", model)
    again = fetch(tmp_path / "stored")
    assert isinstance(again.report.text, foreign.ForeignText)
    tokens = torch.tensor([[2, 4, 3, 0]])
    one, other = (
        each.report.text(input_ids=tokens, attention_mask=(tokens > 0).long()).last_hidden_state
        for each in (model, again)
    )
    assert torch.allclose(one, other, atol=0.05)
    findings = some_findings_set(np.random.default_rng(0))
    assert Drafter(again).write(findings, "cough effusion", "en")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"auto_map": {"AutoModel": "evil.Model"}}, "code of its own"),
        ({"is_encoder_decoder": True}, "encoder with a decoder"),
        ({"model_type": "nonsense"}, "cannot load it"),
    ],
)
def test_a_directory_that_brings_code_or_no_encoder_is_refused(
    folder: Path, change: dict[str, object], match: str
) -> None:
    told = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**told, **change}))
    with pytest.raises(ModelRefused, match=match):
        foreign.opened(folder, TOY.width)


def test_pickled_weights_are_never_opened(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelRefused, match="pickled, which is never opened"):
        foreign.opened(folder, TOY.width)


def test_sizes_are_checked_before_anything_is_loaded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign, "LARGEST_WEIGHTS", 100)
    monkeypatch.setattr(foreign, "AutoModel", None)
    with pytest.raises(ModelRefused, match="its weights have"):
        foreign.opened(folder, TOY.width)


def test_a_name_that_is_no_folder_is_refused_and_nothing_is_fetched() -> None:
    with pytest.raises(ModelRefused, match="no weights as safetensors"):
        foreign.opened(Path("bert-base-uncased"), TOY.width)


def test_a_tokenizer_that_is_missing_is_named(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelRefused, match=r"tokenizer\.json is missing"):
        foreign.check_folder(folder)
