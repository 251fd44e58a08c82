"""Rules by REST: the set, its versions, a look at one rule, and which set decides."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.fraud.api.paging import page
from apps.fraud.api.policy_shapes import (
    LookedShape,
    LookOrder,
    RuleSetPage,
    RuleSetShape,
    RulesOrder,
    RulesShape,
    UsedShape,
    UseOrder,
)
from apps.fraud.models import RuleSet
from apps.fraud.services import looking_at_rules, rules
from loupe.host.people import Action
from loupe.host.rest import Endpoint, answer, describe, idempotent, ordered


class Rules(Endpoint):
    """The set that is edited."""

    policy: ClassVar = {"GET": Action.VIEW, "POST": Action.MANAGE_MODELS}

    @extend_schema(
        operation_id="fraud_rules_get",
        parameters=[describe.PROJECT],
        responses={200: RulesShape, **describe.PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """The newest set of rules, and the number of the one that decides."""
        found = rules.standing(self.actor, self.project)
        shape = RulesShape(number=found.number, deciding=found.used, rules=list(found.rules))
        return answer(shape)

    @extend_schema(
        operation_id="fraud_rules_save",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=RulesOrder,
        responses={201: RuleSetShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Save the next set; it decides once it is used."""
        order = ordered(request, RulesOrder)
        made = rules.save(self.actor, self.project, order.rules, order.note, order.seen)
        return answer(_shape(made), 201)


class RuleVersions(Endpoint):
    """Every saved set."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="fraud_rules_versions",
        parameters=[describe.PROJECT, *describe.PAGING],
        responses={200: RuleSetPage, **describe.PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """List the saved sets, newest first."""
        rows = rules.history(self.actor, self.project)
        shown, more = page(request, rows, "id", _shape)
        return answer(RuleSetPage(versions=shown, next_cursor=more))


class UseRules(Endpoint):
    """Let a set decide."""

    policy: ClassVar = {"POST": Action.MANAGE_MODELS}

    @extend_schema(
        operation_id="fraud_rules_use",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=UseOrder,
        responses={200: UsedShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, number: int) -> Response:
        """Make a saved set part of the next operating point, which says its number."""
        order = ordered(request, UseOrder)
        made = rules.use(self.actor, self.project, number, order.note)
        return answer(UsedShape(operating_point=made.number))


class LookAtRule(Endpoint):
    """Try a rule."""

    policy: ClassVar = {"POST": Action.MANAGE_MODELS}

    @extend_schema(
        operation_id="fraud_rules_look",
        parameters=[describe.PROJECT],
        request=LookOrder,
        responses={200: LookedShape, **describe.PROBLEMS},
    )
    def post(self, request: Request) -> Response:
        """Say what a rule says, where it goes wrong, and what it would have done yesterday."""
        order = ordered(request, LookOrder)
        words = rules.words_of(self.project)
        told = looking_at_rules.checked(order.when, words)
        told.pop("at", None)
        if told["ok"] and order.count:
            told |= self._counted(order)
        return answer(LookedShape(**told))

    def _counted(self, order: LookOrder) -> dict[str, Any]:
        rule = {"when": order.when, "outcome": order.outcome}
        found = looking_at_rules.counted(self.actor, self.project, rule)
        mine: dict[str, Any] = found["counts"][-1] if found["counts"] else {}
        names = ("hits", "amount", "alone", "fraud", "honest")
        counts = {name: mine[name] for name in names if name in mine}
        return {"rows": found["rows"], "day": found["day"], **counts}


def _shape(row: RuleSet) -> RuleSetShape:
    return RuleSetShape(
        number=row.number,
        who=row.who,
        note=row.note,
        created_at=row.created_at,
        rules=list(rules.read(row.data)),
    )
