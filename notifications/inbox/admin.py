"""The admin of notifications, also of a custom model. Importing this module registers nothing."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import ForeignKeyRawIdWidget
from django.contrib.auth import get_user_model
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.core.paginator import Paginator
from django.db import models
from django.db.models import Q
from django.forms.fields import InvalidJSONInput
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext, gettext_lazy as _, ngettext

from notifications.conf import settings
from notifications.events import OBJECTS
from notifications.inbox import search
from notifications.inbox.search.names import called, is_text, login_name
from notifications.objects.fetch import primary_key
from notifications.objects.keys import attach_objects
from notifications.objects.labels import label_of, name_of
from notifications.objects.links import admin_link
from notifications.objects.visibility import visible_to
from notifications.sending.arguments import clean_timestamp
from notifications.sending.data import clean_data
from notifications.storage.notification import AbstractNotification, Rows
from notifications.storage.verbs import changed_by
from notifications.types import all_types, registered, type_key, type_label, type_named

if TYPE_CHECKING:
    Base = admin.ModelAdmin[AbstractNotification]
    BaseForm = forms.ModelForm[AbstractNotification]
    BasePaginator = Paginator[Any]
    AnyBase = admin.ModelAdmin[Any]
else:
    Base, BaseForm, BasePaginator = admin.ModelAdmin, forms.ModelForm, Paginator
    AnyBase = admin.ModelAdmin

#: The maximum count of rows in the list. Use a filter or a search to find rows beyond that.
MAX_COUNTED_ROWS = 10_000

#: The minimum length of a search word that is matched with the beginning of names of recipients.
MIN_PREFIX = 3

#: The maximum number of recipients that one search word selects.
MAX_RECIPIENTS = 100


class CappedPaginator(BasePaginator):
    """Pages of rows that are counted up to ``MAX_COUNTED_ROWS``, so a large table does not make the list slow."""

    @cached_property
    def count(self) -> int:
        """Return the number of rows, at most ``MAX_COUNTED_ROWS``."""
        rows: Any = self.object_list
        return len(rows) if isinstance(rows, list) else rows.order_by()[:MAX_COUNTED_ROWS].count()


class NotificationForm(BaseForm):
    """The form of a notification. It refuses new values that ``notify.send`` refuses, and stores keys as that does."""

    def _get_validation_exclusions(self) -> set[str]:
        """Return the fields that are not validated. The event is, which no recipient can have twice."""
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded if self.instance.event is None else excluded - {"event"}

    def clean_data(self) -> Any:
        """Return the data. A row of an older table may keep what it has."""
        data = self.cleaned_data["data"]
        if "data" in self.changed_data:
            try:
                clean_data(self.instance._meta.get_field("data"), data, {}, is_strict=True)
            except (TypeError, ValueError) as error:
                # It is shown again as it was typed: what it means may be no text that a page can have.
                field: Any = self.fields["data"]
                field.bound_data = lambda typed, initial: InvalidJSONInput(typed)
                raise ValidationError(str(error)) from error
        return data

    def clean_timestamp(self) -> Any:
        """Return the time. PostgreSQL stores some that it cannot return: then the pages of the recipient fail.

        A row may keep what it has.
        """
        moment = self.cleaned_data["timestamp"]
        if "timestamp" in self.changed_data:
            try:
                clean_timestamp(self.instance._meta.get_field("timestamp"), moment)
            except (TypeError, ValueError) as error:
                raise ValidationError(str(error)) from error
        return moment

    def clean(self) -> Any:
        """Return the values, with the primary keys of new objects in the one spelling that is compared with others."""
        values: Any = super().clean()
        values = self.cleaned_data if values is None else values
        for name in OBJECTS:
            field, kind = f"{name}_object_id", values.get(f"{name}_content_type")
            model = (
                kind.model_class()
                if kind and {field, f"{name}_content_type"} & {*self.changed_data}
                else None
            )
            key = None if model is None else primary_key(model, values.get(field) or "")
            if key is not None:
                values[field] = str(key)
        return values


class RecipientWidget(ForeignKeyRawIdWidget):
    """The primary key of the recipient, with the name next to it."""

    def label_and_url_for_value(self, value: Any) -> tuple[str, str]:
        """Return the name of the user with this primary key, and the URL of the user in the admin."""
        key = self.rel.get_related_field().name
        try:
            user = self.rel.model._default_manager.using(self.db).get(**{key: value})
        except (ValueError, ValidationError, ObjectDoesNotExist):
            return "", ""
        meta = user._meta
        try:
            page = reverse(
                f"{self.admin_site.name}:{meta.app_label}_{meta.model_name}_change", args=[user.pk]
            )
        except NoReverseMatch:
            page = ""
        return name_of(user), page


class TypeFilter(admin.SimpleListFilter):
    """Filter notifications by their registered type. It is not shown if no type is registered."""

    title = _("type")
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the types with their names."""
        return [(type_key(kind), type_label(kind)) for kind in all_types()] if registered() else []

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any] | None:
        """Return the rows of the selected type."""
        kind = type_named(self.value() or "")
        return None if kind is None else queryset.filter(search.is_of_type(kind))


class ObjectsOfViewer(AnyBase):
    """Show the objects of rows by the visibility rules for the user of the admin, not for whom the rows belong to."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return what Django does. The page that deletes a user asks this for each row before it links to the row."""
        if obj is not None and settings.VISIBILITY:
            # Whoever has looked at it before.
            attach_objects([obj], viewer=viewer_of(request), again=True)
        return super().has_delete_permission(request, obj)


class AbstractNotificationAdmin(ObjectsOfViewer, Base):
    """List, search and edit notifications, also of a custom model."""

    form = NotificationForm
    list_display = (
        "recipient_label", "actor_label", "verb", "action_object_label", "target_label", "timestamp", "level", "unread",
        "public",
    )  # fmt: skip
    list_filter = (
        TypeFilter, "level", "unread", "public", ("done_at", admin.EmptyFieldListFilter),
        ("saved_at", admin.EmptyFieldListFilter), ("snoozed_until", admin.EmptyFieldListFilter), "timestamp",
    )  # fmt: skip
    list_select_related = ("recipient",)
    # Of all recipients together only the order of the primary key has an index.
    ordering = ("-pk",)
    paginator = CappedPaginator
    raw_id_fields = ("recipient",)
    readonly_fields = (
        "action_object_url", "actor_object_url", "target_object_url", "read_at", "done_at", "saved_at",
        "snoozed_until", "reason", "event",
    )  # fmt: skip
    actions = ("mark_read", "mark_unread")
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[AbstractNotification]:
        """Return the rows with their objects: a constant number of queries for a page of the list.

        The visibility rules apply to the user of the admin, not to the recipient.
        """
        rows: Any = super().get_queryset(request)
        # The manager of a site may leave out columns, also the recipient, which the list joins.
        objects: models.QuerySet[AbstractNotification] = rows.defer(None).with_objects(
            viewer=viewer_of(request)
        )
        return objects

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet[AbstractNotification], search_term: str
    ) -> tuple[models.QuerySet[AbstractNotification], bool]:
        """Search with the syntax of the inbox, among the rows of the recipients and events that the words name.

        A word with which names of recipients begin selects these recipients, a short word only the recipient with this
        name, and a UUID an event. The other words are searched in the fields of :meth:`get_search_fields`.
        """
        viewer = viewer_of(request)
        asked = search.parse(search_term, self.model, viewer=viewer)
        if asked.error:
            self.message_user(request, asked.error, messages.WARNING)
            return queryset.none(), False
        rows, left = queryset.filter(asked.conditions), []
        for word in asked.words:
            condition = self._looked_up(request, word, viewer)
            if condition is None:
                left.append(quoted(word))
            else:
                rows = rows.filter(condition)
        if left and viewer is not None:
            # The description of a hidden object is not searched either.
            rows = rows.filter(asked.words_condition)
        return super().get_search_results(request, rows, " ".join(left))

    def _looked_up(self, request: HttpRequest, word: str, viewer: Any) -> Q | None:
        """Return the condition for a word that selects recipients or an event by an index, otherwise None."""
        try:
            return Q(event=UUID(word))
        except ValueError:
            pass
        users: Any = get_user_model()
        name, field = login_name()
        plain = word.removeprefix("@")
        begins = called(plain)
        if is_text(field):
            # Too many names begin with a shorter word.
            how = "startswith" if len(plain) >= MIN_PREFIX else "exact"
            begins = Q(**{f"{name}__{how}": plain}) | Q(**{f"{name}__{how}": plain.lower()})
        if begins is None:
            return None
        among = visible_to(viewer, users._base_manager.filter(begins))
        found = list(among.order_by(name).values_list("pk", flat=True)[: MAX_RECIPIENTS + 1])
        if len(found) > MAX_RECIPIENTS:
            words = gettext(
                "More than %(count)d names of recipients begin with “%(word)s”. Only the first %(count)d are searched."
            )
            self.message_user(request, words % {"word": word, "count": MAX_RECIPIENTS}, messages.WARNING)
        return Q(recipient__in=found[:MAX_RECIPIENTS]) if found else None

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Return the fields that are searched for words that do not select recipients or an event."""
        return ("verb", "description")

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> Any:
        """Leave out the description and the data if an object is hidden from the user of the admin."""
        exclude = super().get_exclude(request, obj)
        return (*(exclude or ()), "description", "data") if obj is not None and obj.is_hidden else exclude

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Allow saving a row whose actor's content type was deleted."""
        form: Any = super().get_form(request, obj, change, **kwargs)
        field = form.base_fields.get("actor_content_type")
        if field is not None and obj is not None and obj.actor_content_type_id is None:
            field.required = False
        return form

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        """Return the same form for ``list_editable``."""
        return super().get_changelist_form(request, **{"form": self.form, **kwargs})

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Show the recipient with the same name as everywhere else."""
        if db_field.name == "recipient" and db_field.name in self.raw_id_fields:
            kwargs["widget"] = RecipientWidget(
                db_field.remote_field, self.admin_site, using=kwargs.get("using")
            )
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @admin.display(description=_("recipient"), ordering="recipient")
    def recipient_label(self, notification: AbstractNotification) -> str:
        """Return the name of the recipient."""
        return name_of(notification.recipient)

    @admin.display(description=_("actor"))
    def actor_label(self, notification: AbstractNotification) -> str:
        """Return the name of the actor, or what says that it is gone."""
        return label_of(notification, "actor")

    @admin.display(description=_("action object"), empty_value="-")
    def action_object_label(self, notification: AbstractNotification) -> str | None:
        """Return the name of the action object, or what says that it is gone."""
        return label_of(notification, "action_object") or None

    @admin.display(description=_("target"), empty_value="-")
    def target_label(self, notification: AbstractNotification) -> str | None:
        """Return the name of the target, or what says that it is gone."""
        return label_of(notification, "target") or None

    @admin.display(description=_("actor"), empty_value="-")
    def actor_object_url(self, notification: AbstractNotification) -> str | None:
        """Return the name of the actor as a link to its page in the admin."""
        return self._link(notification, "actor")

    @admin.display(description=_("action object"), empty_value="-")
    def action_object_url(self, notification: AbstractNotification) -> str | None:
        """Return the name of the action object as a link to its page in the admin."""
        return self._link(notification, "action_object")

    @admin.display(description=_("target"), empty_value="-")
    def target_object_url(self, notification: AbstractNotification) -> str | None:
        """Return the name of the target as a link to its page in the admin."""
        return self._link(notification, "target")

    def _link(self, notification: AbstractNotification, key: str) -> str | None:
        return admin_link(notification, key, label_of(notification, key), self.admin_site.name) or None

    @admin.action(permissions=["change"], description=_("Mark selected notifications as read"))
    def mark_read(self, request: HttpRequest, queryset: Rows) -> None:
        """Mark the selected rows as read."""
        self._report(request, changed_by("mark_all_as_read", queryset))

    @admin.action(permissions=["change"], description=_("Mark selected notifications as unread"))
    def mark_unread(self, request: HttpRequest, queryset: Rows) -> None:
        """Mark the selected rows as unread."""
        self._report(request, changed_by("mark_all_as_unread", queryset))

    def _report(self, request: HttpRequest, changed: int) -> None:
        words = ngettext(
            "%(count)d notification was changed.", "%(count)d notifications were changed.", changed
        )
        self.message_user(request, words % {"count": changed})


def quoted(word: str) -> str:
    """Return a word or phrase, which has no quotes, as Django's search of the admin reads it as one."""
    escaped = word.replace("\\", "\\\\")
    return f'"{escaped}"'


def viewer_of(request: HttpRequest) -> Any:
    """Return the viewer of objects in the admin: the user, or None for a superuser, who sees everything."""
    return None if getattr(request.user, "is_superuser", False) else request.user
