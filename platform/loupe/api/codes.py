"""Every stable error code of the API: its HTTP status and what it means. `docs/api.md` lists
the same codes; a test keeps this table, the documentation and the code that raises together."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Code:
    """One row of the table of errors."""

    status: int
    title: str


CODES: dict[str, Code] = {
    # Who asks.
    "not_authenticated": Code(401, "Authentication is missing"),
    "not_signed_in": Code(401, "Nobody is signed in"),
    "authentication_failed": Code(401, "Authentication failed"),
    "key_malformed": Code(401, "The API key is malformed"),
    "key_unknown": Code(401, "The API key is not known"),
    "key_revoked": Code(401, "The API key was revoked"),
    "key_expired": Code(401, "The API key has expired"),
    "csrf_failed": Code(403, "The CSRF token is missing or wrong"),
    "denied": Code(403, "Not allowed"),
    "scope_missing": Code(403, "The key lacks a scope"),
    "role_missing": Code(403, "The role is too low"),
    "person_required": Code(403, "Only a person may do this"),
    # What is asked for.
    "not_found": Code(404, "Not found"),
    "unknown_app": Code(404, "No such app"),
    "method_not_allowed": Code(405, "Method not allowed"),
    "not_acceptable": Code(406, "No such representation"),
    # How it is asked.
    "invalid": Code(400, "The request is not valid"),
    "parse_error": Code(400, "The body cannot be parsed"),
    "bad_request": Code(400, "The request is not valid HTTP"),
    "cursor_invalid": Code(400, "The cursor is not one this list gave out"),
    "project_required": Code(400, "The request must name a project"),
    "body_incomplete": Code(400, "The body ended early"),
    "body_empty": Code(400, "The body is empty"),
    "too_large": Code(413, "The body is too large"),
    "too_many_files": Code(413, "Too many files"),
    "too_many_rows": Code(413, "Too many rows"),
    "unsupported_media_type": Code(415, "Unsupported media type"),
    "unknown_format": Code(400, "No such export format"),
    # Repeated requests.
    "idempotency_key_invalid": Code(400, "The idempotency key is not valid"),
    "idempotency_key_reused": Code(409, "The idempotency key belongs to another request"),
    "idempotency_in_flight": Code(409, "The first request with this key is still running"),
    # The state of the machine.
    "throttled": Code(429, "Too many requests"),
    "internal_error": Code(500, "Something broke on our side"),
    "temporarily_unavailable": Code(503, "Not available for the moment"),
    "engine_unavailable": Code(503, "The engine is not running"),
    "deadline_exceeded": Code(503, "The engine did not answer in time"),
    "queue_full": Code(503, "The engine's queue is full"),
    "disk_full": Code(507, "The disk is full"),
    # What was sent.
    "input_refused": Code(422, "The input cannot be used"),
    "model_refused": Code(422, "The model cannot be used"),
    "conflict": Code(409, "The state does not allow this"),
    "error": Code(400, "The request cannot be met"),
}
