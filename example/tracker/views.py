"""The pages of the tracker."""

import email
from email.policy import default as policy

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from tracker.forms import CommentForm, IssueForm
from tracker.models import Comment, Issue, Repository
from tracker.signals import notify_assignee, notify_watchers


class MemberRequest(HttpRequest):
    """A request whose user has logged in."""

    user: User


@require_safe
def repositories(request: HttpRequest) -> HttpResponse:
    """List the repositories."""
    still_open = Count("issues", filter=Q(issues__state=Issue.State.OPEN))
    # Django drops a model's own order where rows are grouped, as they are for such a count.
    found = Repository.objects.select_related("owner").annotate(open_count=still_open).order_by("name")
    return render(request, "tracker/repositories.html", {"repositories": found})


@require_safe
def repository(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a repository's issues, the open ones unless ``?state=closed`` asks for the others."""
    shown = get_object_or_404(Repository.objects.select_related("owner"), slug=slug)
    state = Issue.State.CLOSED if request.GET.get("state") == Issue.State.CLOSED else Issue.State.OPEN
    issues = shown.issues.filter(state=state).select_related("author")
    issues = issues.annotate(comment_count=Count("comments")).order_by("-created", "-pk")
    counts = shown.issues.aggregate(
        open=Count("pk", filter=Q(state=Issue.State.OPEN)),
        closed=Count("pk", filter=Q(state=Issue.State.CLOSED)),
    )
    return render(
        request,
        "tracker/repository.html",
        {"repository": shown, "issues": issues, "state": state.value, "counts": counts},
    )


@login_required
def new_issue(request: MemberRequest, slug: str) -> HttpResponse:
    """Open an issue."""
    where = get_object_or_404(Repository.objects.select_related("owner"), slug=slug)
    form = IssueForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        opened = form.save(commit=False)
        opened.author = request.user
        where.add_issue(opened)
        return redirect(opened)
    return render(request, "tracker/new_issue.html", {"repository": where, "form": form})


def issue(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Show an issue and its comments. POST comments on it, closes, reopens or assigns it."""
    shown = get_object_or_404(
        Issue.objects.select_related("author", "assignee", "repository__owner"),
        repository=slug,
        number=number,
    )
    if request.method == "POST":
        if not request.user.is_authenticated:
            return redirect_to_login(shown.get_absolute_url())
        return take_part(request, request.user, shown)
    return show(request, shown, CommentForm())


def show(request: HttpRequest, shown: Issue, form: CommentForm) -> HttpResponse:
    """Render an issue's page."""
    comments = shown.comments.select_related("author")
    context = {
        "repository": shown.repository,
        "issue": shown,
        "comments": comments,
        "form": form,
        "people": User.objects.order_by("username"),
    }
    return render(request, "tracker/issue.html", context)


def take_part(request: HttpRequest, user: User, shown: Issue) -> HttpResponse:
    """Comment, close or reopen (with or without a comment), or assign the issue to a user."""
    action = request.POST.get("action")
    if action == "assign":
        somebody = get_object_or_404(User, username=request.POST.get("assignee"))
        with transaction.atomic():
            if shown.assign(somebody):
                notify_assignee(user, shown, somebody)
        return redirect(shown)
    form = CommentForm(request.POST, instance=Comment(issue=shown, author=user))
    form.fields["body"].required = action not in {"close", "reopen"}
    if not form.is_valid():
        return show(request, shown, form)
    with transaction.atomic():
        if form.cleaned_data["body"]:
            form.save()
        if action == "close" and shown.change_state(Issue.State.CLOSED):
            notify_watchers(user, "closed", shown, text=shown.title)
        elif action == "reopen" and shown.change_state(Issue.State.OPEN):
            notify_watchers(user, "reopened", shown, text=shown.title)
    return redirect(f"{shown.get_absolute_url()}#latest")


@require_safe
def comment(request: HttpRequest, pk: int) -> HttpResponse:
    """Lead to a comment on its issue's page."""
    wanted = get_object_or_404(Comment.objects.select_related("issue"), pk=pk)
    return redirect(f"{wanted.issue.get_absolute_url()}#comment-{wanted.pk}")


#: How the backend that writes mails into files separates them.
BETWEEN_MAILS = b"-" * 79 + b"\n"


@require_safe
def outbox(request: HttpRequest) -> HttpResponse:
    """Show the mails that the site has sent, the latest first."""
    mails = []
    for path in sorted(settings.OUTBOX.glob("*.log"), key=lambda path: path.stat().st_mtime, reverse=True)[
        :50
    ]:
        for text in reversed(path.read_bytes().split(BETWEEN_MAILS)):
            if text.strip():
                mail = email.message_from_bytes(text, policy=policy)
                body = mail.get_body(("plain",))
                mails.append((mail, "" if body is None else body.get_content()))
    return render(request, "tracker/outbox.html", {"mails": mails})
