"""The heavy probe: one large item, minutes of work, a signature."""

from pydantic import BaseModel

from heavy_probe.schema import Bound, Digest
from loupe.contract.app import DomainApp
from loupe.contract.extras import Pages
from loupe.contract.inputs import InputKind
from loupe.contract.outcomes import DecisionDraft, Outcome, Reason, ReviewVerb, Tone
from loupe.contract.runtime.payload import Payload
from loupe.contract.runtime.steps import Place, Step
from loupe.contract.text import Text


class App(DomainApp):
    slug = "heavy_probe"
    name = Text(en="Long reading", zh="长时读取")
    summary = Text(en="Reads a large file.", zh="读取大文件。")
    icon = "heavy_probe/icon.svg"
    inputs = (
        InputKind(
            key="volume",
            label=Text(en="Volume", zh="体数据"),
            media_types=("application/x-nifti",),
            max_bytes=2 * 2**30,
        ),
    )
    steps = (Step(name="digest", place=Place.CHILD, run="heavy_probe.work:digest"),)
    needs_model = False
    result_schema = Digest
    operating_point_schema = Bound
    outcomes = (
        Outcome(key="dark", label=Text(en="Dark", zh="暗"), tone=Tone.GOOD),
        Outcome(key="bright", label=Text(en="Bright", zh="亮"), tone=Tone.BAD),
    )
    review_verbs = (
        ReviewVerb(key="sign", label=Text(en="Sign", zh="签名"), shortcut="s", signature=True),
    )
    pages = Pages(result="heavy_probe/result.html", row="heavy_probe/row.html")

    @classmethod
    def assemble(cls, payload: Payload) -> BaseModel:
        told = {name: payload.meta[name] for name in Digest.model_fields if name in payload.meta}
        return Digest.model_validate(told)

    @classmethod
    def decide(cls, result: BaseModel, operating_point: BaseModel) -> DecisionDraft:
        digest = Digest.model_validate(result)
        bound = Bound.model_validate(operating_point)
        bright = digest.mean > bound.mean
        reason = Reason(
            code="mean",
            en=f"Mean {digest.mean:.1f} against {bound.mean:.1f}.",
            zh=f"均值 {digest.mean:.1f},界限 {bound.mean:.1f}。",
        )
        return DecisionDraft(
            outcome="bright" if bright else "dark", score=digest.mean, reasons=(reason,)
        )

    @classmethod
    def examples(cls) -> tuple[BaseModel, ...]:
        return tuple(
            Digest(sha256="0" * 64, size=1, mean=mean, resumed_at=0) for mean in (10.0, 200.0)
        )
