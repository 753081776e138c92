"""The urls of the inbox, in the namespace ``notifications``."""

from __future__ import annotations

from django.urls import path

from notifications import acting, api, views

app_name = "notifications"

urlpatterns = [
    path("", views.AllNotificationsList.as_view(), name="all"),
    path("unread/", views.UnreadNotificationsList.as_view(), name="unread"),
    path("saved/", views.SavedNotificationsList.as_view(), name="saved"),
    path("snoozed/", views.SnoozedNotificationsList.as_view(), name="snoozed"),
    path("done/", views.DoneNotificationsList.as_view(), name="done"),
    path("act/", acting.act, name="act"),
    path("undo/", acting.undo, name="undo"),
    path("seen/", acting.seen, name="seen"),
    path("mark-all-as-read/", acting.mark_all_as_read, name="mark_all_as_read"),
    path("mark-as-read/<int:slug>/", acting.mark_as_read, name="mark_as_read"),
    path("mark-as-unread/<int:slug>/", acting.mark_as_unread, name="mark_as_unread"),
    path("delete/<int:slug>/", acting.delete, name="delete"),
    path("api/inbox/", api.api_inbox, name="api_inbox"),
    path("api/unread_count/", api.live_unread_notification_count, name="live_unread_notification_count"),
    path("api/all_count/", api.live_all_notification_count, name="live_all_notification_count"),
    path("api/unread_list/", api.live_unread_notification_list, name="live_unread_notification_list"),
    path("api/all_list/", api.live_all_notification_list, name="live_all_notification_list"),
]
