"""The typed findings."""

from apps.report_gen.findings import FINDINGS, KEYS, Finding, FindingSet, Lobe, Side, State, side_of

CT_RATE = {
    "Lung nodule", "Lung opacity", "Consolidation", "Pleural effusion", "Emphysema", "Atelectasis",
    "Cardiomegaly", "Pericardial effusion", "Arterial wall calcification",
    "Coronary artery wall calcification", "Hiatal hernia",
}  # fmt: skip


def test_eleven_findings_carry_ct_rates_names_and_two_are_our_own() -> None:
    assert {kind.ct_rate for kind in FINDINGS if kind.ct_rate} == CT_RATE
    assert {kind.key for kind in FINDINGS if not kind.ct_rate} == {"mass", "pneumothorax"}
    assert len(set(KEYS)) == 13


def test_every_name_is_told_in_both_languages() -> None:
    assert all(kind.name.en and kind.name.zh and kind.name.en != kind.name.zh for kind in FINDINGS)


def test_a_kind_is_present_when_one_of_its_findings_is() -> None:
    def one(number: int, state: State) -> Finding:
        return Finding(id=f"lung_nodule.{number}", kind="lung_nodule", state=state, probability=0.5)

    for order in ((State.UNCERTAIN, State.PRESENT, State.ABSENT), (State.UNCERTAIN, State.ABSENT)):
        told = FindingSet(findings=tuple(one(n, s) for n, s in enumerate(order))).states()
        assert told["lung_nodule"] is (State.PRESENT if State.PRESENT in order else State.UNCERTAIN)
        assert told["mass"] is State.ABSENT


def test_a_side_follows_from_the_lobes() -> None:
    assert side_of((Lobe.RIGHT_MIDDLE,)) is Side.RIGHT
    assert side_of((Lobe.LEFT_UPPER, Lobe.RIGHT_LOWER)) is Side.BOTH
    assert side_of(()) is Side.NONE
