"""No catalogue lags behind the source, and pages in Russian and Indonesian have no English left in them."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polib
import pytest
from django.apps import apps
from django.contrib.admin import site
from django.contrib.admin.utils import label_for_field
from django.contrib.messages import get_messages
from django.template import Context, Template
from django.template.base import Lexer, TokenType
from django.test import Client
from django.utils import timezone, translation
from django.utils.formats import date_format

from notifications.events import OBJECTS
from notifications.inbox.tabs import day_of
from notifications.models import AbstractNotification, Notification
from tests import messages
from tests.factories import make_issue, make_notification, make_project, make_user, moment, rows

# Neither the database nor the settings have a part in it.
pytestmark = [pytest.mark.backend("sqlite"), pytest.mark.shape("default")]

INBOX = "/inbox/notifications/"
ADMIN = "/admin/notifications/notification/"
SPOKEN = {"alt", "aria-label", "placeholder", "title"}
LATIN = re.compile("[A-Za-z]")
# What is typed into the search is the same in every language.
SEARCHED = re.compile(r"\b[a-z]+:[a-z]+\b")
TEMPLATES = sorted(messages.PACKAGE.rglob("*.html"))


# The catalogues


@pytest.fixture(params=messages.languages())
def language(request: pytest.FixtureRequest) -> str:
    """Each language that has a catalogue."""
    name: str = request.param
    return name


@pytest.fixture
def catalogue(language: str) -> polib.POFile:
    """What is committed of it."""
    return polib.pofile(str(messages.file_of(language)), check_for_duplicates=True)


@pytest.fixture(scope="module")
def source() -> polib.POFile:
    """What the source marks for translation."""
    return messages.of_source()


def texts(entry: polib.POEntry) -> list[str]:
    """Return the translations of an entry, which are several where it has a plural."""
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


def placeholders(text: str) -> list[str]:
    """Return the placeholders of a text, and each stray percent sign."""
    return sorted(re.findall(r"%\(\w+\)[sd]|%", text))


def keys(catalogue: polib.POFile) -> list[tuple[str | None, str, str]]:
    """Return what gettext looks an entry up by."""
    return [(entry.msgctxt, entry.msgid, entry.msgid_plural) for entry in catalogue]


def test_the_languages_of_the_older_packages_are_there() -> None:
    assert {"id", "ru"} <= set(messages.languages())


def test_a_catalogue_has_the_strings_of_the_source_and_no_others(
    source: polib.POFile, catalogue: polib.POFile
) -> None:
    assert keys(catalogue) == keys(source)


def test_every_string_is_translated_and_none_is_a_guess(catalogue: polib.POFile) -> None:
    assert [entry.msgid for entry in catalogue if entry.fuzzy or entry.obsolete] == []
    assert [entry.msgid for entry in catalogue if not all(text.strip() for text in texts(entry))] == []


def test_a_translation_has_the_placeholders_of_its_string(catalogue: polib.POFile) -> None:
    assert [
        text
        for entry in catalogue
        for text in texts(entry)
        if placeholders(text) != placeholders(entry.msgid)
    ] == []


def test_a_translation_has_no_blanks_around_it_and_begins_with_a_capital_where_its_string_does(
    catalogue: polib.POFile,
) -> None:
    assert [text for entry in catalogue for text in texts(entry) if text != text.strip()] == []
    assert [
        entry.msgstr for entry in catalogue if entry.msgid[0].isupper() and entry.msgstr[:1].islower()
    ] == []


def test_the_plurals_of_a_catalogue_are_those_of_django(language: str, catalogue: polib.POFile) -> None:
    # With another rule Django keeps a language's catalogues apart, and looks a string up in one after another.
    rule = messages.plural_forms(language)
    assert catalogue.metadata["Plural-Forms"] == rule
    count = int(rule.removeprefix("nplurals=").partition(";")[0])
    assert {len(texts(entry)) for entry in catalogue if entry.msgid_plural} == {count}


def test_make_messages_would_change_nothing(language: str) -> None:
    renewed = messages.renewed(language)
    assert messages.file_of(language).read_text() == str(renewed)
    assert messages.file_of(language, "mo").read_bytes() == renewed.to_binary()


def test_the_compiled_catalogue_says_what_the_text_says(language: str, catalogue: polib.POFile) -> None:
    compiled = polib.mofile(str(messages.file_of(language, "mo")))
    assert compiled.metadata == catalogue.metadata
    assert {key: texts(entry) for key, entry in zip(keys(compiled), compiled, strict=True)} == {
        key: texts(entry) for key, entry in zip(keys(catalogue), catalogue, strict=True)
    }


def test_what_is_marked_is_found_in_every_way_to_mark_it(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        'gettext("1" "2")\n_("3")\nngettext("4", "5", n)\npgettext_lazy("6", "7")\n'
        'npgettext_lazy("8", "9 %(n)s", "10", "n")\nother("no")\n_("3")\n'
    )
    (tmp_path / "b.html").write_text(
        "{% load i18n %}<p title=\"{% translate 'a' %}\">It's {% translate \"b'(c)\" context 'd' %} {{ _('e') }}"
        "{% blocktranslate trimmed count n=1 %}\n f {{ g }})\n{% plural %}h{% endblocktranslate %}{# _('no') #}"
    )
    assert set(keys(messages.of_source(tmp_path))) == {
        (None, "12", ""),
        (None, "3", ""),
        (None, "4", "5"),
        ("6", "7", ""),
        ("8", "9 %(n)s", "10"),
        (None, "a", ""),
        ("d", "b'(c)", ""),
        (None, "e", ""),
        (None, "f %(g)s)", "h"),
    }


def test_what_is_marked_must_be_written_out(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("gettext(verb)")
    with pytest.raises(ValueError, match="malformed node"):
        messages.of_source(tmp_path)


# The templates


class Words(HTMLParser):
    """What of a page is read or read out, and has to be in a language: what stands on a key is in none."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.is_key = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.is_key = tag in {"kbd", "style"}
        self.found += [SEARCHED.sub("", value) for name, value in attrs if name in SPOKEN and value]

    def handle_endtag(self, tag: str) -> None:
        self.is_key = False

    def handle_data(self, data: str) -> None:
        if not self.is_key:
            self.found.append(data)


def words(html: str) -> list[str]:
    """Return what of a page is read or read out, without the blanks around it, in the order of the page."""
    return [" ".join(text.split()) for text in Words(html).found if text.strip()]


def untranslated(template: str) -> list[str]:
    """Return the words of a template that it does not mark for translation."""
    html, literals, until = "", [], ""
    for token in Lexer(template).tokenize():
        name = token.contents.split(None, 1)[0] if token.contents.strip() else ""
        if until:
            until = "" if name == until and token.token_type is TokenType.BLOCK else until
        elif token.token_type is TokenType.BLOCK and name in {"blocktrans", "blocktranslate", "comment"}:
            until = f"end{name}"
        elif token.token_type is TokenType.TEXT:
            html += token.contents
        elif token.token_type in {TokenType.BLOCK, TokenType.VAR}:
            # A text that a tag hands on, or a filter puts in.
            literals += re.findall(
                r"""(?:\w=|\b(?:add|default|default_if_none|yesno):)["'](.+?)["']""", token.contents
            )
    return [text for text in words(html) + literals if re.search(r"[^\W\d_]", text)]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_says_nothing_that_is_not_translated(path: Path) -> None:
    assert untranslated(path.read_text()) == []


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("<p>Hello</p>", ["Hello"]),
        ("{% if a %}none{% endif %}{# a remark #}", ["none"]),
        ("<a class='b' title='Read me'>{{ a }}</a> 1 · 2", ["Read me"]),
        ("{% include 'a.html' with text='Done' %}{{ a|default:'nobody' }}", ["Done", "nobody"]),
        ("{% translate 'Yes' %}{% blocktranslate %}No{% endblocktranslate %}!", []),
        ("<kbd>Shift</kbd> <kbd>I</kbd> Mark as read", ["Mark as read"]),
        ("<input placeholder='Such as is:unread from:alice'>", ["Such as"]),
        ("{% comment %}Later{% endcomment %}{% if a == 'b' %}{{ a|date:'Y-m-d' }}{% endif %}", []),
    ],
)
def test_untranslated_words_are_found_where_they_are(template: str, expected: list[str]) -> None:
    assert untranslated(template) == expected


# What people read


def sentences(user: Any, *, ago: timedelta, verb: str) -> list[str]:
    """Return the four shapes of the sentence."""
    shapes: list[dict[str, Any]] = [
        {},
        {"target": make_project()},
        {"action_object": make_issue()},
        {"action_object": make_issue(), "target": make_project()},
    ]
    timestamp = timezone.now() - ago
    found = [str(make_notification(user, verb=verb, timestamp=timestamp, **shape)) for shape in shapes]
    return [sentence.replace("\N{NO-BREAK SPACE}", " ") for sentence in found]


def test_the_sentence_in_russian(justquick: Any) -> None:
    with translation.override("ru"):
        assert sentences(justquick, ago=timedelta(minutes=21, seconds=9), verb="закрыл") == [
            "justquick закрыл 21 минуту назад",
            "justquick закрыл activity-stream 21 минуту назад",
            "justquick закрыл issue 2 21 минуту назад",
            "justquick закрыл issue 2 в activity-stream 21 минуту назад",
        ]


def test_the_sentence_in_indonesian(justquick: Any) -> None:
    with translation.override("id"):
        assert sentences(justquick, ago=timedelta(hours=12, seconds=9), verb="menutup") == [
            "justquick menutup 12 jam yang lalu",
            "justquick menutup activity-stream 12 jam yang lalu",
            "justquick menutup issue 2 12 jam yang lalu",
            "justquick menutup issue 2 di activity-stream 12 jam yang lalu",
        ]


@pytest.mark.parametrize(
    ("language", "ago", "expected"),
    [
        ("ru", timedelta(minutes=1), "1 минуту назад"),
        ("ru", timedelta(minutes=2), "2 минуты назад"),
        ("ru", timedelta(minutes=5), "5 минут назад"),
        ("ru", timedelta(minutes=21), "21 минуту назад"),
        ("ru", timedelta(hours=1, minutes=1), "1 час назад"),
        ("ru", timedelta(weeks=1), "1 неделю назад"),
        ("id", timedelta(minutes=1), "1 menit yang lalu"),
        ("id", timedelta(weeks=2, days=3), "2 minggu yang lalu"),
        ("de", timedelta(days=2), "vor 2 Tagen"),
        ("ar", timedelta(hours=2), "منذ 2 ساعتين"),
        # One unit, as the script counts.
        ("en", timedelta(hours=3, minutes=40), "3 hours ago"),
        # Where we have no catalogue, Django's own words for the units are better than English ones.
        ("pl", timedelta(hours=2), "2 godziny ago"),
    ],
)
def test_the_time_stands_in_the_case_that_ago_wants(language: str, ago: timedelta, expected: str) -> None:
    row = Notification(timestamp=timezone.now() - ago - timedelta(seconds=9))
    with translation.override(language):
        assert row.ago().replace("\N{NO-BREAK SPACE}", " ") == expected


def test_an_object_that_is_gone_is_gone_in_every_language(justquick: Any) -> None:
    issue = make_issue()
    row = make_notification(justquick, verb="закрыл", action_object=issue)
    issue.delete()
    found = {}
    for language in ("ru", "id"):
        with translation.override(language):
            found[language] = rows().get(pk=row.pk).label("action_object")
    assert found == {"ru": "удалённый объект (issue)", "id": "issue yang dihapus"}


def page(client: Client, url: str, language: str) -> list[str]:
    """Return what of a page is read or read out in this language."""
    # The middleware leaves the language of the last request behind.
    with translation.override("en"):
        response = client.get(url, headers={"accept-language": language})
    assert response.status_code == 200
    return words(response.content.decode())


@pytest.fixture
def russian(db: None, client: Client, settings: Any) -> Client:
    """Somebody with three pages of notifications, all of whose names and verbs are Russian."""
    settings.NOTIFICATIONS = {"PAGE_SIZE": 2}
    user = make_user("пётр")
    for unread in (True, False):
        make_notification(user, verb="закрыл", unread=unread, level="info", target=make_project("лента"))
        make_notification(
            user, verb="закрыл", unread=unread, level="error", action_object=make_issue("задача 2")
        )
        make_notification(user, verb="вошёл", unread=unread, level="warning", description="Новое устройство")
    client.force_login(user)
    return client


@pytest.mark.parametrize("url", [INBOX, f"{INBOX}?page=2", f"{INBOX}unread/", f"{INBOX}mark-all-as-read/"])
def test_a_page_in_russian_has_no_english_in_it(russian: Client, url: str) -> None:
    found = page(russian, url, "ru")
    assert len(found) > 3
    # The zone of a moment is a name.
    assert [text for text in found if LATIN.search(text.removesuffix(" UTC"))] == []


@pytest.mark.parametrize("action", ["mark-as-read", "mark-as-unread", "delete"])
def test_a_question_in_russian_has_no_english_in_it(russian: Client, action: str) -> None:
    found = page(russian, f"{INBOX}{action}/{rows().first().slug}/", "ru")
    assert [text for text in found if LATIN.search(text)] == []
    assert found[-1] == "Отмена"


def test_an_empty_inbox_speaks_russian(client: Client, db: None) -> None:
    client.force_login(make_user("пётр"))
    found = page(client, INBOX, "ru") + page(client, f"{INBOX}unread/", "ru")
    assert [text for text in found if LATIN.search(text)] == []
    assert {"Всё сделано!", "Нет непрочитанных уведомлений."} <= set(found)


@pytest.mark.without_extensions
def test_the_inbox_in_indonesian(client: Client, justquick: Any, settings: Any) -> None:
    settings.NOTIFICATIONS = {"PAGE_SIZE": 1}
    ago = timedelta(hours=2, seconds=9)
    for days in (1, 0, 2):
        make_notification(
            justquick, verb="menutup", target=make_project(), timestamp=timezone.now() - timedelta(days) - ago
        )
    client.force_login(justquick)
    with translation.override("id"):
        row = rows().order_by("-timestamp")[1]
        day, date = day_of(row), date_format(row.timestamp, "DATETIME_FORMAT") + " UTC"
    found = page(client, f"{INBOX}?page=2", "id")
    assert found[: found.index("Pintasan keyboard")] == [
        "Notifikasi",
        "Notifikasi",
        "Tandai semua sebagai sudah dibaca",
        "Saring notifikasi",
        *("Kotak masuk", "3", "Belum dibaca", "3", "Tersimpan", "0", "Ditunda", "0", "Selesai", "0"),
        *("Pencarian umum", "Sebutan", "Ditugaskan", "Permintaan tinjauan", "Dibuat oleh Anda"),
        *("Berpartisipasi", "3", "Kesalahan"),
        *("Cari notifikasi", "Cari notifikasi, mis.", "Cari"),
        *("Tindakan massal", "Pilih semua di halaman ini", "Pilih semua hasil"),
        *("Selesai", "Simpan", "Tunda", "Tandai sebagai sudah dibaca", "Tandai sebagai belum dibaca"),
        day,
        *("justquick", "menutup", "activity-stream"),
        *("Belum dibaca", date, "1 hari yang lalu"),
        # Each button has its words in its name and in its title.
        *("Selesai", "Selesai", "Simpan", "Simpan", "Tunda", "Tunda"),
        *("Tandai sebagai sudah dibaca", "Tandai sebagai sudah dibaca"),
        *("Semua sudah selesai!", "Tampilkan yang selesai"),
        *("Halaman", "Lebih baru", "Halaman 2", "Lebih lama"),
        "Urungkan",
        "Tidak ada koneksi. Perubahan Anda akan dikirim saat Anda kembali daring.",
        *("Anda telah keluar.", "Anda masuk sebagai pengguna lain."),
        "Terjadi kesalahan. Silakan coba lagi.",
        *("Coba lagi", "Masuk", "Muat ulang", "Tutup"),
    ]


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ["Yesterday", "Today", "Tomorrow", "March 4, 2031"]),
        ("ru", ["Вчера", "Сегодня", "Завтра", "4 марта 2031 г."]),  # noqa: RUF001 - Russian indeed
        ("id", ["Kemarin", "Hari ini", "Besok", "4 Maret 2031"]),
    ],
)
def test_the_heading_of_a_day_is_in_the_language_of_the_reader(language: str, expected: list[str]) -> None:
    moments = [timezone.now() + timedelta(days) for days in (-1, 0, 1)] + [moment(2031, 3, 4)]
    with translation.override(language):
        assert [
            day_of(Notification(timestamp=each)).replace("\N{NO-BREAK SPACE}", " ") for each in moments
        ] == expected


def test_a_question_in_indonesian(client: Client, justquick: Any) -> None:
    row = make_notification(justquick, verb="menutup", target=make_project())
    client.force_login(justquick)
    assert page(client, f"{INBOX}delete/{row.slug}/", "id") == [
        "Hapus notifikasi ini?",
        "Hapus notifikasi ini?",
        "justquick menutup activity-stream",
        "Tindakan ini tidak dapat diurungkan.",
        "Hapus",
        "Batal",
    ]


def test_the_script_is_told_what_to_say_in_russian() -> None:
    template = Template("{% load notifications_tags %}{% register_notify_callbacks %}")
    with translation.override("ru"):
        html = template.render(Context())
    [configuration] = re.findall(r"<script.*?>(.*?)</script>", html)
    assert json.loads(configuration)["connectionLost"] == "Соединение потеряно!"


# The admin


def test_every_label_of_the_model_and_its_admin_is_russian() -> None:
    admin: Any = site.get_model_admin(Notification)
    with translation.override("ru"):
        labels = {
            **{
                field.name: str(field.verbose_name)
                for field in Notification._meta.fields
                if not field.primary_key
            },
            **{
                name: str(label_for_field(name, Notification, admin))
                for name in [*admin.list_display, *admin.readonly_fields, *OBJECTS]
            },
            **{name: str(getattr(admin, name).short_description) for name in admin.actions},
            **{name: str(label) for name, label in AbstractNotification.LEVELS},
            "singular": str(Notification._meta.verbose_name),
            "plural": str(Notification._meta.verbose_name_plural),
            **{
                config.name: str(config.verbose_name)
                for config in apps.get_app_configs()
                if config.name.startswith("notifications")
            },
        }
    assert {name: label for name, label in labels.items() if LATIN.search(label)} == {}


@pytest.mark.parametrize(
    ("language", "count", "expected"),
    [
        ("ru", 1, "Изменено 1 уведомление."),
        ("ru", 2, "Изменено 2 уведомления."),
        ("ru", 5, "Изменено 5 уведомлений."),
        ("ru", 21, "Изменено 21 уведомление."),
        ("id", 1, "1 notifikasi diubah."),
        ("id", 2, "2 notifikasi diubah."),
    ],
)
def test_an_action_of_the_admin_reports_with_the_right_plural(
    client: Client, db: None, language: str, count: int, expected: str
) -> None:
    user = make_user(is_staff=True, is_superuser=True)
    chosen = [make_notification(user).pk for _ in range(count)]
    client.force_login(user)
    with translation.override("en"):
        response = client.post(
            ADMIN, {"action": "mark_read", "_selected_action": chosen}, headers={"accept-language": language}
        )
    assert [str(message) for message in get_messages(response.wsgi_request)] == [expected]
