"""Addresses of the readers' pages, below ``/report_gen/p/<project>/``."""

from django.urls import URLPattern, path

from apps.report_gen.views import reading, study, volumes, worklist

APP = {"app": "report_gen"}
P = "p/<slug:project>/"
S = f"{P}studies/<uuid:study_id>/"

urlpatterns: list[URLPattern] = [
    path(f"{P}worklist/", worklist.listing, APP, name="worklist"),
    path(f"{P}worklist/live", worklist.live, APP, name="worklist_live"),
    path(f"{S}claim", worklist.act, APP, name="claim"),
    path(S, study.page, APP, name="study"),
    path(f"{S}edit", study.edit, APP, name="edit"),
    path(f"{S}again", study.read_again, APP, name="read_again"),
    path(f"{S}act", study.act, APP, name="act"),
    path(f"{S}report.<slug:form>", study.download, APP, name="download"),
    path(f"{S}versions/<int:number>/", study.version, APP, name="version"),
    path(f"{S}volume/<slug:size>.nii.gz", volumes.volume, APP, name="volume"),
    path(f"{S}masks.nii.gz", volumes.masks, APP, name="masks"),
    path(f"{S}slices/<int:number>.png", volumes.axial_slice, APP, name="slice"),
    path(f"{S}findings/<str:finding>.png", volumes.key_slice, APP, name="key_slice"),
    path(f"{P}reading/", reading.page, APP, name="reading"),
    path(f"{P}reading/consent", reading.say_consent, APP, name="label_consent"),
    path(f"{P}reading/labels.csv", reading.labels, APP, name="labels"),
]
