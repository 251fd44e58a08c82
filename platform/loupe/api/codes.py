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
    # Files and archives.
    "nothing_usable": Code(422, "None of the files can be used"),
    "empty_submission": Code(422, "Nothing was sent"),
    "empty_file": Code(422, "The file is empty"),
    "file_too_large": Code(422, "The file is too large"),
    "unreadable_file": Code(422, "The file cannot be read"),
    "not_a_file": Code(422, "The entry is no file"),
    "unsupported_type": Code(422, "The app takes no such file"),
    "pickle_refused": Code(422, "Pickles are never read"),
    "markup_refused": Code(422, "A document, not a picture"),
    "entry_refused": Code(422, "An entry cannot be used"),
    "entry_damaged": Code(422, "An entry is damaged"),
    "encrypted_entry": Code(422, "An entry is encrypted"),
    "sparse_entry": Code(422, "An entry has holes"),
    "archive_refused": Code(422, "The archive cannot be used"),
    "archive_damaged": Code(422, "The archive is damaged"),
    "archive_too_large": Code(422, "The archive is too large"),
    "empty_archive": Code(422, "The archive is empty"),
    "nested_archive": Code(422, "An archive inside an archive"),
    "overlapping_entries": Code(422, "Entries of the archive overlap"),
    "compression_bomb": Code(422, "The archive is packed too tightly"),
    "compression_unsupported": Code(422, "Packed in an unknown way"),
    "bad_name": Code(422, "A name cannot be used"),
    "absolute_name": Code(422, "An absolute name"),
    "path_traversal": Code(422, "A name that leaves its folder"),
    "name_too_long": Code(422, "A name is too long"),
    "duplicate_name": Code(422, "A name comes twice"),
    "upload_too_large": Code(413, "The upload is too large"),
    "decode_failed": Code(422, "The file cannot be decoded"),
    "decode_memory": Code(422, "Decoding needs too much memory"),
    "decode_timeout": Code(422, "Decoding takes too long"),
    "decode_crashed": Code(422, "The file crashed its decoder"),
    "ragged_columns": Code(422, "Columns differ in length"),
    # Jobs.
    "nothing_to_do": Code(409, "Nothing to do"),
    "no_job_mode": Code(409, "The app answers synchronous calls only"),
    "already_started": Code(409, "Started already, with another model"),
    "job_ended": Code(409, "The job has ended"),
    "folder_refused": Code(422, "The folder cannot be used"),
    "folder_outside": Code(422, "The folder is outside the watched root"),
    "folder_missing": Code(422, "There is no such folder"),
    # Models.
    "unknown_model": Code(404, "No such model"),
    "no_model": Code(409, "No model is in production"),
    "wrong_stage": Code(409, "The version's stage does not allow this"),
    "shared_model": Code(403, "A shared model"),
    "reason_missing": Code(400, "A reason is missing"),
    "model_name": Code(400, "Not a model's name"),
    "manifest_invalid": Code(422, "The artefact's manifest is not valid"),
    "upload_refused": Code(409, "The app takes no models that way"),
    "operating_point_invalid": Code(400, "The operating point is not valid"),
    # Schedules and webhooks.
    "schedule_invalid": Code(400, "The schedule is not valid"),
    "schedule_running": Code(409, "The schedule is running"),
    "options_invalid": Code(400, "The options are not valid"),
    "task_unknown": Code(400, "No such task"),
    "name_invalid": Code(400, "The name is not valid"),
    "name_taken": Code(409, "The name is taken"),
    "cron_invalid": Code(400, "Not five cron fields"),
    "timing_ambiguous": Code(400, "Cron and interval, or neither"),
    "interval_invalid": Code(400, "The interval is not allowed"),
    "time_zone_unknown": Code(400, "No such time zone"),
    "webhook_invalid": Code(400, "The webhook is not valid"),
    "webhook_address_refused": Code(400, "The webhook's address is not allowed"),
    "webhook_host_unknown": Code(400, "The webhook's host does not resolve"),
    "kind_unknown": Code(400, "No such kind of change"),
    # Storage and engine.
    "blob_missing": Code(500, "A stored file is missing"),
    "blob_damaged": Code(500, "A stored file is damaged"),
    "storage_unavailable": Code(503, "Storage does not answer"),
    "database_unavailable": Code(503, "The database does not answer"),
    "engine_fault": Code(503, "The engine failed"),
    "sandbox_unavailable": Code(503, "No sandbox can be started"),
    "sandbox_import": Code(503, "The app's parser cannot be loaded"),
    "cancelled": Code(409, "The work was cancelled"),
}
