"""The OpenAPI document says of each operation which scope a key needs: what its policy asks."""

from drf_spectacular.openapi import AutoSchema

from loupe.accounts.policy import SCOPES, Action
from loupe.api.permissions import Policy, Public


class ScopedSchema(AutoSchema):
    """drf-spectacular's description of an operation, with the scope in its last sentence."""

    # drf-spectacular takes no arguments where the class it derives from takes two.
    def get_description(self) -> str:  # type: ignore[override]
        """What the handler's docstring says, and who may call it."""
        policy: Policy = getattr(self.view, "policy", {})
        told = policy.get(self.method.upper())
        said: str = super().get_description() or ""
        if told is None or isinstance(told, Public):
            return said
        actions = told if isinstance(told, tuple) else (told,)
        return f"{said}\n\n{sentence(tuple(map(Action, actions)))}".strip()


def sentence(actions: tuple[Action, ...]) -> str:
    """Which scope a key needs for one of these actions."""
    scopes = [f"`{action.value}`" for action in actions if action.value in SCOPES]
    if not scopes:
        return "For people only: no scope opens it to a key."
    return f"A key needs the scope {' or '.join(scopes)}."
