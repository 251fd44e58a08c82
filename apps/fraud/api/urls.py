"""The app's own REST addresses, below ``/api/v1/fraud/``."""

from django.urls import URLPattern, path

from apps.fraud.api import (
    alerts,
    cases,
    embeddings,
    entities,
    labels,
    lists,
    rates,
    rings,
    rules,
    scheme,
    thresholds,
    trial_urls,
)

app_name = "fraud-api"

urlpatterns: list[URLPattern] = [
    *trial_urls.urlpatterns,
    path("alerts", alerts.AlertList.as_view(), name="alerts"),
    path("alerts/<int:alert_id>", alerts.OneAlert.as_view(), name="alert"),
    path(
        "alerts/<int:alert_id>/explanations",
        alerts.Explanations.as_view(),
        name="alert-explanations",
    ),
    path("alerts/<int:alert_id>/assign", alerts.AssignAlert.as_view(), name="alert-assign"),
    path("alerts/<int:alert_id>/close", alerts.CloseAlert.as_view(), name="alert-close"),
    path("alerts/<int:alert_id>/reopen", alerts.ReopenAlert.as_view(), name="alert-reopen"),
    path("cases", cases.CaseList.as_view(), name="cases"),
    path("cases/<int:number>", cases.OneCase.as_view(), name="case"),
    path("cases/<int:number>/alerts", cases.CaseAlerts.as_view(), name="case-alerts"),
    path("cases/<int:number>/assign", cases.AssignCase.as_view(), name="case-assign"),
    path("cases/<int:number>/notes", cases.CaseNotes.as_view(), name="case-notes"),
    path("cases/<int:number>/close", cases.CloseCase.as_view(), name="case-close"),
    path("cases/<int:number>/reopen", cases.ReopenCase.as_view(), name="case-reopen"),
    path("labels", labels.Labels.as_view(), name="labels"),
    path("entities/<slug:type>/<path:key>", entities.OneEntity.as_view(), name="entity"),
    path("embeddings", embeddings.Embeddings.as_view(), name="embeddings"),
    path("rules", rules.Rules.as_view(), name="rules"),
    path("rules/versions", rules.RuleVersions.as_view(), name="rule-versions"),
    path("rules/<int:number>/use", rules.UseRules.as_view(), name="rules-use"),
    path("rules/look", rules.LookAtRule.as_view(), name="rule-look"),
    path("thresholds", thresholds.Thresholds.as_view(), name="thresholds"),
    path("thresholds/<int:number>/use", thresholds.UseThresholds.as_view(), name="thresholds-use"),
    path("thresholds/fits", thresholds.Fits.as_view(), name="thresholds-fits"),
    path("thresholds/fits/<uuid:run_id>", thresholds.OneFit.as_view(), name="thresholds-fit"),
    path(
        "thresholds/fits/<uuid:run_id>/cancel",
        thresholds.CancelFit.as_view(),
        name="thresholds-fit-cancel",
    ),
    path("thresholds/control", thresholds.ControlGroup.as_view(), name="control-group"),
    path("scheme", scheme.SchemeOfProject.as_view(), name="scheme"),
    path("rates", rates.Rates.as_view(), name="rates"),
    path("rates/<int:number>/remove", rates.RemoveRate.as_view(), name="rate-remove"),
    path("rings", rings.RingList.as_view(), name="rings"),
    path("rings/<int:ring_id>", rings.OneRing.as_view(), name="ring"),
    path("rings/<int:ring_id>/members", rings.RingMembers.as_view(), name="ring-members"),
    path("lists/<slug:key>", lists.Entries.as_view(), name="list"),
    path("lists/entries/<int:entry_id>/remove", lists.RemoveEntry.as_view(), name="entry-remove"),
]
