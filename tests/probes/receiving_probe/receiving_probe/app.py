"""The receiving probe: files that the host must not keep, made into a container of its own."""

from pydantic import BaseModel

from loupe.contract.app import DomainApp
from loupe.contract.extras import Pages
from loupe.contract.facts import Fact
from loupe.contract.inputs import InputKind
from loupe.contract.outcomes import DecisionDraft, Outcome, Reason, ReviewVerb, Tone
from loupe.contract.runtime.payload import Payload
from loupe.contract.runtime.steps import Place, Step
from loupe.contract.text import Text
from receiving_probe.schema import Count, Least


class App(DomainApp):
    slug = "receiving_probe"
    name = Text(en="Keeps files itself", zh="自行保存文件")
    summary = Text(en="Counts letters.", zh="统计字母。")
    icon = "receiving_probe/icon.svg"
    inputs = (
        InputKind(
            key="box",
            label=Text(en="Box", zh="盒"),
            media_types=("application/vnd.probe.box+zip",),
            max_bytes=1 << 20,
        ),
    )
    facts = (
        Fact(key="about", label=Text(en="About", zh="说明"), max_length=200, lines=True),
        Fact(key="inside", label=Text(en="Inside", zh="内部"), offered=False),
    )
    receive = "receiving_probe.keeping:receive"
    gather = "receiving_probe.boxes:gather"
    steps = (
        Step(
            name="count",
            place=Place.SANDBOX,
            run="receiving_probe.boxes:count",
            memory_bytes=3 << 30,
            seconds=70,
        ),
    )
    needs_model = False
    result_schema = Count
    operating_point_schema = Least
    outcomes = (
        Outcome(key="few", label=Text(en="Few", zh="少"), tone=Tone.GOOD),
        Outcome(key="many", label=Text(en="Many", zh="多"), tone=Tone.BAD),
    )
    review_verbs = (ReviewVerb(key="agree", label=Text(en="Agree", zh="同意"), shortcut="1"),)
    pages = Pages(result="receiving_probe/result.html", row="receiving_probe/row.html")
    samples = "samples"

    @classmethod
    def assemble(cls, payload: Payload) -> BaseModel:
        letters = int(payload.arrays["letters"][0])
        return Count(letters=letters, status="counted" if letters else "refused")

    @classmethod
    def decide(cls, result: BaseModel, operating_point: BaseModel) -> DecisionDraft:
        count, least = Count.model_validate(result), Least.model_validate(operating_point)
        many = count.letters >= least.many
        reason = Reason(code="letters", en=f"{count.letters} letters.", zh=f"{count.letters} 个。")
        return DecisionDraft(
            outcome="many" if many else "few", score=float(count.letters), reasons=(reason,)
        )

    @classmethod
    def examples(cls) -> tuple[BaseModel, ...]:
        return tuple(Count(letters=letters, status="counted") for letters in (1, 1000))
