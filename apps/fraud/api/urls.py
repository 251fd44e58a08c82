"""The app's own REST addresses, below ``/api/v1/fraud/``."""

from django.urls import URLPattern, path

from apps.fraud.api import alerts, cases, entities, labels, lists

app_name = "fraud-api"

urlpatterns: list[URLPattern] = [
    path("alerts", alerts.AlertList.as_view(), name="alerts"),
    path("alerts/<int:alert_id>", alerts.OneAlert.as_view(), name="alert"),
    path("alerts/<int:alert_id>/close", alerts.CloseAlert.as_view(), name="alert-close"),
    path("cases", cases.CaseList.as_view(), name="cases"),
    path("cases/<int:number>", cases.OneCase.as_view(), name="case"),
    path("cases/<int:number>/notes", cases.CaseNotes.as_view(), name="case-notes"),
    path("cases/<int:number>/close", cases.CloseCase.as_view(), name="case-close"),
    path("labels", labels.Labels.as_view(), name="labels"),
    path("entities/<slug:type>/<path:key>", entities.OneEntity.as_view(), name="entity"),
    path("lists/<slug:key>", lists.Entries.as_view(), name="list"),
    path("lists/entries/<int:entry_id>/remove", lists.RemoveEntry.as_view(), name="entry-remove"),
]
