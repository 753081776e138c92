"""The types of the tracker's notifications: what users choose between in their settings."""

from notifications.types import NotificationType, register


@register
class Commented(NotificationType):
    """A comment on an issue."""

    verb = "commented on"
    label = "Comments"
    category = "conversations"


@register
class Assigned(NotificationType):
    """Somebody was assigned to an issue."""

    verb = "assigned you to"
    label = "Assignments"
    category = "conversations"


@register
class Opened(NotificationType):
    """A new issue."""

    verb = "opened"
    label = "New issues"
    category = "issues"


@register
class Closed(NotificationType):
    """An issue was closed."""

    verb = "closed"
    label = "Closed issues"
    category = "issues"
    channels = {"email": "daily"}


@register
class Reopened(NotificationType):
    """An issue was opened again."""

    verb = "reopened"
    label = "Reopened issues"
    category = "issues"
    channels = {"email": "daily"}
