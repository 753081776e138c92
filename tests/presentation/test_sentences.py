"""A notification as people read it: the sentence, the links, the actions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.template import Context, engines
from django.test import RequestFactory
from django.urls import reverse, reverse_lazy
from django.utils import translation

from notifications.objects import links
from notifications.objects.links import action_links
from notifications.presentation import sentences, verb_templates
from notifications.presentation.icons import icons
from notifications.presentation.serialize import entry
from tests.factories import make_issue, make_notification, make_project, make_user, rows
from tests.testapp.models import Project, Quiet

pytestmark = pytest.mark.django_db


# The sentence


def test_the_sentence_has_the_four_shapes_of_the_seed(justquick: Any) -> None:
    issue, project = make_issue("issue 2"), make_project("activity-stream")
    shapes: list[dict[str, Any]] = [
        {"action_object": issue, "target": project},
        {"target": project},
        {"action_object": issue},
        {},
    ]
    assert [sentences.text(make_notification(justquick, **shape)) for shape in shapes] == [
        "justquick closed issue 2 on activity-stream",
        "justquick closed activity-stream",
        "justquick closed issue 2",
        "justquick closed",
    ]


def test_the_sentence_says_what_is_gone(justquick: Any) -> None:
    issue, project = make_issue(), make_project()
    row = make_notification(justquick, action_object=issue, target=project)
    issue.delete()
    rows().update(target_content_type=None)
    fresh = rows().get(pk=row.pk)
    assert sentences.text(fresh) == "justquick closed deleted issue on deleted object"


def test_the_sentence_is_text_and_leaves_escaping_to_the_template(justquick: Any) -> None:
    sentence = sentences.text(
        make_notification(justquick, verb="<i>closed</i>", target=Quiet.objects.create())
    )
    assert sentence == "justquick <i>closed</i> <b>quiet</b>"
    assert not hasattr(sentence, "__html__")


def test_a_percent_sign_in_a_name_stays_one(justquick: Any) -> None:
    row = make_notification(justquick, verb="100%", target=make_project("%(actor)s %s %"))
    assert sentences.text(row) == "justquick 100% %(actor)s %s %"


# A template of a site's own for a verb


def sites_templates(settings: Any, templates: dict[str, str]) -> None:
    """Let the site have these templates, before those of its apps."""
    [engine] = settings.TEMPLATES
    loaders = [
        ("django.template.loaders.locmem.Loader", templates),
        "django.template.loaders.app_directories.Loader",
    ]
    settings.TEMPLATES = [{**engine, "APP_DIRS": False, "OPTIONS": {**engine["OPTIONS"], "loaders": loaders}}]


def test_a_verb_may_have_a_sentence_of_its_own_in_one_line_of_text(justquick: Any, settings: Any) -> None:
    sentence = "{{ actor }}\n  likes {{ target }} ({{ notice.level }})\n"
    sites_templates(settings, {"notifications/verbs/fell-in-love-with.txt": sentence})
    project = make_project("<b>pinax</b>")
    row = make_notification(justquick, verb="fell in love with", target=project)
    assert sentences.text(row) == "justquick likes <b>pinax</b> (info)"
    assert sentences.text(make_notification(justquick, target=project)) == "justquick closed <b>pinax</b>"
    project.delete()
    assert sentences.text(rows().get(pk=row.pk)) == "justquick likes deleted project (info)"


@pytest.mark.parametrize("verb", ["", "/", "../../etc/passwd", "漢字", "a" * 255, "<b>"])
def test_a_verb_of_any_kind_is_looked_for_among_the_templates_of_verbs_only(
    justquick: Any, settings: Any, verb: str
) -> None:
    sites_templates(settings, {"etc/passwd.txt": "secret", "notifications/secret.txt": "secret"})
    assert sentences.text(make_notification(justquick, verb=verb)) == f"justquick {verb}"


def test_it_is_remembered_whether_a_verb_has_a_template_but_while_one_develops(settings: Any) -> None:
    templates: dict[str, str] = {}
    sites_templates(settings, templates)
    assert verb_templates.verb_template("closed", "txt") is None
    templates["notifications/verbs/closed.txt"] = "New"
    assert verb_templates.verb_template("closed", "txt") is None
    settings.DEBUG = True
    assert verb_templates.verb_template("closed", "txt").render() == "New"


def test_no_more_is_remembered_than_a_thousand_verbs(settings: Any) -> None:
    sites_templates(settings, {})
    for number in range(verb_templates.MAX_REMEMBERED_TEMPLATES + 1):
        assert verb_templates.verb_template(f"verb {number}", "txt") is None
    [found] = [
        names
        for names in verb_templates._found.values()
        if ("", "notifications/verbs/verb-1000.txt") in names
    ]
    assert len(found) == 1


def test_each_tenant_has_templates_of_its_own(settings: Any, schema: Any) -> None:
    names = ("notifications/verbs/closed.txt", "notifications/icons/testapp/issue.html")
    templates: dict[str, str] = dict.fromkeys(names, "First")
    sites_templates(settings, templates)
    context = Context()

    def shown() -> tuple[str, Any]:
        return verb_templates.verb_template("closed", "txt").render(), icons(context)["testapp.issue"]

    schema("first")
    assert shown() == ("First", "First")
    templates.update(dict.fromkeys(templates, "Second"))
    schema("second")
    assert shown() == ("Second", "Second")
    schema("first")
    assert shown() == ("First", "First")


def test_another_engine_has_the_names_alone(justquick: Any, settings: Any, tmp_path: Path) -> None:
    (tmp_path / "notifications" / "verbs").mkdir(parents=True)
    (tmp_path / "notifications" / "verbs" / "closed.txt").write_text("$actor closed ${target}!")
    strings = "django.template.backends.dummy.TemplateStrings"
    settings.TEMPLATES = [{"BACKEND": strings, "DIRS": [tmp_path]}]
    row = make_notification(justquick, target=make_project())
    assert sentences.text(row) == "justquick closed activity-stream!"


def test_a_site_without_templates_has_the_sentence_of_the_seed(justquick: Any, settings: Any) -> None:
    settings.TEMPLATES = []
    assert sentences.text(make_notification(justquick)) == "justquick closed"


def test_the_sentence_is_in_the_language_of_the_reader(justquick: Any, settings: Any) -> None:
    sites_templates(
        settings, {"notifications/verbs/closed.txt": "{% load i18n %}{% translate 'Yes' %}, {{ actor }}"}
    )
    row = make_notification(justquick)
    with translation.override("fr"):
        assert sentences.text(row) == "Oui, justquick"
    with translation.override("de"):
        assert sentences.text(row) == "Ja, justquick"


# Links to objects


def test_an_object_has_the_page_it_names(justquick: Any) -> None:
    project = make_project()
    row = make_notification(justquick, target=project)
    assert links.object_url(row, "target") == f"/projects/{project.pk}/"


def test_an_object_may_name_another_page_for_each_notification_and_request(
    justquick: Any, rf: RequestFactory
) -> None:
    issue = make_issue()
    row = make_notification(justquick, action_object=issue)
    assert links.object_url(row, "action_object", rf.get("/")) == f"/issues/{issue.pk}/?from={row.pk}"


def test_the_hook_is_given_the_notification_and_the_request(justquick: Any, rf: RequestFactory) -> None:
    given: list[Any] = []

    class Curious:
        def get_url_for_notifications(self, *arguments: Any) -> str:
            given.extend(arguments)
            return "/"

    curious: Any = Curious()
    row, request = make_notification(justquick), rf.get("/")
    assert links.url_of(curious, row, request) == "/"
    assert given == [row, request]


def test_an_object_without_a_page_has_none(justquick: Any) -> None:
    assert links.object_url(make_notification(justquick, target=Quiet.objects.create()), "target") == ""


def test_an_object_that_is_gone_or_never_was_has_no_page(justquick: Any) -> None:
    project = make_project()
    row = make_notification(justquick, target=project)
    project.delete()
    fresh = rows().get(pk=row.pk)
    assert [links.object_url(fresh, key) for key in ("target", "action_object")] == ["", ""]


class Page:
    """An object whose page is whatever it was told."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def get_absolute_url(self) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def url(answer: Any) -> str:
    page: Any = Page(answer)
    row: Any = None
    return links.url_of(page, row)


def test_a_page_that_cannot_be_reversed_is_none() -> None:
    assert url(reverse_lazy("no such url")) == ""


def test_a_page_that_needs_an_object_that_is_gone_is_none() -> None:
    assert url(Project.DoesNotExist()) == ""
    assert url(ObjectDoesNotExist()) == ""


def test_a_page_that_cannot_be_said_is_none_and_is_logged_once(caplog: Any) -> None:
    for _ in range(2):
        assert url(ZeroDivisionError()) == ""
    assert [record.name for record in caplog.records] == ["notifications"]
    assert "Page: get_url_for_notifications()" in caplog.text


def test_a_page_may_be_reversed_late() -> None:
    assert url(reverse_lazy("notifications:all")) == reverse("notifications:all")


def test_what_is_no_method_is_no_page() -> None:
    page = Page("/")
    page.get_absolute_url = "/a/"  # type: ignore[assignment, method-assign]
    found: Any = page
    row: Any = None
    assert links.url_of(found, row) == ""


# Which urls are followed


@pytest.mark.parametrize(
    "link",
    [
        "/",
        "/projects/1/?a=b&c=d#e",
        "projects/1/",
        "?page=2",
        "#top",
        "http://example.com/",
        "https://example.com/ü?q=漢字",
        "https://user:secret@example.com:8443/",
        "//example.com/",
        "HTTPS://EXAMPLE.COM/",
    ],
)
def test_a_url_of_the_web_is_followed(link: str) -> None:
    assert links.safe_url(link) == link
    assert url(link) == link


@pytest.mark.parametrize(
    "link",
    [
        "",
        " ",
        None,
        7,
        b"/",
        ["/"],
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "java\tscript:alert(1)",
        "\x01javascript:alert(1)",
        "javascript://example.com/%0aalert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:msgbox",
        "file:///etc/passwd",
        "ftp://example.com/",
        "mailto:a@example.com",
        "///example.com/",
        "////example.com/",
        "http:///example.com/",
        "http:example.com",
        "/\\example.com/",
        "\\\\example.com/",
        "http://[/",
        "http://\u202eexample.com/",
        "/a\r\nSet-Cookie: a=b",
        "/\x00",
        "/" + "a" * 3000,
    ],
    ids=repr,
)
def test_no_other_url_is_followed(link: Any) -> None:
    assert links.safe_url(link) == ""
    assert url(link) == ""


# Actions


@pytest.mark.parametrize(
    ("data", "links"),
    [
        (None, []),
        ({}, []),
        ([], []),
        ("actions", []),
        ({"actions": None}, []),
        ({"actions": "text"}, []),
        ({"actions": {"href": "/", "title": "A dict"}}, []),
        ({"actions": []}, []),
        ({"actions": [None, "text", 1, ["/"]]}, []),
        ({"actions": [{}]}, []),
        ({"actions": [{"title": "No link"}]}, []),
        ({"actions": [{"href": "javascript:alert(1)", "title": "Evil"}]}, []),
        ({"actions": [{"href": ["/"], "title": "Not text"}]}, []),
        ({"actions": [{"href": "/a/", "title": "A"}]}, [{"href": "/a/", "title": "A"}]),
        ({"actions": [{"href": "/a/", "title": 7}]}, [{"href": "/a/", "title": "7"}]),
        ({"actions": [{"href": "/a/"}]}, [{"href": "/a/", "title": "/a/"}]),
        (
            {
                "actions": [
                    {"href": "/a/", "title": "A"},
                    {"href": "data:,", "title": "Evil"},
                    {"href": "/b/", "title": ""},
                ]
            },
            [{"href": "/a/", "title": "A"}, {"href": "/b/", "title": "/b/"}],
        ),
        ({"actions": [{"href": "/a/", "title": "<b>"}]}, [{"href": "/a/", "title": "<b>"}]),
    ],
)
def test_the_actions_are_the_links_that_are_safe_to_follow(justquick: Any, data: Any, links: Any) -> None:
    row = make_notification(justquick, data=data)
    assert action_links(rows().get(pk=row.pk)) == links


# A template that misbehaves, under every engine

BROKEN_TEMPLATES = {
    "raises": "{{ notice.label }}{% include missing %}",
    "syntax": "{% if %}",
    "extends nothing": '{% extends "nowhere.html" %}',
    "empty": " \n ",
    "huge": "{{ verb }}" + "x" * 5_000_000,
}


def use_jinja(settings: Any, tmp_path: Path, templates: dict[str, str]) -> None:
    """Let the site have these templates, of Jinja2, whose engine comes first."""
    folder = tmp_path / "notifications" / "verbs"
    folder.mkdir(parents=True)
    for name, source in templates.items():
        (folder / name).write_text(source)
    jinja = {"BACKEND": "django.template.backends.jinja2.Jinja2", "DIRS": [str(tmp_path)]}
    settings.TEMPLATES = [jinja, *settings.TEMPLATES]


def use_django(settings: Any, tmp_path: Path, templates: dict[str, str]) -> None:
    sites_templates(settings, {f"notifications/verbs/{name}": source for name, source in templates.items()})


ENGINES = {"django": use_django, "jinja2": use_jinja}
INBOX = "/inbox/notifications/"


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("way", BROKEN_TEMPLATES)
def test_a_template_that_misbehaves_is_done_without_and_logged_once(
    justquick: Any, client: Any, settings: Any, tmp_path: Path, caplog: Any, engine: str, way: str
) -> None:
    source = BROKEN_TEMPLATES[way]
    ENGINES[engine](settings, tmp_path, {"closed.txt": source, "closed.html": source})
    make_notification(justquick, target=make_project("pinax"))
    client.force_login(justquick)
    for _ in range(2):
        assert sentences.text(rows().get()) == "justquick closed pinax"
        page = client.get(INBOX).content.decode()
        assert ">justquick</bdi> closed <bdi>" in page
    assert client.get(f"{INBOX}api/inbox/").json()["items"][0]["text"] == "justquick closed pinax"
    assert [record.name for record in caplog.records].count("notifications") == (0 if way == "empty" else 2)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_escapes_html_and_no_text(
    justquick: Any, client: Any, settings: Any, tmp_path: Path, engine: str
) -> None:
    sentence = "{{ actor }} likes {{ target }}: {{ notice.description }}"
    ENGINES[engine](settings, tmp_path, {"closed.txt": sentence, "closed.html": sentence})
    make_notification(justquick, target=make_project("tom&jerry"), description="a<b")
    client.force_login(justquick)
    assert sentences.text(rows().get()) == "justquick likes tom&jerry: a<b"
    page = client.get(INBOX).content.decode()
    assert ">tom&amp;jerry</a></bdi>: a&lt;b" in page


def test_a_template_of_a_plain_engine_is_text_too(justquick: Any, settings: Any, tmp_path: Path) -> None:
    folder = tmp_path / "notifications" / "verbs"
    folder.mkdir(parents=True)
    (folder / "closed.txt").write_text("$actor likes $target")
    dummy = {"BACKEND": "django.template.backends.dummy.TemplateStrings", "DIRS": [str(tmp_path)]}
    settings.TEMPLATES = [{**dummy, "APP_DIRS": False}, *settings.TEMPLATES]
    row = make_notification(justquick, target=make_project("tom&jerry"))
    assert sentences.text(row) == "justquick likes tom&jerry"


def test_a_template_survives_that_another_thread_forgets_all_of_them(settings: Any) -> None:
    sites_templates(settings, {"notifications/verbs/closed.txt": "Closed"})

    class Forgetful(dict[tuple[str, str], Any]):
        def __contains__(self, name: object) -> bool:
            # Between the question and the answer.
            found = super().__contains__(name)
            self.clear()
            return found

    assert verb_templates.verb_template("closed", "txt") is not None
    engine = engines.all()[0]
    verb_templates._found[engine] = Forgetful(verb_templates._found[engine])
    assert verb_templates.verb_template("closed", "txt") is not None


# An object without a name


@pytest.mark.parametrize("name", ["", "   ", "\u200b"])
def test_an_object_without_a_name_is_there_and_has_its_link(justquick: Any, client: Any, name: str) -> None:
    project = make_project(name)
    row = make_notification(justquick, target=project, verb="edited")
    client.force_login(justquick)
    assert str(row).startswith("justquick edited (untitled project) ")
    assert (
        f'<a href="/projects/{project.pk}/" data-ntf-open>(untitled project)</a>'
        in client.get(INBOX).content.decode()
    )
    [item] = client.get(f"{INBOX}api/inbox/").json()["items"]
    assert (item["target"], item["target_url"]) == ("(untitled project)", f"/projects/{project.pk}/")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("mal\u202elory", "mallory"),
        ("mal\u2069\u2066lory", "mallory"),
        ("\u05de\u05dc\u05d0", "\u2068\u05de\u05dc\u05d0\u2069"),
        ("mallory", "mallory"),
    ],
)
@pytest.mark.parametrize("is_typed", [False, True])
def test_a_name_does_not_turn_a_sentence_round(
    justquick: Any, make_type: Callable[..., Any], name: str, shown: str, is_typed: bool
) -> None:
    """B8: only the HTML of the server had isolates. What is text has them everywhere."""
    if is_typed:
        make_type("closed", sentence="{actor} closed {target}")
    notice = make_notification(justquick, verb="closed", actor=make_user(name), target=make_project("Budget"))
    sentence = f"{shown} closed Budget"
    assert sentences.text(notice) == entry(notice)["text"] == sentence
    assert str(notice).startswith(f"{sentence} ")
    # As data it is the name itself.
    assert entry(notice)["actor"] == name


def test_in_a_language_from_right_to_left_every_name_keeps_its_own_direction(justquick: Any) -> None:
    notice = make_notification(justquick, verb="closed", target=make_project("Budget"))
    with translation.override("ar"):
        assert "\u2068justquick\u2069" in sentences.text(notice)
        assert "\u2068Budget\u2069" in sentences.text(notice)
