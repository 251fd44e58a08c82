"""What a signature binds: the result as it stood, the decision, and the signer's words."""

from loupe.audit import canonical
from loupe.jobs.models import Result
from loupe.review.models import Review


def content_sha256(result: Result, review: Review) -> str:
    """SHA-256 over the canonical JSON of the result, its decision and the signed statement."""
    decision = result.decision
    received = result.item.input
    # Left out where there is none, as signatures from before corrections were kept have it.
    corrected = {} if review.correction is None else {"correction": review.correction}
    return canonical.sha256(
        {
            "result": {
                "id": result.pk,
                "app": result.app,
                "project": str(result.project_id),
                "data": result.data,
                "input_sha256": received.blob_id if received else None,
                "artefact_sha256": result.provenance.artefact_sha256,
                "operating_point": result.provenance.operating_point_id,
            },
            "decision": {
                "outcome": decision.outcome,
                "label": decision.label,
                "score": decision.score,
                "reasons": decision.reasons,
            },
            "statement": {
                "verb": review.verb,
                "outcome": review.outcome,
                "note": review.note,
                "user": review.user_id,
                "signed_name": review.signed_name,
                "signed_at": review.created_at.isoformat(),
                **corrected,
            },
        }
    )


def holds(review: Review) -> bool:
    """Whether a signed review still matches what is stored. False for one that is not signed."""
    return bool(review.content_sha256) and review.content_sha256 == content_sha256(
        review.result, review
    )
