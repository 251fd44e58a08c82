"""The index of everything transactions touch, so that any identifier leads to its history.

Rows are written by one statement per block (`services.entities`), never one by one: as many rows
as there are entities and pairs of them, not as there are transactions.
"""

from typing import ClassVar

from django.db import models

from loupe.host.people import Project


class Entity(models.Model):
    """A customer, card, device, address … of a project.

    `blocks` lists the newest result blocks that hold it, newest first and separated by commas: its
    history is read from these.
    """

    id = models.UUIDField(primary_key=True, help_text="`services.naming.entity_id`")
    # Its indexes begin with the project; each more costs every upsert.
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    type = models.CharField(max_length=30)
    key = models.CharField(max_length=256, db_index=True)
    count = models.BigIntegerField(help_text="transactions")
    flagged = models.BigIntegerField(help_text="of these, held back or blocked")
    amount = models.BigIntegerField(help_text="sum, minor units")
    score = models.FloatField(help_text="highest so far")
    first_ms = models.BigIntegerField()
    last_ms = models.BigIntegerField()
    blocks = models.CharField(max_length=400)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["project", "type", "-score"], name="fraud_entity_risk"),
            models.Index(fields=["project", "-last_ms"], name="fraud_entity_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.key}"


class EntityLink(models.Model):
    """A payer used an instrument or showed a trait: the edges of the neighbours' graph."""

    payer = models.ForeignKey(Entity, on_delete=models.CASCADE, related_name="used", db_index=False)
    other = models.ForeignKey(
        Entity, on_delete=models.CASCADE, related_name="users", db_index=False
    )
    count = models.BigIntegerField()
    last_ms = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["payer", "other"], name="fraud_link_once")
        ]
        indexes: ClassVar = [models.Index(fields=["other", "-last_ms"], name="fraud_link_of_other")]

    def __str__(self) -> str:
        return f"{self.payer_id}–{self.other_id}"
