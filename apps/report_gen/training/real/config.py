"""The recipe for training on one's own studies: few values, defaults that suit fine-tuning.

`Recipe` is what pages, REST and schedules may say; `TrainingConfig` has the folders besides that
only who works at the machine may name.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


def _words(en: str, zh: str, help_zh: str, **more: bool) -> dict[str, Any]:
    return {"en": en, "zh": zh, "help_zh": help_zh, **more}


class Recipe(BaseModel):
    """How a report model learns from studies with labels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(
        default=400, ge=1, le=1_000_000, description="of the optimizer",
        json_schema_extra=_words("Steps", "训练步数", "优化器的步数", main=True),
    )  # fmt: skip
    batch: int = Field(
        default=2, ge=1, le=64, description="volumes a step",
        json_schema_extra=_words("Batch", "批大小", "每步的体数据数量", main=True),
    )  # fmt: skip
    rate: float = Field(
        default=1e-4, gt=0, le=0.1, description="learning rate at its highest",
        json_schema_extra=_words("Learning rate", "学习率", "最高学习率"),
    )  # fmt: skip
    from_scratch: bool = Field(
        default=False, description="begin with random weights instead of the shipped model's",
        json_schema_extra=_words("From scratch", "从头训练", "从随机权重开始，而非内置模型"),
    )  # fmt: skip
    insert: float = Field(
        default=0.3, ge=0, le=1,
        description="share of volumes that nodules are put into, where the split allows it",
        json_schema_extra=_words(
            "Inserted nodules", "插入结节", "在划分允许时插入结节的体数据比例"
        ),
    )  # fmt: skip
    phantoms: float = Field(
        default=0.25, ge=0, le=1,
        description="share of steps on phantoms, so that masks and places are not forgotten",
        json_schema_extra=_words("Phantoms", "体模比例", "使用体模的步数比例，以免遗忘位置和掩膜"),
    )  # fmt: skip
    pool: int = Field(
        default=24, ge=1, le=2000, description="phantoms that are made",
        json_schema_extra=_words("Phantoms made", "体模数量", "生成的体模数量"),
    )  # fmt: skip
    evaluate_every: int = Field(
        default=50, ge=1, le=1_000_000, description="steps between checkpoints with figures",
        json_schema_extra=_words("Checkpoint every", "检查点间隔", "两次检查点和评估之间的步数"),
    )  # fmt: skip
    device: str = Field(
        default="", max_length=20, description="cpu, cuda:0; empty: the best there is",
        json_schema_extra=_words("Device", "设备", "cpu、cuda:0；留空则自动选择"),
    )  # fmt: skip
    toy: bool = Field(
        default=False, description="a tiny network that finds nothing: to try the way",
        json_schema_extra=_words("Toy", "玩具模型", "极小的网络，仅用于试跑流程"),
    )  # fmt: skip


class TrainingConfig(Recipe):
    """The same at a terminal."""

    text_encoder: str = Field(
        default="", max_length=4096,
        description="folder of a Hugging Face model that takes the place of the text encoder",
        json_schema_extra=_words(
            "Text encoder", "文本编码器", "替换文本编码器的 Hugging Face 模型文件夹"
        ),
    )  # fmt: skip
    cache: str = Field(
        default="", max_length=4096, description="folder for prepared volumes; empty: in OUT",
        json_schema_extra=_words("Cache", "缓存", "预处理体数据的文件夹；留空则放在输出目录"),
    )  # fmt: skip
