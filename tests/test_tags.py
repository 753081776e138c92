from __future__ import annotations

import inspect
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.template import Context, Engine, RequestContext, Template
from django.test import RequestFactory

from notifications.storage import counts
from notifications.templatetags import notifications_tags
from notifications.templatetags.notifications_tags import (
    get_cached_notification_unread_count,
    unread_count_cache_key,
    user_context,
)
from tests.factories import make_notification, make_project, make_user
from tests.testapp.models import Project, Quiet

pytestmark = pytest.mark.django_db

INBOX = "/inbox/notifications/"
HOSTILE = "\"'><script>alert(1)</script>&amp;{{ user }}</script>"

COUNTS = {
    "notifications_unread": "{% notifications_unread %}",
    "as variable": "{% notifications_unread as unread_count %}{{ unread_count }}",
    "live_notify_badge": "{% live_notify_badge %}",
}


def make_reader(name: str, unread: int) -> Any:
    """Return a user with so many unread notifications, and one that is read."""
    user = make_user(name)
    make_notification(user, unread=False)
    for _ in range(unread):
        make_notification(user)
    return user


def make_request(user: Any = None) -> Any:
    """Return a request; one that passed no authentication middleware where no user is given."""
    request = RequestFactory().get("/")
    if user is not None:
        request.user = user
    return request


def render(source: str, request: Any = None, **context: Any) -> str:
    """Return what a template makes of the tags, in a context that knows the request only if there is one."""
    template = Template("{% load notifications_tags %}" + source)
    return template.render(RequestContext(request, context) if request else Context(context))


class Elements(HTMLParser):
    """What a browser would find in a piece of HTML: the tags with their attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def configuration(html: str) -> dict[str, Any]:
    """Return what notify.js reads, having made sure that there is nothing else."""
    elements = Elements(html)
    [(tag, attributes)] = elements.found
    assert (tag, attributes["type"], attributes["id"]) == ("script", "application/json", "notify-config")
    assert "<" not in elements.text
    values: dict[str, Any] = json.loads(elements.text)
    return values


# notifications_unread


def test_notifications_unread_is_the_number_of_unread_notifications() -> None:
    request = make_request(make_reader("justquick", unread=2))
    assert render("{% notifications_unread %}", request) == "2"
    assert render("{% notifications_unread as n %}{% if n %}{{ n }} unread{% endif %}", request) == "2 unread"


def test_notifications_unread_is_zero_where_everything_is_read() -> None:
    assert render("{% notifications_unread %}", make_request(make_reader("justquick", unread=0))) == "0"


@pytest.mark.parametrize("source", COUNTS.values(), ids=COUNTS)
def test_an_anonymous_user_gets_an_empty_text(source: str) -> None:
    assert render(source, make_request(AnonymousUser())) == ""
    assert render(source, user=AnonymousUser()) == ""


@pytest.mark.parametrize("source", COUNTS.values(), ids=COUNTS)
@pytest.mark.parametrize(
    "context",
    [{}, {"user": None}, {"user": "justquick"}, {"request": None}, {"request": "a request for comments"}],
    ids=str,
)
def test_a_context_without_request_or_user_is_no_error(source: str, context: dict[str, Any]) -> None:
    assert render(source, **context) == ""


@pytest.mark.parametrize("source", COUNTS.values(), ids=COUNTS)
def test_a_request_without_user_is_no_error(source: str) -> None:
    assert render(source, make_request()) == ""


@pytest.mark.parametrize("source", COUNTS.values(), ids=COUNTS)
def test_without_a_request_the_user_of_the_context_counts(source: str) -> None:
    assert "2" in render(source, user=make_reader("justquick", unread=2))


def test_the_user_of_the_request_counts_whatever_a_page_calls_user() -> None:
    shown_on_the_page = make_reader("brosner", unread=20)
    reader = make_reader("justquick", unread=2)
    assert render("{% notifications_unread %}", make_request(reader), user=shown_on_the_page) == "2"
    assert render("{% notifications_unread %}", request=make_request(reader), user=shown_on_the_page) == "2"
    assert render("{% notifications_unread %}", make_request(AnonymousUser()), user=shown_on_the_page) == ""


def test_the_request_is_found_without_its_context_processor() -> None:
    engine = Engine(libraries={"notifications_tags": "notifications.templatetags.notifications_tags"})
    template = engine.from_string("{% load notifications_tags %}{% notifications_unread %}")
    context = RequestContext(make_request(make_reader("justquick", unread=2)))
    assert template.render(context) == "2"
    assert "request" not in context


# Committed, here and below, because what may be rolled back is never cached.
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("source", COUNTS.values(), ids=COUNTS)
def test_nobody_is_shown_the_number_of_another_user(source: str) -> None:
    many, none = make_reader("brosner", unread=20), make_reader("justquick", unread=0)
    assert "20" in render(source, make_request(many))
    shown = render(source, make_request(none))
    assert "0" in shown
    assert "20" not in shown


@pytest.mark.django_db(transaction=True)
def test_a_page_that_counts_three_times_costs_one_query(django_assert_num_queries: Any) -> None:
    request = make_request(make_reader("justquick", unread=2))
    with django_assert_num_queries(1):
        assert render("".join(COUNTS.values()), request) == "22<span class='live_notify_badge'>2</span>"
    with django_assert_num_queries(0):
        assert render("{% notifications_unread %}", request) == "2"


def test_without_a_cache_each_count_costs_one_query(django_assert_num_queries: Any, settings: Any) -> None:
    settings.NOTIFICATIONS = {"CACHE_TIMEOUT": 0}
    request = make_request(make_reader("justquick", unread=2))
    with django_assert_num_queries(3):
        render("".join(COUNTS.values()), request)


def test_an_anonymous_page_costs_no_query(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        render("".join(COUNTS.values()), make_request(AnonymousUser()))


@pytest.mark.django_db(transaction=True)
def test_a_change_is_seen_at_once() -> None:
    user = make_reader("justquick", unread=2)
    request = make_request(user)
    assert render("{% notifications_unread %}", request) == "2"
    make_notification(user)
    assert render("{% notifications_unread %}", request) == "3"
    user.notifications.mark_all_as_read()
    assert render("{% notifications_unread %}", request) == "0"


# What other code imports from the module


def test_the_functions_that_other_code_imports() -> None:
    user = make_reader("justquick", unread=2)
    assert get_cached_notification_unread_count(user) == 2
    assert user_context({"request": make_request(user)}) == user
    assert user_context({"user": user}) == user
    assert user_context({"user": AnonymousUser()}) is None
    assert user_context({}) is None


# has_notification


def test_has_notification_tells_whether_something_is_unread(django_assert_num_queries: Any) -> None:
    source = "{{ user|has_notification }}"
    some, none = make_reader("brosner", unread=3), make_reader("justquick", unread=0)
    with django_assert_num_queries(1):
        assert render(source, user=some) == "True"
    with django_assert_num_queries(1):
        assert render(source, user=none) == "False"


@pytest.mark.parametrize(
    "user", [AnonymousUser(), None, "", "justquick"], ids=["anonymous", "None", "empty", "name"]
)
def test_has_notification_is_false_for_nobody(user: Any) -> None:
    assert render("{{ user|has_notification }}", user=user) == "False"
    assert render("{{ missing|has_notification }}") == "False"


# live_notify_badge and live_notify_list


def test_the_badge_is_a_span_with_the_number() -> None:
    request = make_request(make_reader("justquick", unread=2))
    assert render("{% live_notify_badge %}", request) == "<span class='live_notify_badge'>2</span>"
    assert render("{% live_notify_badge 'pill' %}", request) == "<span class='pill'>2</span>"
    assert render("{% live_notify_badge badge_class='pill' %}", request) == "<span class='pill'>2</span>"


def test_a_number_beyond_the_cap_is_shown_as_more_than_the_cap(settings: Any) -> None:
    settings.NOTIFICATIONS = {"BADGE_CAP": 2}
    request = make_request(make_reader("justquick", unread=3))
    assert render("{% live_notify_badge %}", request) == "<span class='live_notify_badge'>2+</span>"
    assert render("{% notifications_unread %}", request) == "2+"
    assert configuration(render("{% register_notify_callbacks %}"))["badgeCap"] == 2
    settings.NOTIFICATIONS = {"BADGE_CAP": None}
    assert render("{% live_notify_badge %}", request) == "<span class='live_notify_badge'>3</span>"
    assert configuration(render("{% register_notify_callbacks %}"))["badgeCap"] is None


def test_the_list_is_empty_until_notify_js_fills_it() -> None:
    assert render("{% live_notify_list %}") == "<ul class='live_notify_list'></ul>"
    assert render("{% live_notify_list 'menu' %}") == "<ul class='menu'></ul>"
    assert render("{% live_notify_list list_class='menu' %}") == "<ul class='menu'></ul>"


@pytest.mark.parametrize("tag", ["live_notify_badge", "live_notify_list"])
def test_a_hostile_class_name_stays_a_class_name(tag: str) -> None:
    html = render(f"{{% {tag} name %}}", make_request(make_reader("justquick", unread=2)), name=HOSTILE)
    [(_, attributes)] = Elements(html).found
    assert attributes == {"class": HOSTILE}


# register_notify_callbacks


def test_the_configuration_of_a_site_that_wants_nothing_special() -> None:
    assert configuration(render("{% register_notify_callbacks %}")) == {
        "badgeClass": "live_notify_badge",
        "menuClass": "live_notify_list",
        "badgeCap": 99,
        "apiUrl": "/inbox/notifications/api/unread_list/",
        "fetchCount": 5,
        "unreadUrl": "/inbox/notifications/unread/",
        "markAllUnreadUrl": "/inbox/notifications/mark-all-as-read/",
        "refreshPeriod": 15000,
        "markAsRead": False,
        "connectionLost": "Connection lost!",
        "callbacks": [],
    }


BY_POSITION = "'b' 'm' 30 'one,ns.two' 'count' 7 'abc' True"
BY_NAME = (
    "badge_class='b' menu_class='m' refresh_period=30 callbacks='one,ns.two' api_name='count' fetch=7 "
    "nonce='abc' mark_as_read=True"
)


@pytest.mark.parametrize("arguments", [BY_POSITION, BY_NAME], ids=["by position", "by name"])
def test_every_argument_arrives(arguments: str) -> None:
    html = render(f"{{% register_notify_callbacks {arguments} %}}")
    assert configuration(html) == {
        "badgeClass": "b",
        "menuClass": "m",
        "badgeCap": 99,
        "apiUrl": "/inbox/notifications/api/unread_count/",
        "fetchCount": 7,
        "unreadUrl": "/inbox/notifications/unread/",
        "markAllUnreadUrl": "/inbox/notifications/mark-all-as-read/",
        "refreshPeriod": 30000,
        "markAsRead": True,
        "connectionLost": "Connection lost!",
        "csrfToken": "",
        "callbacks": ["one", "ns.two"],
    }
    assert Elements(html).found[0][1]["nonce"] == "abc"


def test_another_api_is_an_empty_text() -> None:
    assert render("{% register_notify_callbacks api_name='inbox' %}") == ""


def test_callbacks_are_names_without_the_blanks_and_the_commas() -> None:
    html = render("{% register_notify_callbacks callbacks=' one, ns.two ,,' %}")
    assert configuration(html)["callbacks"] == ["one", "ns.two"]


def test_there_is_no_nonce_unless_one_is_given() -> None:
    for arguments in ("", "nonce=None", "nonce=''", "nonce=missing"):
        html = render(f"{{% register_notify_callbacks {arguments} %}}")
        assert "nonce" not in Elements(html).found[0][1]


def test_a_refresh_period_is_never_shorter_than_a_second() -> None:
    for seconds in (0, -5):
        html = render(f"{{% register_notify_callbacks refresh_period={seconds} %}}")
        assert configuration(html)["refreshPeriod"] == 1000


def test_numbers_may_be_text() -> None:
    values = configuration(render("{% register_notify_callbacks refresh_period='30' fetch='7' %}"))
    assert (values["refreshPeriod"], values["fetchCount"]) == (30000, 7)


@pytest.mark.parametrize(
    ("value", "marks"),
    [("True", True), ("'true'", True), ("1", True), ("False", False), ("'false'", False), ("None", False)],
)
def test_mark_as_read_may_be_text(value: str, marks: bool) -> None:
    html = render(f"{{% register_notify_callbacks mark_as_read={value} %}}")
    assert configuration(html)["markAsRead"] is marks


def test_the_page_carries_a_csrf_token_only_where_notify_js_will_post() -> None:
    request = make_request(AnonymousUser())
    assert "csrfToken" not in configuration(render("{% register_notify_callbacks %}", request))
    assert "CSRF_COOKIE" not in request.META
    values = configuration(render("{% register_notify_callbacks mark_as_read=True %}", request))
    assert len(values["csrfToken"]) == 64
    assert "CSRF_COOKIE" in request.META


@pytest.mark.parametrize("argument", ["badge_class", "menu_class", "nonce"])
def test_a_hostile_argument_stays_data(argument: str) -> None:
    html = render(f"{{% register_notify_callbacks {argument}=value %}}", value=HOSTILE)
    values = configuration(html)
    arrived = {
        "badge_class": values["badgeClass"],
        "menu_class": values["menuClass"],
        "nonce": Elements(html).found[0][1].get("nonce"),
    }
    assert arrived[argument] == HOSTILE


@pytest.mark.parametrize("name", ["function (data) {}", "a;b()", "a..b", "</script>", "'a'"])
def test_a_callback_is_the_name_of_a_function(name: str) -> None:
    with pytest.raises(ValueError, match="callbacks must be names of JavaScript functions, got"):
        render("{% register_notify_callbacks callbacks=value %}", value=name)
    html = render("{% register_notify_callbacks callbacks=' $a.b_1 , show,' %}")
    assert configuration(html)["callbacks"] == ["$a.b_1", "show"]


@pytest.mark.django_db(transaction=True)
def test_the_key_of_the_cached_count_can_be_had_as_in_the_community_package(settings: Any) -> None:
    settings.NOTIFICATIONS = {"CACHE_TIMEOUT": 60}
    user = make_reader("justquick", unread=2)
    assert render("{% notifications_unread %}", make_request(user)) == "2"
    assert cache.get(unread_count_cache_key(user)) is not None
    user.notifications.mark_all_as_read()
    assert cache.get(unread_count_cache_key(user)) is None


# notifications_bell and notifications_list


def test_the_bell_is_a_link_to_the_inbox_with_the_number_of_what_is_unseen() -> None:
    user = make_reader("justquick", unread=2)
    counts.mark_seen(user)
    make_notification(user)
    bell = Elements(render("{% notifications_bell %}", make_request(user)))
    [link] = [attributes for tag, attributes in bell.found if attributes.get("class") == "ntf-bell"]
    assert link["href"] == INBOX
    assert bell.text.split()[:2] == ["Notifications", "1"]
    [panel] = [attributes for _, attributes in bell.found if attributes.get("class") == "ntf-panel"]
    assert "hidden" in panel
    (tag, data), *_ = bell.found
    assert (tag, data["data-ntf-api"], data["data-ntf-seen"]) == (
        "notifications-bell", f"{INBOX}api/inbox/", f"{INBOX}seen/"
    )  # fmt: skip
    assert (data["data-ntf-user"], data["data-ntf-cap"]) == (str(user.pk), "99")


def test_a_bell_hides_its_number_where_nothing_is_unseen_and_stops_at_the_cap(settings: Any) -> None:
    settings.NOTIFICATIONS = {"CACHE_TIMEOUT": 0, "BADGE_CAP": 2}
    user = make_reader("justquick", unread=0)
    number = re.compile(r'data-ntf-count="unseen"( hidden)?>([^<]*)<')
    for unseen, cap, shown in [(0, 2, (" hidden", "0")), (3, 2, ("", "2+")), (0, None, ("", "3"))]:
        settings.NOTIFICATIONS = {"CACHE_TIMEOUT": 0, "BADGE_CAP": cap}
        for _ in range(unseen):
            make_notification(user)
        assert number.findall(render("{% notifications_bell %}", make_request(user))) == [shown]


def test_a_bell_costs_a_query_and_one_more_for_each_kind_of_object_if_it_brings_rows(
    django_assert_num_queries: Any,
) -> None:
    user = make_user()
    ContentType.objects.get_for_models(type(user), Project)
    for number in range(3):
        make_notification(user, verb=f"wrote {number}", target=make_project())
    request = make_request(user)
    with django_assert_num_queries(1):
        assert "wrote" not in render("{% notifications_bell %}", request)
    with django_assert_num_queries(4):
        html = render("{% notifications_bell rows=2 %}", request)
    assert re.findall(r"wrote \d", html) == ["wrote 2", "wrote 1"]


def test_a_list_shows_the_newest_of_a_tab_each_as_a_link_where_it_leads_somewhere() -> None:
    user, project = make_user(), make_project()
    make_notification(user, verb="kept", target=project).mark_as_saved()
    make_notification(user, verb="read", unread=False, target=Quiet.objects.create())
    make_notification(user, verb="wrote", target=project)
    request = make_request(user)
    html = render("{% notifications_list rows=2 %}", request)
    assert re.findall(r"<span>(justquick[^<]*)</span>", html) == [
        "justquick wrote activity-stream", "justquick read &lt;b&gt;quiet&lt;/b&gt;"
    ]  # fmt: skip
    links = [attributes["href"] for tag, attributes in Elements(html).found if tag == "a"]
    assert links == [f"/projects/{project.pk}/", INBOX]
    assert [attributes.get("class") for tag, attributes in Elements(html).found if tag == "li"] == [
        "ntf-line ntf-info ntf-new", "ntf-line ntf-info"
    ]  # fmt: skip
    assert "kept" in render("{% notifications_list tab='saved' %}", request)
    assert "wrote" not in render("{% notifications_list tab='saved' %}", request)


def test_an_empty_list_says_so_and_an_empty_panel_waits_for_its_rows() -> None:
    request = make_request(make_user())
    sentence = '<p class="ntf-empty">You have no notifications.</p>'
    assert sentence in render("{% notifications_list %}", request)
    assert sentence not in render("{% notifications_bell %}", request)
    saved = render("{% notifications_list tab='saved' %}", request)
    assert "No saved notifications." in saved
    assert sentence not in saved


#: The tags that take a number, each with its name.
NUMBERS = {
    "notifications_bell rows=": "rows",
    "notifications_list rows=": "rows",
    "register_notify_callbacks fetch=": "fetch",
    "register_notify_callbacks refresh_period=": "refresh_period",
}


@pytest.mark.parametrize("tag", NUMBERS)
def test_the_number_of_a_tag_may_be_text_or_a_variable_that_is_not_there(tag: str) -> None:
    user = make_user("reader")
    for number in range(7):
        make_notification(user, verb=f"wrote {number}")
    request = make_request(user)

    def shown(value: str) -> int:
        return render(f"{{% {tag}{value} %}}", request).count("wrote")

    assert shown("'3'") == shown("3")
    default = render(f"{{% {tag.partition(' ')[0]} %}}", request).count("wrote")
    assert shown("nowhere") == shown("None") == default


@pytest.mark.parametrize("tag", NUMBERS)
def test_what_is_no_number_is_an_error_that_names_the_argument(tag: str) -> None:
    with pytest.raises(ValueError, match=f"{NUMBERS[tag]} must be a whole number, got 'many'"):
        render(f"{{% {tag}'many' %}}", make_request(make_user("reader")))


#: What takes a notification, or several, and what it says of none.
OF_NOTICES = {
    **dict.fromkeys(("{{ x|notice_text }}", "{{ x|notice_reason }}", "{{ x|notice_value }}"), ""),
    **dict.fromkeys(
        ("{% notice_main_url x %}", "{% notice_main_url notice=x %}", "{% inbox_values x %}"), ""
    ),
    "{{ x|notice_actions }}": "[]",
    "{% notice_parts x as parts %}{{ parts }}": "{}",
    "{% notice_sentence x parts %}": "",
    "{% notice_thread x %}": "None",
    "{% notices_by_day x as days %}{{ days }}": "[]",
    "{% inbox_rows x as days %}{{ days }}": "[]",
}


@pytest.mark.parametrize("source", OF_NOTICES)
def test_nothing_is_shown_of_a_notification_that_is_not_there(source: str, settings: Any) -> None:
    # As {{ user.notifications.first|notice_text }} for somebody who has none.
    assert render(source) == render(source, x=None) == OF_NOTICES[source]
    assert render(source, x="INVALID") == OF_NOTICES[source]


def test_a_notification_that_is_not_there_has_no_actions() -> None:
    assert render("{% row_actions nowhere as found %}{{ found }}") == "[]"


def test_every_tag_and_filter_of_a_notification_is_tried_without_one() -> None:
    takers = {
        name
        for name in (*notifications_tags.register.tags, *notifications_tags.register.filters)
        if {"notice", "notices"} & inspect.signature(getattr(notifications_tags, name)).parameters.keys()
    }
    assert {name for name in takers if name not in " ".join(OF_NOTICES)} == set()


def test_a_tab_that_there_is_not_is_an_error_that_names_those_that_are() -> None:
    with pytest.raises(ValueError, match=r"tab must be one of inbox, unread, .* got 'nope'"):
        render("{% notifications_list tab='nope' %}", make_request(make_user("reader")))
    assert "ntf-few" in render("{% notifications_list tab=nowhere %}", make_request(make_user("another")))


def test_no_callbacks_are_none() -> None:
    assert configuration(render("{% register_notify_callbacks callbacks=None %}"))["callbacks"] == []


@pytest.mark.parametrize("tag", ["notifications_bell rows=5", "notifications_list"])
def test_nobody_sees_a_bell_or_a_list(tag: str, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert render(f"{{% {tag} %}}", make_request(AnonymousUser())).strip() == ""
        assert render(f"{{% {tag} %}}").strip() == ""


def test_the_actions_of_a_row_are_those_of_its_state(justquick: Any) -> None:
    row = make_notification(justquick, unread=False)
    shown = Template(
        "{% load notifications_tags %}{% row_actions row as actions %}"
        "{% for action in actions %}{{ action.name }} {% endfor %}"
    ).render(Context({"row": row}))

    assert shown.split() == ["done", "save", "snooze", "unread"]
