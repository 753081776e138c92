from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.core.paginator import Paginator
from django.template import RequestContext, Template, engines
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.utils import timezone, translation
from django.utils.formats import number_format

import notifications
from notifications.conf import settings as own_settings
from tests.factories import make_issue, make_notification, make_project, make_user, moment, rows
from tests.testapp.models import Quiet

pytestmark = pytest.mark.django_db

PACKAGE = Path(notifications.__file__).parent
STYLESHEET = PACKAGE / "static" / "notifications" / "notifications.css"
TEMPLATES = PACKAGE / "templates" / "notifications"

INBOX = "/inbox/notifications/"
UNREAD = f"{INBOX}unread/"
DONE = f"{INBOX}done/"
VOID = {"input", "link", "meta"}
MARKUP = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(1)> {{ 1|add:1 }} %(verb)s %s"


class Element:
    """An element of a page: its tag, its attributes, and its content."""

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag, self.attributes = tag, attributes
        self.content: list[Element | str] = []

    def __getitem__(self, name: str) -> str:
        return self.attributes[name]

    @property
    def text(self) -> str:
        """What a reader reads of it, with single blanks."""
        parts = [part if isinstance(part, str) else part.text for part in self.content]
        return " ".join("".join(parts).split())

    def all(self, tag: str, **wanted: str) -> list[Element]:
        """Return the elements inside with this tag and, where asked for, this one class or these attributes."""
        return [element for element in self.walk() if element.tag == tag and element.has(wanted)]

    def one(self, tag: str, **wanted: str) -> Element:
        """Return the only such element."""
        [element] = self.all(tag, **wanted)
        return element

    def walk(self) -> Iterator[Element]:
        """Go through the elements inside, in the order of the page."""
        for part in self.content:
            if isinstance(part, Element):
                yield part
                yield from part.walk()

    def has(self, wanted: dict[str, str]) -> bool:
        """Return whether the attributes are as wanted."""
        wanted = dict(wanted)
        name = wanted.pop("cls", None)
        classes = self.attributes.get("class", "").split()
        return (name is None or name in classes) and all(
            self.attributes.get(k) == v for k, v in wanted.items()
        )


class Page(HTMLParser):
    """Read HTML strictly: what is opened is closed, in order, and no attribute appears twice."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.root = Element("", {})
        self.open = [self.root]
        self.feed(html)
        self.close()
        assert self.open == [self.root], f"<{self.open[-1].tag}> is not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        assert len(attributes) == len(attrs), f"an attribute of <{tag}> appears twice"
        element = Element(tag, attributes)
        self.open[-1].content.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self.open[-1].content.append(data)


def read(html: str) -> Element:
    """Return the page, having made sure that a strict Content-Security-Policy lets all of it work."""
    root = Page(html).root
    for element in root.walk():
        assert element.tag not in {"style", "img"}
        assert element.tag != "script" or element.attributes.keys() == {"type", "src"}
        assert not [name for name in element.attributes if name == "style" or name.startswith("on")]
    return root


def get(client: Client, url: str = INBOX) -> Element:
    """Return the page at this url."""
    response = client.get(url)
    assert response.status_code == 200
    return read(response.content.decode())


def sentences(page: Element) -> list[str]:
    """Return what the rows of the list say."""
    return (
        [row.one("h3").text for row in page.all("ol")[0].all("li", cls="ntf-row")] if page.all("ol") else []
    )


def show(notice: Any, request: Any = None, **context: Any) -> Element:
    """Return one notification as a site includes it, without a request unless one is given."""
    html = render_to_string("notifications/notice.html", {"notice": notice, **context}, request=request)
    return read(html).one("article")


@pytest.fixture
def inbox(client: Client, justquick: Any) -> Client:
    """A browser in which justquick is logged in."""
    client.force_login(justquick)
    return client


# One notification


@pytest.mark.parametrize(
    ("objects", "sentence"),
    [
        ("", "justquick closed"),
        ("target", "justquick closed activity-stream"),
        ("action_object", "justquick closed issue 2"),
        ("action_object target", "justquick closed issue 2 on activity-stream"),
    ],
)
def test_a_notice_reads_as_the_sentence_of_the_seed(justquick: Any, objects: str, sentence: str) -> None:
    made = {"target": make_project(), "action_object": make_issue()}
    notice = make_notification(justquick, **{key: made[key] for key in objects.split()})
    assert show(notice).one("h2").text == sentence


def test_each_object_of_a_notice_links_to_its_page(justquick: Any) -> None:
    issue, project = make_issue(), make_project()
    notice = make_notification(justquick, action_object=issue, target=project)
    links = show(notice).one("h2").all("a")
    assert [(link.text, link["href"]) for link in links] == [
        ("issue 2", f"/issues/{issue.pk}/?from={notice.pk}"),
        ("activity-stream", f"/projects/{project.pk}/"),
    ]


def test_a_name_keeps_its_direction_to_itself(justquick: Any) -> None:
    notice = make_notification(justquick, target=make_project("זרם"))
    assert [name.text for name in show(notice).all("bdi")] == ["justquick", "זרם"]


def test_a_gone_object_reads_as_gone_and_has_no_link(justquick: Any) -> None:
    issue = make_issue()
    notice = make_notification(justquick, action_object=issue, target=make_project())
    issue.delete()
    sentence = show(rows().get(pk=notice.pk)).one("h2")
    assert sentence.text == "justquick closed deleted issue on activity-stream"
    assert [link.text for link in sentence.all("a")] == ["activity-stream"]
    assert sentence.one("span", cls="ntf-gone").text == "deleted issue"


def test_an_object_whose_app_is_gone_reads_as_gone(justquick: Any) -> None:
    gone = ContentType.objects.create(app_label="removed", model="thing")
    notice = make_notification(justquick, action_object_content_type=gone, action_object_object_id="7")
    assert show(notice).one("h2").text == "justquick closed deleted object"


def test_a_notice_says_that_it_is_unread_in_words(justquick: Any) -> None:
    unread, read_one = show(make_notification(justquick)), show(make_notification(justquick, unread=False))
    assert unread.one("span", cls="ntf-state").text == "Unread"
    assert unread.has({"cls": "ntf-unread"})
    assert not read_one.all("span", cls="ntf-state")
    assert not read_one.has({"cls": "ntf-unread"})


@pytest.mark.parametrize("level", ["success", "info", "warning", "error"])
def test_a_notice_says_its_level_in_words(justquick: Any, level: str) -> None:
    notice = show(make_notification(justquick, level=level))
    assert notice.one("span", cls="ntf-level").text == level.capitalize()
    assert notice.has({"cls": f"ntf-{level}"})


def test_a_notice_says_when_for_people_and_for_programs(justquick: Any) -> None:
    notice = make_notification(justquick, timestamp=moment(2012, 3, 4, 5, 6, 7))
    time = show(notice).one("time")
    assert time["datetime"] == "2012-03-04T05:06:07+0000"
    assert time["title"] == "March 4, 2012, 5:06 a.m. UTC"
    recent = make_notification(justquick, timestamp=timezone.now() - timedelta(hours=12, minutes=5))
    assert show(recent).one("time").text == "12 hours ago"


def test_a_description_keeps_its_paragraphs_and_nothing_else(justquick: Any) -> None:
    notice = make_notification(justquick, description="One <b>line</b>.\n\nAnother & more.")
    paragraphs = show(notice).one("div", cls="ntf-description").all("p")
    assert [paragraph.text for paragraph in paragraphs] == ["One <b>line</b>.", "Another & more."]
    for nothing in (None, ""):
        assert not show(make_notification(justquick, description=nothing)).all("div", cls="ntf-description")


def test_only_actions_that_lead_to_a_page_become_links(justquick: Any) -> None:
    actions = [
        {"href": "https://example.org/?a=1&b=2", "title": "Look <b>here</b>"},
        {"href": "/projects/1/", "title": "Project"},
        {"href": "javascript:alert(1)", "title": "Bad"},
        {"href": "data:text/html,bad", "title": "Bad"},
        "no action at all",
    ]
    links = (
        show(make_notification(justquick, data={"actions": actions})).one("ul", cls="ntf-actions").all("a")
    )
    assert [(link.text, link["href"]) for link in links] == [
        ("Look <b>here</b>", "https://example.org/?a=1&b=2"),
        ("Project", "/projects/1/"),
    ]
    assert not show(make_notification(justquick, data={"actions": []})).all("ul")


def test_no_string_of_a_user_becomes_markup(justquick: Any) -> None:
    notice = make_notification(
        justquick,
        actor=make_user(MARKUP),
        verb=MARKUP,
        description=MARKUP,
        action_object=make_issue(MARKUP),
        target=Quiet.objects.create(),
        data={"actions": [{"href": "/?" + MARKUP.replace(" ", ""), "title": MARKUP}]},
    )
    request = RequestFactory().get("/", {"q": MARKUP})
    shown = show(notice, request)
    assert shown.one("h2").text == f"{MARKUP} {MARKUP} {MARKUP} on <b>quiet</b>"
    assert shown.one("div", cls="ntf-description").text == MARKUP
    assert shown.one("ul").one("a").text == MARKUP
    assert shown.all("button")[0]["aria-label"] == f"Mark as read: {shown.one('h2').text}"
    assert shown.all("input", name="next")[0]["value"] == request.get_full_path()


@pytest.mark.parametrize(
    ("unread", "action"), [(True, "mark-as-read"), (False, "mark-as-unread")], ids=["unread", "read"]
)
def test_a_notice_is_changed_by_posting_a_form(justquick: Any, unread: bool, action: str) -> None:
    notice = make_notification(justquick, unread=unread)
    forms = show(notice, RequestFactory().get("/somewhere/?page=2")).all("form")
    assert [(form["method"], form["action"]) for form in forms] == [
        ("post", f"{INBOX}{action}/{notice.slug}/"),
        ("post", f"{INBOX}delete/{notice.slug}/"),
    ]
    for form in forms:
        assert len(form.one("input", name="csrfmiddlewaretoken")["value"]) == 64
        assert form.one("input", name="next")["value"] == "/somewhere/?page=2"
        button = form.one("button")
        # What is read aloud begins with what is seen, and tells one button from the next.
        assert button["aria-label"] == f"{button.text}: justquick closed"


def test_without_a_token_a_notice_links_to_the_pages_that_ask(
    justquick: Any, inbox: Client, settings: Any, recwarn: Any
) -> None:
    # Where Django would warn of a form without its token.
    settings.DEBUG = True
    for unread, question in (
        (True, "Mark this notification as read?"),
        (False, "Mark this notification as unread?"),
    ):
        shown = show(make_notification(justquick, unread=unread))
        assert not shown.all("form")
        change, delete = shown.one("div", cls="ntf-tools").all("a")
        assert get(inbox, change["href"]).one("h1").text == question
        assert get(inbox, delete["href"]).one("h1").text == "Delete this notification?"
    assert not recwarn.list


def test_a_site_may_include_a_notice_with_nothing_else_in_the_context(
    justquick: Any, django_assert_num_queries: Any
) -> None:
    notice = make_notification(justquick, action_object=make_issue(), target=make_project())
    [fetched] = rows().filter(pk=notice.pk).with_objects()
    with django_assert_num_queries(0):
        assert show(fetched).one("h2").text == "justquick closed issue 2 on activity-stream"


# The list


def test_the_inbox_is_a_page_with_one_heading_and_a_list_of_articles(inbox: Client, justquick: Any) -> None:
    for target in ("activity-stream", "pinax"):
        make_notification(justquick, target=make_project(target))
    page = get(inbox)
    assert page.one("html")["lang"] == "en"
    assert page.one("html")["dir"] == "ltr"
    assert page.one("title").text == page.one("h1").text == "Notifications"
    assert page.one("link", rel="stylesheet")["href"] == "/static/notifications/notifications.css"
    day, *entries = page.one("main").one("ol", role="list").all("li")
    assert day.one("h2").text == "Today"
    assert [entry.one("article").one("h3").text for entry in entries] == [
        "justquick closed pinax",
        "justquick closed activity-stream",
    ]


def test_the_tabs_tell_where_one_is(inbox: Client, justquick: Any) -> None:
    make_notification(justquick)
    make_notification(justquick, unread=False).mark_as_saved()
    make_notification(justquick).mark_as_done()
    make_notification(justquick).snooze(timezone.now() + timedelta(days=1))
    expected = {
        INBOX: "Inbox 2",
        UNREAD: "Unread 1",
        f"{INBOX}saved/": "Saved 1",
        f"{INBOX}snoozed/": "Snoozed 1",
        f"{INBOX}done/": "Done 1",
    }
    for url, here in expected.items():
        for query in ("", "?page=1", "?q=closed"):
            tabs = get(inbox, url + query).one("nav", cls="ntf-tabs")
            assert tabs["aria-label"] == "Filter notifications"
            assert {tab["href"]: tab.text for tab in tabs.all("a")} == expected
            assert tabs.one("a", **{"aria-current": "page"}).text == here


def test_the_unread_tab_shows_only_what_is_unread(inbox: Client, justquick: Any) -> None:
    make_notification(justquick, verb="opened", unread=False)
    make_notification(justquick, verb="closed")
    assert sentences(get(inbox, UNREAD)) == ["justquick closed"]
    assert len(sentences(get(inbox))) == 2


@pytest.mark.parametrize(
    ("url", "sentence", "step"),
    [
        (INBOX, "You're all caught up!", "Show what is done"),
        (UNREAD, "No unread notifications.", "Go to the inbox"),
        (
            f"{INBOX}saved/",
            "No saved notifications. Saved notifications are kept until you delete them.",
            "Go to the inbox",
        ),
        (
            f"{INBOX}snoozed/",
            "No snoozed notifications. They return to your inbox at the time you chose.",
            "Go to the inbox",
        ),
        (f"{INBOX}done/", "Notifications you mark as done appear here.", "Go to the inbox"),
        (f"{INBOX}?q=nothing", "No notifications match your search.", "Clear the search"),
    ],
)
def test_an_empty_inbox_says_so_and_what_to_do_next(
    inbox: Client, url: str, sentence: str, step: str
) -> None:
    page = get(inbox, url)
    assert page.one("p", cls="ntf-empty").text == f"{sentence} {step}"
    assert "hidden" in page.one("form", id="ntf-bulk").attributes
    assert "hidden" in page.one("ol").attributes


def test_a_button_marks_all_as_read_where_something_is_unread(inbox: Client, justquick: Any) -> None:
    row = make_notification(justquick)
    for url in (INBOX, UNREAD, f"{INBOX}saved/?q=nothing"):
        button = get(inbox, url).one("header").one("button")
        assert button.text == "Mark all as read"
        assert (button["form"], button["name"], button["value"]) == ("ntf-bulk", "all", "read")
    row.mark_as_read()
    # A rule of the stylesheet hides it until something is unread.
    assert "hidden" in get(inbox).one("span", **{"data-ntf-count": "unread"}).attributes


def test_the_forms_of_the_page_do_what_they_say(justquick: Any) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(justquick)
    make_notification(justquick)
    page = get(browser)
    button, form = page.one("header").one("button"), page.one("form", id="ntf-bulk")
    everything = {**fields_of(form), button["name"]: button["value"]}
    assert browser.post(form["action"], everything)["Location"] == INBOX
    assert justquick.notifications.unread().count() == 0
    words = ["Mark as unread", "Save", "Unsave", "Done", "Move to inbox", "Mark as unread", "Mark as read"]
    for word in words:
        [row] = get(browser).all("li", cls="ntf-row")[:-1] or get(browser, DONE).all("li", cls="ntf-row")[:-1]
        [button] = [button for button in row.all("button") if button["aria-label"] == word]
        form = get(browser).one("form", id=button["form"])
        response = browser.post(form["action"], {**fields_of(form), button["name"]: button["value"]})
        assert (response.status_code, response["Location"]) == (302, INBOX)
        rows_of_tab = sentences(get(browser, DONE if word == "Done" else INBOX))
        assert (word, rows_of_tab) == (word, ["justquick closed"])


def fields_of(form: Element) -> dict[str, str]:
    """Return what the browser sends of a form in which nothing is chosen."""
    return {field["name"]: field["value"] for field in form.all("input") if field["type"] == "hidden"}


def test_enter_in_a_checkbox_presses_nothing(inbox: Client, justquick: Any) -> None:
    """A browser presses the first button of the form. That was "Mark all as read"."""
    make_notification(justquick)
    found = get(inbox).walk()
    boxes = [element for element in found if element.attributes.get("type") == "checkbox"]
    forms = {box["form"] for box in boxes if "form" in box.attributes}
    assert forms == {"ntf-bulk"}
    first = get(inbox).all("button", form="ntf-bulk")[0]
    assert (first["formmethod"], "hidden" in first.attributes, first.text) == ("dialog", True, "")
    assert get(inbox).one("form", id="ntf-bulk").all("button")[0] is not first


@pytest.mark.parametrize("threads", [True, False])
def test_no_attribute_depends_on_how_numbers_are_written(
    inbox: Client, justquick: Any, settings: Any, threads: bool
) -> None:
    """A slug of "110,910" names no row, and a page of "1,200" rows has ten."""
    settings.NOTIFICATIONS = {"PAGE_SIZE": 1200, "THREADS": threads}
    for row in (make_notification(justquick, target=make_project()) for _ in range(2)):
        row.mark_as_saved()
    bell = Template("{% load notifications_tags %}{% notifications_bell rows=5 %}")
    notice = rows().first()

    def attributes() -> list[dict[str, str]]:
        request = RequestFactory().get("/")
        request.user = justquick
        shown = [
            *get(inbox).walk(),
            *get(inbox, f"{INBOX}saved/").walk(),
            *read(bell.render(RequestContext(request))).walk(),
            *show(notice).walk(),
        ]
        return [
            {name: value for name, value in element.attributes.items() if name != "data-ntf-now"}
            for element in shown
            if element.attributes.get("name") != "csrfmiddlewaretoken"
        ]

    before = attributes()
    settings.USE_THOUSAND_SEPARATOR = True
    assert attributes() == before


def test_pages_lead_to_what_is_newer_and_what_is_older(inbox: Client, justquick: Any, settings: Any) -> None:
    settings.NOTIFICATIONS = {"PAGE_SIZE": 2}
    for number in range(5):
        make_notification(justquick, verb=f"wrote {number}", timestamp=moment(2026, 1, 1, 0, number))
    page = get(inbox)
    seen = []
    while True:
        pages = page.one("nav", cls="ntf-pages")
        assert pages["aria-label"] == "Pages"
        seen.append(sentences(page))
        older = pages.all("a", rel="next")
        if not older:
            break
        assert older[0].text == "Older"
        page = get(inbox, older[0]["href"])
    assert seen == [
        ["justquick wrote 4", "justquick wrote 3"],
        ["justquick wrote 2", "justquick wrote 1"],
        ["justquick wrote 0"],
    ]
    newer = page.one("nav", cls="ntf-pages").one("a", rel="prev")
    assert newer.text == "Newer"
    page = get(inbox, newer["href"])
    assert sentences(page) == seen[1]


def test_every_link_leads_to_a_path(inbox: Client, justquick: Any, settings: Any) -> None:
    """A site may say <base href="/">, from which a link to "?q=is:unread" is one to its home page."""
    settings.NOTIFICATIONS = {"PAGE_SIZE": 1}
    for number in range(3):
        make_notification(justquick, verb=f"wrote {number}")
    inbox.post(f"{INBOX}searches/", {"do": "save", "name": "mine", "q": "wrote"})
    second = get(inbox).one("a", rel="next")["href"]
    for url in (INBOX, f"{INBOX}?q=reason:mention", second, f"{INBOX}?page=3", DONE):
        links = [link["href"] for link in get(inbox, url).all("a") if "href" in link.attributes]
        assert [href for href in links if not href.startswith("/")] == []


def test_a_numbered_page_says_its_number(inbox: Client, justquick: Any, settings: Any) -> None:
    settings.NOTIFICATIONS = {"PAGE_SIZE": 2}
    for _ in range(5):
        make_notification(justquick)
    pages = get(inbox, f"{INBOX}?page=2").one("nav", cls="ntf-pages")
    assert pages.one("span", **{"aria-current": "page"}).text == "Page 2"
    assert len(pages.all("a")) == 2


def test_the_list_works_with_the_pages_of_djangos_own_list_view(justquick: Any) -> None:
    for _ in range(3):
        make_notification(justquick)
    page_obj = Paginator(rows().with_objects(), 1).page(2)
    context = {"notifications": page_obj.object_list, "page_obj": page_obj, "is_paginated": True}
    pages = read(render_to_string("notifications/list.html", context)).one("nav", cls="ntf-pages")
    assert pages.text == "Newer Page 2 Older"
    assert [link["href"] for link in pages.all("a")] == ["?page=1", "?page=3"]


def test_a_short_inbox_has_no_pages(inbox: Client, justquick: Any) -> None:
    make_notification(justquick)
    assert "hidden" in get(inbox).one("nav", cls="ntf-pages").attributes


def test_a_list_of_any_length_and_kind_costs_the_same_queries(
    inbox: Client, justquick: Any, settings: Any, django_assert_num_queries: Any
) -> None:
    settings.NOTIFICATIONS = {"PAGE_SIZE": 100}
    ContentType.objects.get_for_models(type(justquick), type(make_issue()), type(make_project()))
    for number in range(100):
        make_notification(justquick, action_object=make_issue(f"issue {number}"), target=make_project())
        if number in (0, 99):
            cache.clear()
            # Session and user, the rows with the numbers on the tabs, and one for each type of their objects.
            with django_assert_num_queries(6):
                assert len(get(inbox).all("article")) == number + 1 + 1


# The page that asks


@pytest.mark.parametrize(
    ("path", "question", "button"),
    [
        ("mark-as-read/{slug}/", "Mark this notification as read?", "Mark as read"),
        ("mark-as-unread/{slug}/", "Mark this notification as unread?", "Mark as unread"),
        ("delete/{slug}/", "Delete this notification?", "Delete"),
        ("mark-all-as-read/", "Mark all your notifications as read?", "Mark all as read"),
    ],
)
def test_a_link_asks_before_it_changes_anything(
    inbox: Client, justquick: Any, path: str, question: str, button: str
) -> None:
    notice = make_notification(justquick, target=make_project())
    page = get(inbox, f"{INBOX}{path.format(slug=notice.slug)}?next=/home/")
    assert page.one("title").text == page.one("h1").text == question
    about = ["justquick closed activity-stream"] if "{slug}" in path else []
    final = ["This cannot be undone."] if button == "Delete" and not own_settings.SOFT_DELETE else []
    assert [p.text for p in page.all("p")] == about + final
    form = page.one("form", method="post")
    assert "action" not in form.attributes
    assert form.one("button").text == button
    assert form.one("input", name="next")["value"] == "/home/"
    assert form.one("input", name="csrfmiddlewaretoken")["value"]
    assert form.one("a")["href"] == "/home/"
    assert form.one("a").text == "Cancel"


# The frame


def test_a_site_puts_its_own_base_around_the_inbox(inbox: Client, settings: Any) -> None:
    [engine] = settings.TEMPLATES
    base = "<header>The site</header>{% block title %}{% endblock %}<main>{% block content %}{% endblock %}</main>"
    loaders = [
        ("django.template.loaders.locmem.Loader", {"notifications/base.html": base}),
        "django.template.loaders.app_directories.Loader",
    ]
    settings.TEMPLATES = [{**engine, "APP_DIRS": False, "OPTIONS": {**engine["OPTIONS"], "loaders": loaders}}]
    page = get(inbox)
    assert page.all("header")[0].text == "The site"
    assert page.one("main").one("h1").text == "Notifications"
    assert not page.all("link")


def test_a_verb_may_have_a_template_of_its_own_with_links(
    inbox: Client, justquick: Any, settings: Any
) -> None:
    [engine] = settings.TEMPLATES
    source = "{{ target }} is loved by {{ actor }}, says {{ notice.description }}."
    loaders = [
        ("django.template.loaders.locmem.Loader", {"notifications/verbs/fell-in-love-with.html": source}),
        "django.template.loaders.app_directories.Loader",
    ]
    settings.TEMPLATES = [{**engine, "APP_DIRS": False, "OPTIONS": {**engine["OPTIONS"], "loaders": loaders}}]
    project = make_project("<b>pinax</b>")
    make_notification(justquick, verb="fell in love with", target=project, description="<i>he</i>")
    sentence = get(inbox).one("ol").one("h3")
    assert sentence.text == "<b>pinax</b> is loved by justquick, says <i>he</i>."
    assert sentence.one("a")["href"] == f"/projects/{project.pk}/"


def test_a_page_in_arabic_runs_from_right_to_left(inbox: Client) -> None:
    # The middleware leaves the language of the last request behind.
    with translation.override("en"):
        response = inbox.get(INBOX, headers={"accept-language": "ar"})
    html = read(response.content.decode()).one("html")
    assert (html["lang"], html["dir"]) == ("ar", "rtl")


def test_the_dates_speak_the_language_of_the_reader(justquick: Any) -> None:
    notice = make_notification(justquick, timestamp=moment(2012, 3, 4, 5, 6, 7))
    with translation.override("de"):
        time = show(notice).one("time")
    assert time["title"] == "4. März 2012 05:06 UTC"
    assert time["datetime"] == "2012-03-04T05:06:07+0000"


# The stylesheet


def css() -> str:
    """Return the rules without the comments."""
    return re.sub(r"/\*.*?\*/", "", STYLESHEET.read_text(), flags=re.DOTALL).strip()


def test_the_stylesheet_takes_back_what_a_site_says_of_elements_before_it_says_its_own() -> None:
    """In a layer, its place among the layers of the site was left to chance (M15), as were the colours (M17)."""
    assert "@layer" not in css()
    first, *_ = re.findall(r"([^{}]+)\{", css())
    assert first.startswith(":is(.ntf, ")
    assert re.search(r":where\(:not\(svg, svg \*, img, \[hidden\], dialog, \[contenteditable\]\)\) $", first)
    # Every rule of ours has a class, except for the colours, which any rule of a site may set.
    selectors = [found.strip() for found in re.findall(r"(?:^|[{}])([^{}@]+)\{", css())]
    for selector in selectors:
        assert "." in selector or selector.startswith(":where(") or ":is(" in selector, selector
    # Where light-dark() is not known, a colour that has it would be transparent.
    outside, inside = css().split("@supports (color: light-dark(red, red)) {")
    assert re.findall(r"--ntf-[a-z-]+:[^;]*light-dark", outside) == []
    assert len(re.findall(r"--ntf-[a-z-]+:[^;]*light-dark", inside)) == 13


def test_the_stylesheet_knows_no_left_and_no_right() -> None:
    assert not re.findall(r"\b(?:left|right)\b", css())


def test_every_class_of_the_templates_has_a_rule() -> None:
    html = "".join(path.read_text() for path in TEMPLATES.glob("*.html"))
    used = set(re.findall(r"\bntf-[a-z]+(?![-\w{])", " ".join(re.findall(r'class="([^"]*)"', html))))
    assert used - set(re.findall(r"\.(ntf-[a-z]+)", css())) == set()


def test_an_empty_inbox_leads_to_what_is_snoozed(inbox: Client, justquick: Any) -> None:
    make_notification(justquick)
    justquick.notifications.all().snooze_all(moment(2999, 1, 1))
    assert "Show snoozed notifications" in get(inbox).one("p", cls="ntf-empty").text


def test_the_inbox_offers_searches_and_marks_the_one_that_is_shown(inbox: Client, justquick: Any) -> None:
    make_notification(justquick, verb="asked", reason="mention")
    make_notification(justquick, verb="closed")
    assert 'href="/inbox/notifications/?q=reason%3Amention"' in inbox.get(INBOX).content.decode()
    page = inbox.get(INBOX, {"q": "reason:mention"})
    assert [row.verb for row in page.context["notifications"]] == ["asked"]
    assert f'<a href="{INBOX}" aria-current="true">Mentions <span class="ntf-count"' in page.content.decode()


# A site that shows which variables do not exist


def test_no_template_uses_a_variable_that_does_not_exist(
    client: Client, justquick: Any, settings: Any
) -> None:
    [engine] = settings.TEMPLATES
    settings.TEMPLATES = [{**engine, "OPTIONS": {**engine["OPTIONS"], "string_if_invalid": "no variable %s"}}]
    gone = make_project("gone")
    row = make_notification(justquick, target=make_project(), action_object=make_issue(), description="Why")
    make_notification(justquick, target=gone, data={"actions": [{"href": "/a/", "title": "Open"}]})
    make_notification(justquick)
    gone.delete()
    client.force_login(justquick)
    confirm = [f"delete/{row.slug}/", f"mark-as-read/{row.slug}/", "mark-all-as-read/"]
    for path in (
        "",
        "?threads=1",
        "?q=closed",
        "?q=nothing",
        "unread/",
        "saved/",
        "snoozed/",
        "done/",
        *confirm,
    ):
        response = client.get(f"{INBOX}{path}")
        assert response.status_code == 200
        assert "no variable" not in response.content.decode()
    request = RequestFactory().get("/")
    request.user = justquick
    for tag in ("notifications_bell", "notifications_bell rows=5", "notifications_list", "live_notify_badge"):
        template = engines["django"].from_string(f"{{% load notifications_tags %}}{{% {tag} %}}")
        assert "no variable" not in template.render({}, request)


# A site that writes numbers with a thousand separator

#: A number with a separator in an attribute, which no form and no script reads.
SEPARATED = re.compile(r'="(?:[^"]*[^\d"])?\d{1,3},\d{3}(?!\d)[^"]*"')


@pytest.mark.parametrize("threads", [False, True])
def test_no_attribute_has_a_number_with_a_separator(
    client: Client, justquick: Any, settings: Any, threads: bool
) -> None:
    settings.USE_THOUSAND_SEPARATOR = True
    settings.NOTIFICATIONS = {"THREADS": threads, "PAGE_SIZE": 1000}
    project = make_project()
    row, _, _ = (
        make_notification(justquick, target=project, verb=verb) for verb in ("opened", "closed", "won")
    )
    client.force_login(justquick)
    request = RequestFactory().get("/")
    request.user = justquick
    tags = ["{% notifications_bell rows=5 %}", "{% notifications_list %}"]
    tags.append(
        '{% for notice in user.notifications.all %}{% include "notifications/notice.html" %}{% endfor %}'
    )
    tags.append(tags[-1].replace("%}{% endfor", "with in_row=1 %}{% endfor"))
    pages = [
        *(client.get(f"{INBOX}{path}").content.decode() for path in ("", "unread/", f"delete/{row.slug}/")),
        *(
            engines["django"]
            .from_string("{% load notifications_tags %}" + tag)
            .render({"user": justquick}, request)
            for tag in tags
        ),
    ]
    for page in pages:
        assert SEPARATED.findall(page) == []
    assert SEPARATED.search(f'value="mute:{number_format(row.slug)}"') or not isinstance(row.slug, int)


def test_the_numbers_of_pages_have_no_separator(settings: Any) -> None:
    settings.USE_THOUSAND_SEPARATOR = True
    page_obj = Paginator(range(5000), 1).page(1234)
    context = {"notifications": [], "page_obj": page_obj, "is_paginated": True}
    pages = read(render_to_string("notifications/list.html", context)).one("nav", cls="ntf-pages")
    assert [link["href"] for link in pages.all("a")] == ["?page=1233", "?page=1235"]
