"""Addresses of the DICOM pages, below ``/report_gen/p/<project>/dicom/``."""

from django.urls import URLPattern, path

from apps.report_gen.views import dicom

APP = {"app": "report_gen"}
D = "p/<slug:project>/dicom/"

urlpatterns: list[URLPattern] = [
    path(D, dicom.page, APP, name="dicom"),
    path(f"{D}nodes/new", dicom.peer, APP, name="dicom_peer_new"),
    path(f"{D}nodes/<uuid:peer_id>", dicom.peer, APP, name="dicom_peer"),
    path(f"{D}arriving/<uuid:study_id>/complete", dicom.complete, APP, name="dicom_complete"),
    path(f"{D}replay", dicom.replay, APP, name="dicom_replay"),
    path(f"{D}identity", dicom.grants, APP, name="dicom_grants"),
]
