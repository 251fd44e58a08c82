"""The app's own pages, below ``/fraud/p/<project>/``."""

from django.urls import URLPattern, path

from apps.fraud import trial_urls
from apps.fraud.views import (
    alerts,
    cases,
    entities,
    explanations,
    labels,
    lists,
    mapping,
    rates,
    rules,
    scheme,
    thresholds,
)

app_name = "fraud"
# The host's frame marks the app that an address belongs to by its argument `app`.
APP = {"app": "fraud"}
P = "p/<slug:project>/"

urlpatterns: list[URLPattern] = [
    *trial_urls.urlpatterns,
    path(f"{P}alerts/", alerts.listing, APP, name="alerts"),
    path(f"{P}alerts/act", alerts.act, APP, name="alerts_act"),
    path(f"{P}alerts/<int:alert_id>/", alerts.page, APP, name="alert"),
    path(f"{P}alerts/<int:alert_id>/reopen", alerts.reopen, APP, name="alert_reopen"),
    path(f"{P}alerts/<int:alert_id>/explain", explanations.ask, APP, name="alert_explain"),
    path(f"{P}alerts/<int:alert_id>/live", explanations.live, APP, name="alert_explanation"),
    path(f"{P}alerts/<int:alert_id>/snooze", alerts.snooze, APP, name="alert_snooze"),
    path(f"{P}cases/", cases.listing, APP, name="cases"),
    path(f"{P}cases/act", cases.act_many, APP, name="cases_act"),
    path(f"{P}cases/<int:number>/", cases.page, APP, name="case"),
    path(f"{P}cases/<int:number>/act", cases.act, APP, name="case_act"),
    path(f"{P}cases/<int:number>/files/<int:file_id>", cases.download, APP, name="case_file"),
    path(f"{P}cases/<int:number>/export/<slug:form>", cases.export, APP, name="case_export"),
    path(f"{P}labels/", labels.listing, APP, name="labels"),
    path(f"{P}labels/load", labels.load, APP, name="labels_load"),
    path(f"{P}entities/", entities.listing, APP, name="entities"),
    # The identifier stands in the query: it may hold slashes, dots and anything else.
    path(f"{P}entities/one", entities.page, APP, name="entity"),
    path(f"{P}entities/graph", entities.graph, APP, name="entity_graph"),
    path(f"{P}mapping/", mapping.page, APP, name="mapping"),
    path(f"{P}mapping/guess", mapping.guess, APP, name="mapping_guess"),
    path(f"{P}mapping/save", mapping.save, APP, name="mapping_save"),
    path(f"{P}rules/", rules.listing, APP, name="rules"),
    path(f"{P}rules/versions", rules.history, APP, name="rules_history"),
    path(f"{P}rules/edit", rules.editor, APP, name="rule_editor"),
    path(f"{P}rules/save", rules.save, APP, name="rule_save"),
    path(f"{P}rules/act", rules.act, APP, name="rules_act"),
    path(f"{P}rules/check", rules.check, APP, name="rule_check"),
    path(f"{P}rules/count", rules.count, APP, name="rule_count"),
    path(f"{P}rules/counts", rules.counts, APP, name="rules_counts"),
    path(f"{P}thresholds/", thresholds.page, APP, name="thresholds"),
    path(f"{P}thresholds/propose", thresholds.propose, APP, name="thresholds_propose"),
    path(f"{P}thresholds/fits/<uuid:run_id>/live", thresholds.live, APP, name="thresholds_live"),
    path(
        f"{P}thresholds/fits/<uuid:run_id>/cancel", thresholds.cancel, APP, name="thresholds_cancel"
    ),
    path(f"{P}thresholds/act", thresholds.act, APP, name="thresholds_act"),
    path(f"{P}scheme/", scheme.page, APP, name="scheme"),
    path(f"{P}scheme/save", scheme.save, APP, name="scheme_save"),
    path(f"{P}rates/", rates.listing, APP, name="rates"),
    path(f"{P}rates/add", rates.add, APP, name="rate_add"),
    path(f"{P}rates/load", rates.load, APP, name="rates_load"),
    path(f"{P}rates/<int:rate_id>/remove", rates.remove, APP, name="rate_remove"),
    path(f"{P}lists/", lists.listing, APP, name="lists"),
    path(f"{P}lists/<slug:key>/", lists.listing, APP, name="list"),
    path(f"{P}lists/<slug:key>/add", lists.add, APP, name="list_add"),
    path(f"{P}lists/entries/<int:entry_id>/remove", lists.remove, APP, name="list_remove"),
]
