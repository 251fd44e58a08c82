"""The recipe that people see: few values, each with a default that suits most data."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


def _words(en: str, zh: str, help_zh: str, **more: bool) -> dict[str, Any]:
    return {"en": en, "zh": zh, "help_zh": help_zh, **more}


class TrainingConfig(BaseModel):
    """How a fraud model is trained and measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    test_days: int = Field(
        default=0,
        ge=0,
        le=365,
        description="days at the end that measure; 0: a fifth of the time, at most 28",
        json_schema_extra=_words(
            "Test days",
            "测试天数",
            "末尾用于评估的天数；0：总时长的五分之一，最多 28 天",
            main=True,
        ),
    )
    train_days: int = Field(
        default=0,
        ge=0,
        le=3_650,
        description="days to learn from; 0: all but the first tenth, in which histories begin",
        json_schema_extra=_words(
            "Training days",
            "训练天数",
            "用于学习的天数；0：除最初十分之一（历史积累期）外的全部",
            main=True,
        ),
    )
    seeds: int = Field(
        default=5,
        ge=1,
        le=20,
        description="models of each rung of the ladder; figures are told over all of them",
        json_schema_extra=_words("Seeds", "随机种子数", "每一级模型的训练次数；指标取其整体"),
    )
    network_epochs: int = Field(
        default=24,
        ge=1,
        le=200,
        description="of the graph network; the best one on the validation counts",
        json_schema_extra=_words(
            "Epochs of the network", "图网络训练轮数", "图神经网络的训练轮数，取验证集上最好的一轮"
        ),
    )
    network_seeds: int = Field(
        default=1,
        ge=1,
        le=20,
        description="of the graph network, at most as many as models of the other rungs",
        json_schema_extra=_words(
            "Seeds of the network", "图网络随机种子数", "图神经网络的训练次数，不超过其他级的次数"
        ),
    )
    network: bool = Field(
        default=True,
        description="train the graph network too; it takes most of the time",
        json_schema_extra=_words(
            "Graph network", "图神经网络", "同时训练图神经网络；占用大部分时间", main=True
        ),
    )
    serves: Literal["best", "xgboost_flat", "xgboost_graph", "xgboost_ready"] = Field(
        default="best",
        description="which rung becomes the model; best: that of the validation, the one that "
        "reads embeddings (xgboost_ready) only with a certain gain",
        json_schema_extra=_words(
            "Rung that serves",
            "用于服务的模型级",
            "哪一级成为模型；best：验证集上最好的一级；读取嵌入的一级"
            "（xgboost_ready）仅在增益确定时才会入选",
        ),
    )
    most_rows: int = Field(
        default=120_000,
        ge=1_000,
        le=50_000_000,
        description="rows that trees learn from: all frauds, and honest ones by lot with weights",
        json_schema_extra=_words(
            "Rows for trees", "树模型样本数", "包含全部欺诈样本，并按权重抽取正常样本"
        ),
    )
    network_rows: int = Field(
        default=50_000,
        ge=1_000,
        le=5_000_000,
        description="rows that the graph network learns from",
        json_schema_extra=_words("Rows for the network", "图网络样本数", "图神经网络学习的样本数"),
    )
    drop_known: bool = Field(
        default=True,
        description="leave payers out of the test whose fraud was known by then",
        json_schema_extra=_words(
            "Leave out known payers", "排除已知付款方", "评估时排除当时已确认欺诈的付款方"
        ),
    )
