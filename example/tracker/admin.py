"""The tracker in the admin."""

from django.contrib import admin

from tracker.models import Comment, Issue, Repository


@admin.register(Repository)
class RepositoryAdmin(admin.ModelAdmin):
    """Repositories."""

    list_display = ("name", "owner", "description")
    list_select_related = ("owner",)
    search_fields = ("name", "description")
    prepopulated_fields = {"slug": ("name",)}


@admin.register(Issue)
class IssueAdmin(admin.ModelAdmin):
    """Issues."""

    list_display = ("__str__", "repository", "title", "author", "state", "created")
    list_filter = ("state", "repository")
    list_select_related = ("repository", "author")
    search_fields = ("title", "body")
    autocomplete_fields = ("repository", "author")


@admin.register(Comment)
class CommentAdmin(admin.ModelAdmin):
    """Comments."""

    list_display = ("__str__", "issue", "author", "created")
    list_select_related = ("issue", "author")
    search_fields = ("body",)
    autocomplete_fields = ("issue", "author")
