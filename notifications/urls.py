"""The urls of the inbox, in the namespace ``notifications``."""

from __future__ import annotations

from django.urls import path

from notifications.inbox import action_views, api, pages

app_name = "notifications"

urlpatterns = [
    path("", pages.AllNotificationsList.as_view(), name="all"),
    path("unread/", pages.UnreadNotificationsList.as_view(), name="unread"),
    path("saved/", pages.SavedNotificationsList.as_view(), name="saved"),
    path("snoozed/", pages.SnoozedNotificationsList.as_view(), name="snoozed"),
    path("done/", pages.DoneNotificationsList.as_view(), name="done"),
    path("act/", action_views.act, name="act"),
    path("undo/", action_views.undo, name="undo"),
    path("seen/", action_views.seen, name="seen"),
    path("searches/", action_views.saved_searches, name="saved_searches"),
    path("mark-all-as-read/", action_views.mark_all_as_read, name="mark_all_as_read"),
    path("mark-as-read/<str:slug>/", action_views.mark_as_read, name="mark_as_read"),
    path("mark-as-unread/<str:slug>/", action_views.mark_as_unread, name="mark_as_unread"),
    path("delete/<str:slug>/", action_views.delete, name="delete"),
    path("api/token/", action_views.token, name="token"),
    path("api/inbox/", api.api_inbox, name="api_inbox"),
    path("api/unread_count/", api.live_unread_notification_count, name="live_unread_notification_count"),
    path("api/all_count/", api.live_all_notification_count, name="live_all_notification_count"),
    path("api/unread_list/", api.live_unread_notification_list, name="live_unread_notification_list"),
    path("api/all_list/", api.live_all_notification_list, name="live_all_notification_list"),
]
