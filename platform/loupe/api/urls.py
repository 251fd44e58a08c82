"""REST v1, under /api/v1/."""

from django.urls import URLPattern, URLResolver, path, re_path

from loupe.api.sync.views import sync_routes
from loupe.api.views import (
    apps,
    dataset_imports,
    dataset_versions,
    datasets,
    dead_letters,
    description,
    feed,
    jobs,
    models,
    nowhere,
    promotions,
    results,
    schedules,
    sources,
    submissions,
    trainings,
    uploads,
    webhooks,
)

app_name = "api"

urlpatterns: list[URLPattern | URLResolver] = [
    path("openapi.json", description.OpenApi.as_view(), name="openapi"),
    path("docs/", description.Docs.as_view(), name="docs"),
    path("apps", apps.Apps.as_view(), name="apps"),
    path("submissions", submissions.Submissions.as_view(), name="submissions"),
    path(
        "submissions/<uuid:submission_id>", submissions.OneSubmission.as_view(), name="submission"
    ),
    path("uploads", uploads.Uploads.as_view(), name="uploads"),
    path("uploads/<uuid:upload_id>", uploads.OneUpload.as_view(), name="upload"),
    path("jobs", jobs.Jobs.as_view(), name="jobs"),
    path("jobs/<uuid:job_id>", jobs.OneJob.as_view(), name="job"),
    path("jobs/<uuid:job_id>/cancel", jobs.CancelJob.as_view(), name="job-cancel"),
    path("jobs/<uuid:job_id>/resume", jobs.ResumeJob.as_view(), name="job-resume"),
    path("jobs/<uuid:job_id>/retry", jobs.RetryJob.as_view(), name="job-retry"),
    path("jobs/<uuid:job_id>/items", jobs.JobItems.as_view(), name="job-items"),
    path("jobs/<uuid:job_id>/events", jobs.JobEvents.as_view(), name="job-events"),
    path("results", results.Results.as_view(), name="results"),
    path("results/<int:result_id>", results.OneResult.as_view(), name="result"),
    path("results/<int:result_id>/input", results.ResultInput.as_view(), name="result-input"),
    path("models", models.Models.as_view(), name="models"),
    path("models/<int:model_id>", models.OneModel.as_view(), name="model"),
    path(
        "models/<int:model_id>/versions/<int:number>",
        models.OneVersion.as_view(),
        name="model-version",
    ),
    path(
        "models/<int:model_id>/versions/<int:number>/stage",
        models.VersionStage.as_view(),
        name="model-stage",
    ),
    path(
        "models/<int:model_id>/versions/<int:number>/operating-points",
        models.OperatingPoints.as_view(),
        name="operating-points",
    ),
    path(
        "models/<int:model_id>/versions/<int:number>/evaluations",
        trainings.Evaluations.as_view(),
        name="evaluations",
    ),
    path(
        "models/<int:model_id>/versions/<int:number>/gate",
        promotions.Gate.as_view(),
        name="model-gate",
    ),
    path("models/<int:model_id>/promote", promotions.Promote.as_view(), name="model-promote"),
    path("models/<int:model_id>/approve", promotions.Approve.as_view(), name="model-approve"),
    path("models/<int:model_id>/decline", promotions.Decline.as_view(), name="model-decline"),
    path("models/<int:model_id>/withdraw", promotions.Withdraw.as_view(), name="model-withdraw"),
    path("models/<int:model_id>/rollback", promotions.Rollback.as_view(), name="model-rollback"),
    path("models/<int:model_id>/promotions", promotions.Promotions.as_view(), name="promotions"),
    path("datasets", datasets.Datasets.as_view(), name="datasets"),
    path("datasets/<uuid:dataset_id>", datasets.OneDataset.as_view(), name="dataset"),
    path("datasets/<uuid:dataset_id>/records", datasets.Records.as_view(), name="records"),
    path(
        "datasets/<uuid:dataset_id>/arrange",
        datasets.ArrangeRecords.as_view(),
        name="records-arrange",
    ),
    path(
        "datasets/<uuid:dataset_id>/remove",
        datasets.RemoveRecords.as_view(),
        name="remove_records",
    ),
    path(
        "datasets/<uuid:dataset_id>/rename-class",
        datasets.RenameClass.as_view(),
        name="rename_class",
    ),
    path("records/<int:record_id>", datasets.RecordLabels.as_view(), name="record"),
    path("datasets/<uuid:dataset_id>/imports", dataset_imports.Imports.as_view(), name="imports"),
    path("imports/<uuid:import_id>", dataset_imports.OneImport.as_view(), name="import"),
    path(
        "imports/<uuid:import_id>/cancel",
        dataset_imports.CancelImport.as_view(),
        name="import-cancel",
    ),
    path(
        "imports/<uuid:import_id>/problems",
        dataset_imports.ImportProblems.as_view(),
        name="import-problems",
    ),
    path(
        "datasets/<uuid:dataset_id>/versions",
        dataset_versions.DatasetVersions.as_view(),
        name="dataset-versions",
    ),
    path(
        "datasets/<uuid:dataset_id>/versions/<int:number>",
        dataset_versions.OneDatasetVersion.as_view(),
        name="dataset-version",
    ),
    path(
        "datasets/<uuid:dataset_id>/versions/<int:number>/export",
        dataset_versions.ExportVersion.as_view(),
        name="dataset-export",
    ),
    path(
        "datasets/<uuid:dataset_id>/diff",
        dataset_versions.DatasetDiff.as_view(),
        name="dataset-diff",
    ),
    path("trainings", trainings.Trainings.as_view(), name="trainings"),
    path("trainings/sources", trainings.Sources.as_view(), name="training-sources"),
    path("trainings/<uuid:training_id>", trainings.OneTraining.as_view(), name="training"),
    path(
        "trainings/<uuid:training_id>/cancel",
        trainings.CancelTraining.as_view(),
        name="training-cancel",
    ),
    path(
        "trainings/<uuid:training_id>/resume",
        trainings.ResumeTraining.as_view(),
        name="training-resume",
    ),
    path(
        "trainings/<uuid:training_id>/events",
        trainings.TrainingEvents.as_view(),
        name="training-events",
    ),
    path("schedules", schedules.Schedules.as_view(), name="schedules"),
    path("schedules/<uuid:schedule_id>", schedules.OneSchedule.as_view(), name="schedule"),
    path("schedules/<uuid:schedule_id>/run", schedules.RunSchedule.as_view(), name="schedule-run"),
    path(
        "schedules/<uuid:schedule_id>/runs", schedules.ScheduleRuns.as_view(), name="schedule-runs"
    ),
    path("sources", sources.Sources.as_view(), name="sources"),
    path("sources/<uuid:source_id>", sources.OneSource.as_view(), name="source"),
    path("sources/<uuid:source_id>/ask", sources.AskSource.as_view(), name="source-ask"),
    path("sources/<uuid:source_id>/test", sources.TrySource.as_view(), name="source-test"),
    path("webhooks", webhooks.Webhooks.as_view(), name="webhooks"),
    path("webhooks/<uuid:webhook_id>", webhooks.OneWebhook.as_view(), name="webhook"),
    path("webhooks/<uuid:webhook_id>/test", webhooks.TryWebhook.as_view(), name="webhook-test"),
    path(
        "webhooks/<uuid:webhook_id>/deliveries",
        webhooks.WebhookDeliveries.as_view(),
        name="webhook-deliveries",
    ),
    path(
        "deliveries/<int:delivery_id>/replay",
        webhooks.ReplayDelivery.as_view(),
        name="delivery-replay",
    ),
    path("dead-letters", dead_letters.DeadLetters.as_view(), name="dead-letters"),
    path(
        "dead-letters/replay",
        dead_letters.ReplayDeadLetters.as_view(),
        name="dead-letters-replay",
    ),
    path(
        "dead-letters/discard",
        dead_letters.DiscardDeadLetters.as_view(),
        name="dead-letters-discard",
    ),
    path("changes", feed.Changes.as_view(), name="changes"),
    *sync_routes(),
    re_path(r"^.*$", nowhere.Nowhere.as_view(), name="nowhere"),
]
