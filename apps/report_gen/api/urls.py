"""The app's own REST addresses, below ``/api/v1/report_gen/``."""

from django.urls import URLPattern, path

from apps.report_gen.api import reports, studies, working

app_name = "report_gen-api"

urlpatterns: list[URLPattern] = [
    path("studies", studies.Studies.as_view(), name="studies"),
    path("studies/<uuid:study_id>", studies.OneStudy.as_view(), name="study"),
    path("studies/<uuid:study_id>/text", studies.StudyText.as_view(), name="study-text"),
    path(
        "studies/<uuid:study_id>/service-request",
        studies.StudyRequest.as_view(),
        name="study-request",
    ),
    path("studies/<uuid:study_id>/report", reports.StudyReport.as_view(), name="report"),
    path("studies/<uuid:study_id>/report/draft", working.WorkingCopy.as_view(), name="draft"),
    path(
        "studies/<uuid:study_id>/report/versions/<int:number>",
        reports.StudyReportVersion.as_view(),
        name="report-version",
    ),
    path(
        "studies/<uuid:study_id>/report.<slug:form>",
        reports.ReportFile.as_view(),
        name="report-file",
    ),
    path("deliveries/<uuid:delivery_id>", studies.OneDelivery.as_view(), name="delivery"),
]
