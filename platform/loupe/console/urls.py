"""Pages for people, under the root and below ``/p/<project>/``."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, path
from django.views.generic import RedirectView

from loupe.console.pages import (
    audit,
    bulk_review,
    dead_letters,
    folders,
    home,
    jobs,
    keys,
    labelling,
    members,
    model,
    models,
    pictures,
    project,
    result,
    results,
    schedules,
    sources,
    tiles,
    trainings,
    webhooks,
    workspace,
)

app_name = "console"
# Asked for by browsers on pages that are not ours to write, such as the administration.
ICON = f"/{settings.STATIC_URL.lstrip('/')}console/loupe.svg"
P = "p/<slug:project>/"
A = f"{P}apps/<slug:app>/"
R = f"{A}results/<int:result_id>/"
M = f"{P}models/<slug:app>/<int:model_id>/"
T = f"{P}trainings/<uuid:run_id>/"
L = f"{P}datasets/<uuid:dataset_id>/label/"
TILE = "tiles/<int:level>/<int:column>/<int:row>"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.choose, name="projects"),
    path("favicon.ico", RedirectView.as_view(url=ICON), name="favicon"),
    path(P, home.home, name="home"),
    path(f"{P}activity", home.activity, name="activity"),
    path(f"{P}search", home.search, name="search"),
    path(A, workspace.workspace, name="workspace"),
    path(f"{A}upload", workspace.upload, name="upload"),
    path(f"{A}upload/<uuid:upload_id>/forget", workspace.forget, name="upload_forget"),
    path(f"{A}results/", results.listing, name="results"),
    path(f"{A}results/bulk", bulk_review.bulk, name="bulk"),
    path(f"{A}results/bulk/undo", bulk_review.undo, name="bulk_undo"),
    path(f"{A}results/export/<slug:key>", results.export, name="export"),
    path(R, result.page, name="result"),
    path(f"{R}review", result.give, name="review"),
    path(f"{R}undo", result.undo, name="undo"),
    path(f"{R}raw.json", result.raw, name="raw"),
    path(f"{R}picture/<slug:size>", pictures.picture, name="picture"),
    path(f"{R}tiles.json", tiles.of_result, name="tiles"),
    path(f"{R}{TILE}", tiles.tile_of_result, name="tile"),
    path(f"{R}export/<slug:key>", pictures.drawing, name="drawing"),
    path(f"{P}jobs/", jobs.listing, name="jobs"),
    path(f"{P}jobs/<uuid:job_id>/", jobs.page, name="job"),
    path(f"{P}jobs/<uuid:job_id>/live", jobs.live, name="job_live"),
    path(f"{P}jobs/<uuid:job_id>/cancel", jobs.cancel, name="job_cancel"),
    path(f"{P}jobs/<uuid:job_id>/resume", jobs.resume, name="job_resume"),
    path(f"{P}jobs/<uuid:job_id>/retry", jobs.retry, name="job_retry"),
    path(f"{P}models/", models.listing, name="models"),
    path(f"{P}models/<slug:app>/upload", models.upload, name="model_upload"),
    path(M, model.page, name="model"),
    path(f"{M}<int:number>/promote", model.promote, name="model_promote"),
    path(f"{M}<int:number>/answer/<slug:verb>", model.answer, name="model_answer"),
    path(f"{M}<int:number>/retire", model.retire, name="model_retire"),
    path(f"{M}<int:number>/evaluate", model.evaluate, name="model_evaluate"),
    path(f"{M}mistakes/<int:evaluation_id>/<str:name>", model.mistake, name="model_mistake"),
    path(f"{M}<int:number>/point", models.point, name="model_point"),
    path(L, labelling.start, name="label_start"),
    path(f"{L}<int:record_id>/", labelling.page, name="label"),
    path(f"{L}<int:record_id>/record.json", labelling.record, name="label_record"),
    path(f"{L}<int:record_id>/save", labelling.save, name="label_save"),
    path(f"{L}<int:record_id>/skip", labelling.skip, name="label_skip"),
    path(f"{L}<int:record_id>/here", labelling.here, name="label_here"),
    path(f"{L}<int:record_id>/propose", labelling.propose, name="label_propose"),
    path(f"{L}<int:record_id>/picture", labelling.picture, name="label_picture"),
    path(f"{L}<int:record_id>/tiles.json", labelling.tiles_of, name="label_tiles"),
    path(f"{L}<int:record_id>/{TILE}", labelling.tile_of, name="label_tile"),
    path(f"{P}trainings/", trainings.listing, name="trainings"),
    path(f"{P}trainings/new/<slug:app>", trainings.create, name="training_new"),
    path(T, trainings.page, name="training"),
    path(f"{T}live", trainings.live, name="training_live"),
    path(f"{T}cancel", trainings.cancel, name="training_cancel"),
    path(f"{T}resume", trainings.resume, name="training_resume"),
    path(f"{P}schedules/", schedules.listing, name="schedules"),
    path(f"{P}schedules/new", schedules.create, name="schedule_new"),
    path(f"{P}schedules/<uuid:schedule_id>/", schedules.page, name="schedule"),
    path(f"{P}schedules/<uuid:schedule_id>/edit", schedules.edit, name="schedule_edit"),
    path(f"{P}schedules/<uuid:schedule_id>/<slug:verb>", schedules.act, name="schedule_act"),
    path(f"{P}settings/", project.page, name="settings"),
    path(f"{P}settings/members/", members.page, name="members"),
    path(f"{P}settings/members/remove", members.remove, name="member_remove"),
    path(f"{P}settings/keys/", keys.page, name="keys"),
    path(f"{P}settings/keys/<slug:prefix>/revoke", keys.revoke, name="key_revoke"),
    path(f"{P}settings/webhooks/", webhooks.listing, name="webhooks"),
    path(f"{P}settings/webhooks/dead-letters/", dead_letters.page, name="dead_letters"),
    path(
        f"{P}settings/webhooks/dead-letters/<slug:verb>",
        dead_letters.act,
        name="dead_letters_act",
    ),
    path(f"{P}settings/webhooks/<uuid:webhook_id>/", webhooks.page, name="webhook"),
    path(f"{P}settings/webhooks/<uuid:webhook_id>/<slug:verb>", webhooks.act, name="webhook_act"),
    path(f"{P}settings/folders/", folders.page, name="folders"),
    path(f"{P}settings/folders/<uuid:folder_id>/<slug:verb>", folders.act, name="folder_act"),
    path(f"{P}settings/sources/", sources.listing, name="sources"),
    path(f"{P}settings/sources/<uuid:source_id>/", sources.page, name="source"),
    path(f"{P}settings/sources/<uuid:source_id>/<slug:verb>", sources.act, name="source_act"),
    path(f"{P}settings/audit/", audit.page, name="audit"),
]
