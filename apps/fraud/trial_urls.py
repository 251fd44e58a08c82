"""The pages of backtests, shadow runs, publications, prices and bad rows."""

from django.urls import URLPattern, path

from apps.fraud.views import backtests, bad_rows, publishing, shadow

APP = {"app": "fraud"}
P = "p/<slug:project>/"

urlpatterns: list[URLPattern] = [
    path(f"{P}backtests/", backtests.listing, APP, name="backtests"),
    path(f"{P}backtests/begin", backtests.begin, APP, name="backtests_begin"),
    path(f"{P}backtests/<uuid:backtest_id>/", backtests.page, APP, name="backtest"),
    path(f"{P}backtests/<uuid:backtest_id>/live", backtests.live, APP, name="backtest_live"),
    path(f"{P}backtests/<uuid:backtest_id>/cancel", backtests.cancel, APP, name="backtest_cancel"),
    path(
        f"{P}backtests/<uuid:backtest_id>/export/<slug:form>",
        backtests.export,
        APP,
        name="backtest_export",
    ),
    path(f"{P}prices/", backtests.costs, APP, name="prices"),
    path(f"{P}prices/save", backtests.save_costs, APP, name="prices_save"),
    path(f"{P}shadow/", shadow.page, APP, name="shadow"),
    path(f"{P}shadow/begin", shadow.begin, APP, name="shadow_begin"),
    path(f"{P}shadow/<int:shadow_id>/end", shadow.end, APP, name="shadow_end"),
    path(f"{P}publishing/", publishing.page, APP, name="publishing"),
    path(f"{P}publishing/ask", publishing.ask, APP, name="publication_ask"),
    path(f"{P}publishing/back/<slug:what>", publishing.roll_back, APP, name="roll_back"),
    path(
        f"{P}publishing/<int:publication_id>/<slug:verb>",
        publishing.answer,
        APP,
        name="publication_answer",
    ),
    path(f"{P}bad-rows/<uuid:job_id>/", bad_rows.page, APP, name="bad_rows"),
    path(f"{P}bad-rows/<uuid:job_id>/before", bad_rows.seen_before, APP, name="seen_before"),
    path(f"{P}bad-rows/<uuid:job_id>/csv", bad_rows.download, APP, name="bad_rows_csv"),
]
