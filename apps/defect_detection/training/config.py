"""The recipe that people see: few values, each with a default that suits most sets.

`recipe_for` turns it into the loop's `Recipe` once it is known how much data there is and what it
computes on. Free of torch: the form that starts a training reads this.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from apps.defect_detection.training.recipe import DEFAULT, SMALL, SMALL_BELOW, Recipe

Architecture = Literal[
    "yolo11n", "yolo11s", "yolo11m", "yolo11l", "yolo11x",
    "yolo26n", "yolo26s", "yolo26m", "yolo26l", "yolo26x",
]  # fmt: skip

CPU_SECONDS = 1800.0
"""How long a training on the CPU goes on where nobody said anything."""
CPU_BATCH = 16
LEAST_PATIENCE = 50
LEAST_STEPS = 4
"""An epoch has at least so many steps, where the set is large enough."""


def _words(en: str, zh: str, help_zh: str, **more: bool) -> dict[str, Any]:
    return {"en": en, "zh": zh, "help_zh": help_zh, **more}


class TrainingConfig(BaseModel):
    """How a detector is trained."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    architecture: Architecture = Field(
        default="yolo11n",
        description="n is the smallest and quickest, x the largest; that of the start model counts "
        "where there is one",
        json_schema_extra=_words(
            "Network", "网络", "n 最小最快，x 最大；若有起始模型则采用其网络", main=True
        ),
    )
    epochs: int = Field(
        default=0,
        ge=0,
        le=10_000,
        description="passes over the training pictures; 0: as many as suit the set",
        json_schema_extra=_words(
            "Epochs", "轮数", "训练图像的遍数；0：按数据量自动决定", main=True
        ),
    )
    minutes: float = Field(
        default=0,
        ge=0,
        le=100_000,
        description="above 0: as many epochs as fit into this time; left at 0 together with the "
        "epochs, a CPU gets 30",
        json_schema_extra=_words(
            "Minutes",
            "分钟",
            "大于 0：在此时间内能完成多少轮就训练多少轮；轮数也为 0 时 CPU 用 30 分钟",
            main=True,
        ),
    )
    image_size: int = Field(
        default=640,
        ge=64,
        le=2048,
        multiple_of=32,
        description="side of the square that the network sees, pixels; a multiple of 32",
        json_schema_extra=_words(
            "Image size", "图像尺寸", "网络所见正方形的边长（像素），32 的倍数"
        ),
    )
    batch: int = Field(
        default=0,
        ge=0,
        le=1024,
        description="pictures a step; 0: what suits the device and the set",
        json_schema_extra=_words("Batch", "批大小", "每步图像数；0：按设备和数据量自动决定"),
    )
    patience: int = Field(
        default=0,
        ge=0,
        le=10_000,
        description="stop after so many epochs without a better result on the validation split; "
        "0: a third of the epochs",
        json_schema_extra=_words(
            "Patience", "早停耐心", "验证集连续多少轮无提升即停止；0：总轮数的三分之一"
        ),
    )
    turns: bool = Field(
        default=True,
        description="learn from pictures turned and mirrored as well; switch it off where a "
        "defect is told by its direction",
        json_schema_extra=_words(
            "Turn pictures", "旋转图像", "同时用旋转和镜像后的图像学习；缺陷由方向区分时请关闭"
        ),
    )
    tiles: bool = Field(
        default=True,
        description="learn pictures above 1600 pixels in tiles, as they are inspected",
        json_schema_extra=_words("Tiles", "切片", "超过 1600 像素的图像按切片学习，与检测时一致"),
    )
    nms_free: bool = Field(
        default=False,
        description="yolo26 only: serve by the head that needs no suppression of double boxes",
        json_schema_extra=_words("Without NMS", "无 NMS", "仅 yolo26：使用无需抑制重复框的检测头"),
    )
    serve: Literal["auto", "onnx", "int8"] = Field(
        default="auto",
        description="int8 is about twice as quick on a CPU; auto takes it where it loses at most "
        "half a point of mAP50, else onnx; both are measured",
        json_schema_extra=_words(
            "Serve as",
            "运行形式",
            "int8 在 CPU 上约快一倍；auto：mAP50 损失不超过半个百分点时用 int8，"
            "否则用 onnx；两者都会评估",
        ),
    )
    device: str = Field(
        default="",
        max_length=20,
        description="empty: a GPU where there is one; else cpu, or cuda:1",
        json_schema_extra=_words("Device", "设备", "留空：有 GPU 则用 GPU；否则填 cpu 或 cuda:1"),
    )

    @field_validator("device")
    @classmethod
    def _known(cls, device: str) -> str:
        kind, _, number = device.partition(":")
        if kind not in ("", "cpu", "cuda") or (number and not number.isdecimal()):
            raise ValueError(f"device is {device!r}: leave it empty, or write cpu, cuda or cuda:1.")
        return device


def recipe_for(config: TrainingConfig, pictures: int, on_gpu: bool) -> Recipe:
    """The loop's recipe for so many training pictures.

    A small set gets more epochs, whose steps are as many as they are for a large one.
    """
    base = SMALL if pictures < SMALL_BELOW else DEFAULT
    epochs = config.epochs or base.epochs
    seconds = 60 * config.minutes
    if not on_gpu and not config.epochs and not seconds:
        seconds = CPU_SECONDS
    batch = config.batch or min(
        base.batch if on_gpu else CPU_BATCH, max(1, pictures // LEAST_STEPS)
    )
    patience = config.patience or max(LEAST_PATIENCE, epochs // 3)
    # Where an epoch takes a moment, measuring after each one would take most of the time.
    measured = max(base.measure_every if epochs >= 100 else 1, epochs // 100)
    return base.with_(
        architecture=config.architecture,
        size=config.image_size,
        epochs=epochs,
        seconds=seconds,
        batch=batch,
        warmup_epochs=min(base.warmup_epochs, max(1.0, epochs / 10)),
        patience=-(-patience // measured),
        measure_every=measured,
        turns=config.turns,
        end2end=config.nms_free and config.architecture.startswith("yolo26"),
        deterministic=True,
    )
