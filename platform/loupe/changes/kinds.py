"""The closed set of things the feed tells; webhooks subscribe to these names."""

from enum import StrEnum


class Kind(StrEnum):
    """noun.verb of what happened to `Change.subject`."""

    SUBMISSION_RECEIVED = "submission.received"
    JOB_QUEUED = "job.queued"
    JOB_STARTED = "job.started"
    JOB_DONE = "job.done"
    JOB_CANCELLED = "job.cancelled"
    JOB_RETRIED = "job.retried"
    ITEM_FAILED = "item.failed"
    RESULT_DECIDED = "result.decided"
    DECISION_MADE = "decision.made"
    ALERT_RAISED = "alert.raised"
    ALERT_CLOSED = "alert.closed"
    RESULT_REVIEWED = "result.reviewed"
    DATASET_VERSION_MADE = "dataset.version_made"
    TRAINING_STARTED = "training.started"
    TRAINING_ENDED = "training.ended"
    PROMOTION_REQUESTED = "promotion.requested"
    PROMOTION_DECLINED = "promotion.declined"
    MODEL_REGISTERED = "model.registered"
    MODEL_PROMOTED = "model.promoted"
    MODEL_RETIRED = "model.retired"
    OPERATING_POINT_SET = "operating_point.set"
    SCHEDULE_RAN = "schedule.ran"
