"""REST v1, under /api/v1/."""

from django.urls import URLPattern, URLResolver, path, re_path

from loupe.api.sync.views import sync_routes
from loupe.api.views import apps, description, feed, jobs, nowhere, results, submissions

app_name = "api"

urlpatterns: list[URLPattern | URLResolver] = [
    path("openapi.json", description.OpenApi.as_view(), name="openapi"),
    path("docs/", description.Docs.as_view(), name="docs"),
    path("apps", apps.Apps.as_view(), name="apps"),
    path("submissions", submissions.Submissions.as_view(), name="submissions"),
    path(
        "submissions/<uuid:submission_id>", submissions.OneSubmission.as_view(), name="submission"
    ),
    path("jobs", jobs.Jobs.as_view(), name="jobs"),
    path("jobs/<uuid:job_id>", jobs.OneJob.as_view(), name="job"),
    path("jobs/<uuid:job_id>/cancel", jobs.CancelJob.as_view(), name="job-cancel"),
    path("jobs/<uuid:job_id>/retry", jobs.RetryJob.as_view(), name="job-retry"),
    path("jobs/<uuid:job_id>/items", jobs.JobItems.as_view(), name="job-items"),
    path("jobs/<uuid:job_id>/events", jobs.JobEvents.as_view(), name="job-events"),
    path("results", results.Results.as_view(), name="results"),
    path("results/<int:result_id>", results.OneResult.as_view(), name="result"),
    path("results/<int:result_id>/input", results.ResultInput.as_view(), name="result-input"),
    path("changes", feed.Changes.as_view(), name="changes"),
    *sync_routes(),
    re_path(r"^.*$", nowhere.Nowhere.as_view(), name="nowhere"),
]
