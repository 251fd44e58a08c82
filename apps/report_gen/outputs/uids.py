"""UIDs of the objects that Loupe makes of a report: each follows from what it is made of."""

from apps.report_gen.outputs.edition import Edition, OutputIdentity, deterministic_uid


def sr_uid(edition: Edition, identity: OutputIdentity) -> str:
    """The SOP instance UID of an edition's SR."""
    return deterministic_uid("sr", identity.study_uid, identity.series_uid, *edition.key())


def sr_series_uid(identity: OutputIdentity) -> str:
    """The series that every SR of a study lies in."""
    return deterministic_uid("sr series", identity.study_uid)


def seg_uid(edition: Edition, identity: OutputIdentity) -> str:
    """The SOP instance UID of an edition's segmentation."""
    return deterministic_uid("seg", identity.study_uid, identity.series_uid, *edition.key())


def seg_series_uid(identity: OutputIdentity) -> str:
    """The series that every segmentation of a study lies in."""
    return deterministic_uid("seg series", identity.study_uid)


def finding_uid(identity: OutputIdentity, finding_id: str) -> str:
    """The tracking UID of a finding: the same in every edition of a study's report."""
    return deterministic_uid("finding", identity.study_uid, finding_id)
