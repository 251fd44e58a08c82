"""What the gate says of a study of which no image may go on, told so that it names nobody."""

from collections.abc import Sequence

from apps.report_gen.bundles.problems import problems_of
from apps.report_gen.bundles.views import reasons_of, series_view
from apps.report_gen.deid.identity import Identity
from apps.report_gen.deid.pseudonyms import Pseudonyms
from apps.report_gen.reading.faults import Fault
from apps.report_gen.reading.verdicts import SeriesVerdict
from apps.report_gen.schema import GateReason, SeriesView


def refused_views(
    verdicts: Sequence[SeriesVerdict],
    faults: Sequence[Fault],
    pseudonyms: Pseudonyms,
    identity: Identity,
) -> tuple[SeriesView, ...]:
    """The series of a study, none of them chosen.

    Args:
        verdicts: of the gate, on files under neutral names.
        faults: why files were left out while they were de-identified: the refusal of a series that
            the gate would have let through.
    """
    left_out = tuple(
        GateReason(code=each.code, severity="refusal", en=each.en, zh=each.zh)
        for each in problems_of(faults)
    )
    return tuple(_view(each, left_out, pseudonyms, identity) for each in verdicts)


def _view(
    verdict: SeriesVerdict,
    left_out: tuple[GateReason, ...],
    pseudonyms: Pseudonyms,
    identity: Identity,
) -> SeriesView:
    view = series_view(verdict)
    said = [each for each in reasons_of(verdict) if each.severity != "note"]
    if not any(each.severity == "refusal" for each in said):
        said = [*left_out, *said]
    elif [each.code for each in said] == ["too_few_slices"]:
        # Few were left out of a series, perhaps, and why they were is what matters.
        said = [*left_out, *said]
    uid = verdict.series.series_uid

    def _cleaned(reason: GateReason, words: str) -> str:
        # The UID of a transfer syntax looks like a telephone number; without it nobody is helped.
        plain = reason.code == "transfer_syntax" and not identity.found_in(words)
        return words if plain else identity.clean(words)

    return view.model_copy(
        update={
            "series_uid": pseudonyms.uid(uid) if uid else "",
            "status": "refused",
            "chosen": False,
            "modality": identity.clean(view.modality),
            "kernel": identity.clean(view.kernel),
            "reasons": tuple(
                each.model_copy(
                    update={"en": _cleaned(each, each.en), "zh": _cleaned(each, each.zh)}
                )
                for each in said
            ),
        }
    )
