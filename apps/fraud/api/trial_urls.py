"""REST addresses of backtests, prices, drafts, shadow runs and publications."""

from django.urls import URLPattern, path

from apps.fraud.api import trials

urlpatterns: list[URLPattern] = [
    path("backtests", trials.Backtests.as_view(), name="backtests"),
    path("backtests/<uuid:backtest_id>", trials.OneBacktest.as_view(), name="backtest"),
    path(
        "backtests/<uuid:backtest_id>/cancel",
        trials.CancelBacktest.as_view(),
        name="backtest-cancel",
    ),
    path("backtests/<uuid:backtest_id>/csv", trials.BacktestTable.as_view(), name="backtest-csv"),
    path("prices", trials.ProjectPrices.as_view(), name="prices"),
    path("drafts", trials.Drafts.as_view(), name="drafts"),
    path("shadows", trials.Shadows.as_view(), name="shadows"),
    path("shadows/<int:shadow_id>/end", trials.EndShadow.as_view(), name="shadow-end"),
    path("publications", trials.Publications.as_view(), name="publications"),
]
