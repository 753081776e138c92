"""Why somebody is told or not: one sentence, which names the rule that decided."""

from __future__ import annotations

import uuid
from contextlib import ExitStack
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from notifications.contrib.subscriptions import describe, explain, is_watching, mute, recipients_of, watch
from notifications.contrib.subscriptions.levels import PARTICIPATING_REASONS, WHY
from notifications.contrib.subscriptions.management.commands import explain_notification
from notifications.contrib.subscriptions.models import Subscription
from tests.contrib.routers import EmptyReplica
from tests.contrib.subscriptions.models import Ticket
from tests.contrib.subscriptions.things import make_remark, make_ticket, send, send_and_commit, told_why
from tests.factories import deleted_meanwhile, make_group, make_user, make_users, moment, rows
from tests.testapp.models import UuidThing

pytestmark = pytest.mark.django_db

RULE = "tests.testapp.rules.NotForStrangers"


@pytest.fixture
def alice() -> Any:
    return make_user("alice")


@pytest.fixture
def bob() -> Any:
    return make_user("bob")


def why(user: Any, actor: Any, *, recipient: Any = None, **arguments: Any) -> tuple[str, str]:
    """Return the rule and the sentence; what the explanation says must be what happens."""
    arguments.setdefault("verb", "closed")
    event = describe(actor, **arguments)
    found = explain(user, event, recipient=recipient)
    # For the user to read: a sentence without the user's name.
    assert found.own_text.endswith(".")
    assert user.username not in found.own_text
    told = {one.pk for one in recipients_of(event, recipient=recipient)}
    assert found.is_notified == (user.pk in told)
    return found.rule, str(found)


def test_who_watches_or_takes_part(alice: Any, bob: Any) -> None:
    ticket = make_ticket()
    assert why(bob, alice, target=ticket) == (
        "nothing", "bob is not notified: not subscribed to this or to anything that contains it.",
    )  # fmt: skip
    watch(bob, ticket.repo)
    assert why(bob, alice, target=ticket) == ("watching", "bob is notified: watching repo.")
    watch(bob, ticket)
    assert why(bob, alice, target=ticket) == ("watching", "bob is notified: watching issue 2.")
    watch(bob, ticket, reason="author")
    assert why(bob, alice, target=ticket) == (
        "participating_in", "bob is notified: participating in issue 2 (author).",
    )  # fmt: skip


@pytest.mark.parametrize("reason", PARTICIPATING_REASONS)
def test_who_participates_reads_why(alice: Any, bob: Any, reason: str) -> None:
    ticket = make_ticket()
    watch(bob, ticket, reason=reason)
    found = explain(bob, describe(alice, verb="closed", target=ticket))
    assert (found.rule, found.reason) == ("participating_in", reason)
    assert found.own_text == f"You participate in issue 2: {WHY[reason]}."
    named = explain(bob, describe(alice, verb="closed", recipient_reason=reason), recipient=[bob])
    assert named.own_text == f"You were named as a recipient: {WHY[reason]}."


@pytest.mark.parametrize("act", [watch, mute, lambda user, obj: watch(user, obj, reason="author")])
def test_a_name_turns_no_sentence_round(alice: Any, act: Any) -> None:
    bob = make_user("b\u202eob")
    ticket = make_ticket("issue \u202e\u05d0")
    act(bob, ticket)
    found = explain(bob, describe(alice, verb="closed", target=ticket))
    assert "\u2068issue \u05d0\u2069" in found.text
    assert "\u2068issue \u05d0\u2069" in found.own_text
    assert "\u202e" not in found.text + found.own_text


def test_a_user_is_explained_among_any_recipients(alice: Any, bob: Any) -> None:
    """A long list, of which the database is asked about one, an iterator, a slice and a union."""
    event, users = describe(alice, verb="closed", target=make_ticket()), type(bob)._base_manager
    keys = [*(user.pk for user in make_users(600)), bob.pk]
    for recipient in (keys, iter(keys), users.order_by("pk")[:5], users.all().union(users.all()), bob):
        with CaptureQueriesContext(connection) as queries:
            assert explain(bob, event, recipient=recipient).rule == "named"
        assert max(len(query["sql"]) for query in queries) < 4000 or not isinstance(recipient, list)
    assert explain(alice, event, recipient=keys).rule == "nothing"


def test_who_muted_it_or_what_contains_it(alice: Any, bob: Any) -> None:
    ticket = make_ticket()
    mute(bob, ticket.repo)
    assert why(bob, alice, target=ticket) == ("muted_parent", "bob is not notified: repo is muted.")
    assert why(bob, alice, target=ticket, recipient=[bob]) == (
        "muted_parent",
        "bob is not notified: repo is muted.",
    )
    assert why(bob, alice, target=ticket, recipient=[bob], recipient_reason="mention") == (
        "named", "bob is notified: named as a recipient.",
    )  # fmt: skip

    mute(bob, ticket, until=timezone.now() + timedelta(days=7))
    rule, text = why(bob, alice, target=ticket, recipient=[bob], recipient_reason="mention")
    assert rule == "muted"
    assert text.startswith("bob is not notified: issue 2 is muted until ")


@pytest.mark.parametrize(
    ("zone", "until"), [("UTC", "Jan. 2, 2100, 9 p.m."), ("Asia/Tokyo", "Jan. 3, 2100, 6 a.m.")]
)
def test_the_end_of_a_mute_is_said_in_the_time_zone_of_the_reader(
    alice: Any, bob: Any, zone: str, until: str
) -> None:
    ticket = make_ticket()
    mute(bob, ticket, until=moment(2100, 1, 2, 21))
    with timezone.override(zone):
        _, text = why(bob, alice, target=ticket)
    assert text == f"bob is not notified: issue 2 is muted until {until}."


def test_who_wants_to_hear_only_as_a_participant(alice: Any, bob: Any) -> None:
    ticket = make_ticket()
    watch(bob, ticket.repo, level="participating")

    assert why(bob, alice, target=ticket) == (
        "participating", "bob is not notified: only wants notifications about repo when participating.",
    )  # fmt: skip


def test_who_did_it_or_is_not_active(alice: Any, settings: Any) -> None:
    ticket, gone = make_ticket(), make_user("gone", is_active=False)
    for user in (alice, gone):
        watch(user, ticket)
    assert why(alice, alice, target=ticket) == (
        "own_action",
        "alice is not notified: it was their own action.",
    )
    assert why(gone, alice, target=ticket) == ("inactive", "gone is not notified: the account is not active.")

    settings.NOTIFICATIONS = {"NOTIFY_ACTOR": True}
    assert why(alice, alice, target=ticket)[0] == "watching"


def test_whom_an_event_is_about(alice: Any, bob: Any) -> None:
    assert why(alice, alice, verb="reached level 10") == (
        "actor",
        "alice is notified: the event concerns only this user.",
    )
    assert why(bob, alice, verb="reached level 10")[0] == "nothing"


def test_who_was_not_named(alice: Any, bob: Any) -> None:
    ticket = make_ticket()
    watch(alice, ticket)

    assert why(alice, bob, target=ticket, recipient=[bob]) == (
        "nothing",
        "alice is not notified: other recipients were named.",
    )
    assert why(bob, alice, target=ticket, recipient=make_group("one", bob))[0] == "named"


def test_whom_the_type_names_is_explained_as_it_is_sent(
    alice: Any, bob: Any, make_type: Any, caplog: pytest.LogCaptureFixture
) -> None:
    ticket, cid = make_ticket(), make_user("cid")
    for user in (alice, cid):
        watch(user, ticket)

    def recipients(cls: Any, event: Any) -> Any:
        return type(bob)._default_manager.filter(username=event.target.name and "bob")

    make_type("closed", recipients=classmethod(recipients))
    assert list(told_why(send(alice, "closed", target=ticket))) == ["bob"]
    assert why(bob, alice, target=ticket) == ("named", "bob is notified: named as a recipient.")
    assert why(cid, alice, target=ticket)[0] == "nothing"
    # What is gone, the type does not expect.
    assert explain(bob, describe(alice, verb="closed")).rule == "nothing"
    assert "Commented.recipients: the type failed" in caplog.text


def test_the_arguments_of_a_call_that_sends_describe_its_event(
    alice: Any, bob: Any, caplog: pytest.LogCaptureFixture
) -> None:
    ticket = make_ticket()
    event = describe(
        alice, verb="closed", target=ticket, recipient=None, fanout_chunk=5, on_progress=print, points=3
    )
    assert event.data == {"points": 3}
    with pytest.raises(TypeError, match=r"explain\(user, event, recipient=\.\.\.\)"):
        describe(alice, verb="closed", target=ticket, recipient=[bob])
    assert caplog.text == ""


def test_who_may_not_see_it(alice: Any, settings: Any) -> None:
    stranger, ticket = make_user("stranger"), make_ticket()
    watch(stranger, ticket.repo)
    assert why(stranger, alice, target=ticket)[0] == "watching"

    settings.NOTIFICATIONS = {"VISIBILITY": {"subscriptions.ticket": RULE}}
    assert why(stranger, alice, target=ticket) == (
        "hidden", "stranger is not notified: no permission to see what this is about.",
    )  # fmt: skip
    assert why(stranger, alice, target=ticket, recipient=[stranger])[0] == "hidden"


def test_an_event_is_told_only_to_who_may_see_all_of_it(alice: Any, settings: Any) -> None:
    stranger, friend, ticket = make_user("stranger"), make_user("friend"), make_ticket()
    for user in (stranger, friend):
        watch(user, ticket)
    settings.NOTIFICATIONS = {"VISIBILITY": {"Subscriptions.Remark": RULE}}

    remark = make_remark(ticket)
    assert told_why(send(alice, action_object=remark, target=ticket)) == {"friend": "subscribed"}
    named = send_and_commit(
        alice, action_object=remark, target=ticket, recipient=[stranger, friend], recipient_reason="mention"
    )
    assert told_why(named) == {"friend": "mention"}
    assert told_why(send(alice, target=ticket)) == {"friend": "mention", "stranger": "subscribed"}


def explained(*arguments: Any) -> str:
    out = StringIO()
    call_command("explain_notification", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_says_it_of_any_notification(alice: Any, bob: Any, settings: Any) -> None:
    ticket = make_ticket()
    watch(bob, ticket)
    row = send(alice, target=ticket)[0]
    assert explained("bob", row.pk) == "bob is notified: watching issue 2.\n"
    assert explained("alice", row.pk) == "alice is not notified: it was their own action.\n"

    stranger = make_user("stranger")
    watch(stranger, ticket)
    settings.NOTIFICATIONS = {"VISIBILITY": {"subscriptions.ticket": RULE}}
    rows().update(recipient=stranger)
    assert (
        explained("stranger", row.pk)
        == "stranger is not notified: no permission to see what this is about.\n"
    )
    assert explained("bob", row.pk) == "bob is notified: watching issue 2.\n"


@pytest.mark.django_db(databases=["default", "other"])
def test_the_command_says_it_of_a_row_that_a_replica_does_not_have_yet(bob: Any, settings: Any) -> None:
    ticket = make_ticket()
    watch(bob, ticket)
    row = send(make_ticket("another"), target=ticket)[0]
    settings.DATABASE_ROUTERS = [EmptyReplica(row._meta.app_label)]
    assert explained("bob", row.pk) == "bob is notified: watching issue 2.\n"


@pytest.mark.django_db(databases=["default", "other"])
def test_what_a_replica_does_not_know_yet_is_explained_as_it_is_sent(
    alice: Any, bob: Any, settings: Any
) -> None:
    ticket, cid = make_ticket(), make_user("cid")
    watch(bob, ticket)
    mute(cid, ticket)
    settings.DATABASE_ROUTERS = [EmptyReplica()]
    for user, rule in ((bob, "watching"), (cid, "muted")):
        assert why(user, alice, target=ticket)[0] == rule
    for user, rule in ((bob, "named"), (cid, "muted"), (alice, "nothing")):
        assert why(user, alice, target=ticket, recipient=[bob, cid])[0] == rule
    assert (is_watching(bob, ticket), is_watching(cid, ticket)) == (True, False)


def test_the_command_says_what_is_not_there(alice: Any, bob: Any) -> None:
    with pytest.raises(CommandError, match="There is no user 'nobody'"):
        explained("nobody", 1)
    with pytest.raises(CommandError, match="There is no notification 17"):
        explained("bob", 17)
    row = send(make_ticket(), recipient=[bob])[0]
    row.actor.delete()
    with pytest.raises(CommandError, match="actor of this notification is gone"):
        explained("bob", row.pk)


def test_the_command_takes_the_ids_of_any_model(bob: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("x", "9" * 30):
        with pytest.raises(CommandError, match=f"There is no notification {key}"):
            explained("bob", key)
    monkeypatch.setattr(explain_notification, "get_notification_model", lambda: UuidThing)
    for key in ("x", str(uuid.uuid4())):
        with pytest.raises(CommandError, match=f"There is no notification {key}"):
            explained("bob", key)


def test_what_is_said_of_gone_things_is_pruned_in_chunks(bob: Any, settings: Any) -> None:
    for number in range(5):
        ticket = make_ticket(f"issue {number}")
        watch(bob, ticket)
        if number % 2:
            ticket.delete()
    watch(make_user("stranger"), ticket)
    settings.NOTIFICATIONS = {"VISIBILITY": {"subscriptions.ticket": RULE}}
    out = StringIO()

    call_command("prune_subscriptions", "--dry-run", "--chunk-size=2", stdout=out, stderr=StringIO())
    assert Subscription.objects.count() == 6
    call_command("prune_subscriptions", "--chunk-size=2", stdout=out, stderr=StringIO())
    call_command("prune_subscriptions", stdout=out, stderr=StringIO())

    assert out.getvalue() == (
        "2 subscriptions would be deleted.\n2 subscriptions were deleted.\n0 subscriptions were deleted.\n"
    )
    # What a user may not see is not gone.
    assert Subscription.objects.count() == 4


def test_only_the_subscriptions_that_it_deleted_are_counted(bob: Any) -> None:
    for number in range(3):
        ticket = make_ticket(f"issue {number}")
        watch(bob, ticket)
        ticket.delete()
    first = Subscription.objects.order_by("pk")[0].pk
    out = StringIO()

    with deleted_meanwhile(Subscription.objects.filter(pk=first)):
        call_command("prune_subscriptions", stdout=out, stderr=StringIO())

    assert out.getvalue() == "2 subscriptions were deleted.\n"
    assert Subscription.objects.count() == 0


def fail(*arguments: Any, **options: Any) -> Any:
    raise OperationalError("the server is restarting")


def no_tickets(execute: Any, sql: str, *arguments: Any) -> Any:
    """Fail as a server does whose table of tickets cannot be read."""
    return fail() if Ticket._meta.db_table in sql else execute(sql, *arguments)


@pytest.mark.parametrize("failure", ["database", "model"])
def test_what_is_said_of_things_that_cannot_be_loaded_is_not_pruned(
    bob: Any, monkeypatch: pytest.MonkeyPatch, failure: str
) -> None:
    gone = make_ticket("gone")
    for obj in (gone, make_ticket(), make_ticket("another")):
        watch(bob, obj)
    gone.delete()

    with monkeypatch.context() as patch, ExitStack() as stack:
        if failure == "database":
            stack.enter_context(connection.execute_wrapper(no_tickets))
        else:
            patch.setattr(Ticket, "from_db", fail)
        call_command("prune_subscriptions", stdout=StringIO(), stderr=StringIO())
    assert Subscription.objects.count() >= 2

    call_command("prune_subscriptions", stdout=StringIO(), stderr=StringIO())
    assert Subscription.objects.count() == 2


@pytest.mark.django_db(databases=["default", "other"])
def test_what_is_said_of_things_that_a_replica_does_not_have_yet_is_not_pruned(
    bob: Any, settings: Any
) -> None:
    watch(bob, make_ticket())
    settings.DATABASE_ROUTERS = [EmptyReplica(Ticket._meta.app_label)]
    call_command("prune_subscriptions", stdout=StringIO(), stderr=StringIO())
    assert Subscription.objects.count() == 1
