"""The app's own tables. Nothing in `Study` names a patient: identity lies in the clinical store."""

from apps.report_gen.models.study import Study, StudyState

__all__ = ["Study", "StudyState"]
