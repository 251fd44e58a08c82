"""What the database knows of the clinical store: files by name, encrypted identity, DICOM nodes.

No column here names a patient in the clear: identifiers are keyed hashes, identity is ciphertext.
"""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.report_gen.models.deliveries import Delivery
from apps.report_gen.models.study import Study
from loupe.host.people import Project
from loupe.host.results import new_id


class Priors(models.TextChoices):
    """How earlier studies are fetched from a node."""

    NONE = "", _("Not fetched")
    MOVE = "move", _("C-MOVE")
    GET = "get", _("C-GET")


class DicomPeer(models.Model):
    """Another DICOM node: what it is called, where it listens, what it may do here."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    title = models.CharField(max_length=16, unique=True, help_text="its AE title")
    host = models.CharField(max_length=253, blank=True)
    port = models.PositiveIntegerField(null=True, help_text="empty: nothing is sent there")
    tls = models.BooleanField(default=False)
    allowed = models.BooleanField(default=False, help_text="may send studies here")
    returns = models.BooleanField(default=True, help_text="SR and SEG go back to it")
    priors = models.CharField(max_length=4, choices=Priors.choices, blank=True)
    quiet_seconds = models.PositiveIntegerField(
        null=True, help_text="without an image until a study is held to be complete"
    )
    last_seen_at = models.DateTimeField(null=True)
    last_address = models.CharField(max_length=45, blank=True)
    refused = models.PositiveIntegerField(default=0, help_text="associations refused")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["project", "title"], name="report_peer_project")]

    def __str__(self) -> str:
        return self.title


class Arrival(models.Model):
    """A study on its way in over the network, until it was quiet for long enough."""

    study = models.OneToOneField(
        Study, on_delete=models.CASCADE, primary_key=True, related_name="arrival"
    )
    peer = models.ForeignKey(DicomPeer, on_delete=models.SET_NULL, null=True, related_name="+")
    due_at = models.DateTimeField(help_text="when it is held to be complete")
    open = models.BooleanField(default=True)
    images = models.PositiveIntegerField(default=0)
    repeats = models.PositiveIntegerField(default=0, help_text="sent again with the same content")
    conflicts = models.PositiveIntegerField(
        default=0, help_text="the same SOP instance with other content"
    )

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"], condition=models.Q(open=True), name="report_arrival_due"
            )
        ]

    def __str__(self) -> str:
        return f"{self.study_id}"


class ClinicalObject(models.Model):
    """One file of the clinical store: an image as it came, an upload, a resource to send."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    study = models.ForeignKey(
        Study, on_delete=models.PROTECT, null=True, related_name="objects_kept"
    )
    shared_with = models.ManyToManyField(
        Study, related_name="shares", help_text="other studies with images in the same file"
    )
    delivery = models.ForeignKey(
        Delivery, on_delete=models.SET_NULL, null=True, related_name="kept", help_text="it came in"
    )
    kind = models.CharField(max_length=10, default="image", help_text="image, upload or output")
    sealed = models.CharField(max_length=32, unique=True, help_text="its name in the store")
    sop_hash = models.CharField(
        max_length=64, blank=True, help_text="keyed hash of the SOP instance UID"
    )
    sha256 = models.CharField(max_length=64)
    bytes = models.BigIntegerField()
    transfer_syntax = models.CharField(max_length=64, blank=True)
    sender = models.ForeignKey(DicomPeer, on_delete=models.SET_NULL, null=True, related_name="+")
    conflict = models.BooleanField(
        default=False, help_text="another file has the same SOP instance UID and other content"
    )
    received_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project", "sop_hash", "sha256"],
                condition=~models.Q(sop_hash=""),
                name="report_object_once",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["study", "received_at"], name="report_object_study")
        ]

    def __str__(self) -> str:
        return self.sealed


class Identity(models.Model):
    """Who a study is about, as ciphertext, with keyed hashes to find it by.

    An erased one keeps its row, so that it stays known that and when it was erased.
    """

    study = models.OneToOneField(
        Study, on_delete=models.CASCADE, primary_key=True, related_name="identity"
    )
    body = models.BinaryField(help_text="sealed JSON; empty once erased")
    patient_hash = models.CharField(max_length=64, blank=True)
    accession_hash = models.CharField(max_length=64, blank=True)
    kept_at = models.DateTimeField(auto_now=True)
    erased_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["patient_hash"], name="report_identity_patient"),
            models.Index(fields=["accession_hash"], name="report_identity_accession"),
        ]

    def __str__(self) -> str:
        return f"{self.study_id}"


class IdentityGrant(models.Model):
    """A person who may see who the studies of a project are about; no role includes it."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="identity_grants"
    )
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    granted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "user"], name="report_grant_once")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.project_id}"


class SendingState(models.TextChoices):
    """Where something to be sent stands."""

    WAITING = "waiting", _("Waiting")
    SENT = "sent", _("Sent")
    DEAD = "dead", _("Given up")


class Sending(models.Model):
    """One object on its way back to a node by C-STORE, until it is stored there or given up."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="sendings")
    peer = models.ForeignKey(DicomPeer, on_delete=models.PROTECT, related_name="+")
    kept = models.ForeignKey(ClinicalObject, on_delete=models.PROTECT, related_name="+")
    label = models.CharField(max_length=40, help_text="what it is: SR, SEG")
    state = models.CharField(
        max_length=10, choices=SendingState.choices, default=SendingState.WAITING
    )
    tries = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField()
    error_code = models.CharField(max_length=50, blank=True)
    error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["next_at"], condition=models.Q(state="waiting"), name="report_sending_due"
            ),
            models.Index(fields=["project", "-created_at"], name="report_sending_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.label} to {self.peer_id}"


class PriorFetch(models.Model):
    """Asking one node for earlier studies of a patient, until it answered or was given up."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="prior_fetches")
    peer = models.ForeignKey(DicomPeer, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(
        max_length=10, choices=SendingState.choices, default=SendingState.WAITING
    )
    tries = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField()
    found = models.PositiveIntegerField(default=0, help_text="earlier studies the node knows")
    asked_for = models.PositiveIntegerField(default=0, help_text="of them that were asked for")
    uids = models.TextField(blank=True, help_text="pseudonymous, of the studies asked for")
    answered_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["study", "peer"], name="report_priors_once")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_at"], condition=models.Q(state="waiting"), name="report_priors_due"
            )
        ]

    def __str__(self) -> str:
        return f"{self.study_id} at {self.peer_id}"
