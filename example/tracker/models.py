"""Repositories, their issues, and the comments on them."""

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models, transaction
from django.urls import reverse
from django.utils import timezone


class Repository(models.Model):
    """A repository people open issues on.

    The slug is the primary key, so an issue carries it and knows its own address without a query.
    """

    slug = models.SlugField(primary_key=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="repositories")
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name_plural = "repositories"
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the address of the repository's page."""
        return reverse("tracker:repository", args=[self.slug])

    @transaction.atomic
    def add_issue(self, issue: "Issue") -> None:
        """Save a new issue under the repository's next number.

        Two people who open an issue at once get two numbers: the database of the example locks at BEGIN, and
        elsewhere the unique constraint refuses the second.
        """
        issue.repository = self
        issue.number = (self.issues.aggregate(last=models.Max("number"))["last"] or 0) + 1
        issue.save(force_insert=True)


class Issue(models.Model):
    """An issue of a repository."""

    class State(models.TextChoices):
        """Whether the issue is open."""

        OPEN = "open"
        CLOSED = "closed"

    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="issues")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    body = models.TextField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="issues")
    state = models.CharField(max_length=6, choices=State, default=State.OPEN)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="assigned_issues",
    )
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-created", "-pk")
        constraints = [models.UniqueConstraint(fields=["repository", "number"], name="tracker_issue_number")]

    def __str__(self) -> str:
        return f"issue {self.number}"

    def get_absolute_url(self) -> str:
        """Return the address of the issue's page, from what the row itself carries."""
        return reverse("tracker:issue", args=[self.repository_id, self.number])

    def assign(self, user: User) -> bool:
        """Assign the issue to a user. Return whether that changed anything."""
        changed = Issue.objects.filter(pk=self.pk).exclude(assignee=user).update(assignee=user)
        self.assignee = user
        return bool(changed)

    def change_state(self, state: str) -> bool:
        """Close or reopen the issue. Return whether that changed anything, so that a double click notifies once."""
        changed = Issue.objects.filter(pk=self.pk).exclude(state=state).update(state=state)
        self.state = state
        return bool(changed)


class Comment(models.Model):
    """A comment on an issue."""

    issue = models.ForeignKey(Issue, on_delete=models.CASCADE, related_name="comments")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="comments")
    body = models.TextField()
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("created", "pk")

    def __str__(self) -> str:
        return f"comment {self.pk}"

    def get_absolute_url(self) -> str:
        """Return an address that leads to its place on the issue's page, without a query for the issue."""
        return reverse("tracker:comment", args=[self.pk])
