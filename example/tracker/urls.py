"""The tracker's addresses."""

from django.urls import path

from tracker import views

app_name = "tracker"

urlpatterns = [
    path("", views.repositories, name="repositories"),
    path("r/<slug:slug>/", views.repository, name="repository"),
    path("r/<slug:slug>/issues/new/", views.new_issue, name="new_issue"),
    path("r/<slug:slug>/issues/<int:number>/", views.issue, name="issue"),
    path("outbox/", views.outbox, name="outbox"),
    path("comments/<int:pk>/", views.comment, name="comment"),
]
