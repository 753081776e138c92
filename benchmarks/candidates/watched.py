"""Who watches what: the same for all, written by SQL in one statement for each kind of thing.

The first ticket is in a repository of an owner, and people watch any of the three, some two or all of them. Nobody
watches the second one, its repository or its owner. Beside that, each of these people watches some projects.
"""

from __future__ import annotations

from candidates.data import FIRST_OTHER, Data
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from project.models import Project, Repository, Ticket

#: Primary keys of users who receive nothing else: the owners, and who does something to their tickets.
OWNERS = (7, 8)
SENDER = 9

#: Who watches what, by the last digit of the number of a watcher.
TICKET, REPOSITORY, OWNER = (0, 1, 2, 3, 9), (3, 4, 5, 6, 9), (6, 7, 8, 9)

#: The user of the number ``w.n``.
WATCHER = f"{FIRST_OTHER} + w.n"


def make_tickets() -> None:
    """Make the two tickets and what contains them, if they are not there."""
    for number, owner in enumerate(OWNERS, start=1):
        repository, _ = Repository.objects.get_or_create(
            pk=number, defaults={"name": f"Repository {number}", "owner_id": owner}
        )
        Ticket.objects.get_or_create(
            pk=number, defaults={"name": f"Ticket {number}", "repository": repository}
        )


def watchers(data: Data, *digits: int) -> str:
    """Return the source of the watchers whose number ends so."""
    return f"bench_numbers w WHERE w.n <= {data.sizes['watched'][0]} AND w.n % 10 IN {digits}"


def project_watchers(data: Data) -> tuple[str, str]:
    """Return the SQL of a project, and the source of who watches it: each as many, from the own number on."""
    people, each = data.sizes["watched"]
    source = f"bench_numbers w JOIN bench_numbers p ON p.n <= {each} WHERE w.n <= {people}"
    return f"(1 + (w.n + p.n - 2) % {data.sizes['objects']})", source


def content_types() -> tuple[int, int, int, int]:
    """Return the primary keys of the content types of tickets, repositories, users and projects."""
    kinds = (Ticket, Repository, get_user_model(), Project)
    found = ContentType.objects.get_for_models(*kinds)
    ticket, repository, user, project = (found[kind].pk for kind in kinds)
    return ticket, repository, user, project
