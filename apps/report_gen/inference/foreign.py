"""A Hugging Face model directory in place of the text encoder.

Named by path and never fetched: ``trust_remote_code=False``, ``local_files_only=True``, safetensors
only, sizes checked before anything is loaded. Its tokens are shifted by one, so that 0 stays what
pads here whatever it means there.
"""

import json
from pathlib import Path
from typing import Any, Final

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel
from transformers.modeling_outputs import BaseModelOutput

from apps.report_gen.inference.tokens import LONGEST_TEXT
from loupe.contract.runtime.errors import ModelRefused

LARGEST_WEIGHTS: Final = 512 << 20
LARGEST_CONFIG: Final = 1 << 20
LARGEST_TOKENIZER: Final = 64 << 20
CONFIG, TOKENIZER = "text_encoder.json", "text_tokenizer.json"
"""What a stored model with such an encoder keeps beside its weights."""


class ForeignText(nn.Module):
    """Another encoder and a projection to the width of the report's network."""

    def __init__(self, model: nn.Module, tokenizer: Tokenizer, width: int) -> None:
        super().__init__()
        self.model, self.tokenizer = model, tokenizer
        config: Any = model.config
        self.vocabulary = int(config.vocab_size)
        self.project = nn.Linear(int(config.hidden_size), width)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> BaseModelOutput:
        """As BERT's: `last_hidden_state` [B, T, width]."""
        ids = (input_ids - 1).clamp(min=0)
        seen = self.model(input_ids=ids, attention_mask=attention_mask).last_hidden_state
        return BaseModelOutput(last_hidden_state=self.project(seen))

    def tokens(self, text: str, most: int) -> list[int]:
        """A clinical text, at most `most` tokens of it; at least one."""
        ids = self.tokenizer.encode(text[:LONGEST_TEXT]).ids[:most]
        return [min(each, self.vocabulary - 1) + 1 for each in ids] or [1]


def check_folder(folder: Path) -> None:
    """Refuse what may not be loaded, before anything is.

    Raises:
        ModelRefused: a file is missing or too large, weights are pickled, or code comes along.
    """
    weights = sorted(folder.glob("*.safetensors")) if folder.is_dir() else []
    if not weights:
        pickled = [each.name for each in folder.glob("*.bin")] if folder.is_dir() else []
        raise _refused(
            folder, "there are no weights as safetensors"
            + (f", and {pickled[0]} is pickled, which is never opened" if pickled else ""),
            "convert it with transformers' save_pretrained",
        )  # fmt: skip
    total = sum(each.stat().st_size for each in weights)
    if total > LARGEST_WEIGHTS:
        raise _refused(
            folder, f"its weights have {total >> 20} MB",
            f"take a model of at most {LARGEST_WEIGHTS >> 20} MB",
        )  # fmt: skip
    for name, most in (("config.json", LARGEST_CONFIG), ("tokenizer.json", LARGEST_TOKENIZER)):
        path = folder / name
        if not path.is_file() or path.stat().st_size > most:
            raise _refused(
                folder, f"{name} is missing or larger than {most >> 20} MB",
                "give the whole folder that save_pretrained writes",
            )  # fmt: skip
    _check_config((folder / "config.json").read_text(encoding="utf-8"), folder)


def opened(folder: Path, width: int) -> ForeignText:
    """The encoder of a checked folder.

    Raises:
        ModelRefused: see `check_folder`; or transformers cannot build it.
    """
    check_folder(folder)
    try:
        model = AutoModel.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False, use_safetensors=True,
            torch_dtype=torch.float32,
        )  # fmt: skip
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        return ForeignText(model, tokenizer, width)
    except Exception as error:  # its libraries raise whatever they like
        raise _refused(
            folder, f"transformers cannot load it ({type(error).__name__}: {error})"[:400],
            "give an encoder that AutoModel knows, as BERT",
        ) from error  # fmt: skip


def rebuilt(folder: Path, width: int) -> ForeignText | None:
    """The encoder that a stored report model has, without weights; None where it has its own.

    Raises:
        ModelRefused: what is kept of it is damaged.
    """
    config, tokenizer = folder / CONFIG, folder / TOKENIZER
    if not config.is_file():
        return None
    if not tokenizer.is_file() or tokenizer.stat().st_size > LARGEST_TOKENIZER:
        raise _refused(folder, f"{TOKENIZER} is missing or too large", "store the model again")
    told = _check_config(config.read_text(encoding="utf-8"), folder)
    try:
        kind = AutoConfig.for_model(**told)
        maker: Any = AutoModel
        model = maker.from_config(kind, trust_remote_code=False)
        return ForeignText(model, Tokenizer.from_file(str(tokenizer)), width)
    except Exception as error:  # its libraries raise whatever they like
        raise _refused(
            folder, f"its text encoder cannot be built ({type(error).__name__})", "store it again"
        ) from error


def keep(folder: Path, text: ForeignText) -> None:
    """Write what `rebuilt` needs."""
    config: Any = text.model.config
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).write_text(json.dumps(config.to_dict(), default=str) + "\n")
    (folder / TOKENIZER).write_text(text.tokenizer.to_str())


def _check_config(text: str, folder: Path) -> dict[str, Any]:
    try:
        told = json.loads(text)
    except ValueError as error:
        raise _refused(folder, "its configuration is no JSON", "store it again") from error
    if not isinstance(told, dict) or "model_type" not in told:
        raise _refused(folder, "its configuration names no model_type", "take another model")
    if "auto_map" in told:
        raise _refused(
            folder, "it brings code of its own (auto_map), which is never run",
            "take a model that transformers itself knows",
        )  # fmt: skip
    if told.get("is_encoder_decoder"):
        raise _refused(folder, "it is an encoder with a decoder", "take an encoder, as BERT")
    return told


def _refused(folder: Path, why: str, what: str) -> ModelRefused:
    return ModelRefused(
        f"{folder} cannot be the text encoder: {why}; {what}.", code="foreign_model"
    )
