"""Webhooks: what is posted and how it is signed, and where it is not posted to."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from django.utils.http import http_date

from notifications import notify
from notifications.contrib.delivery.channels import get_channel, load_channel, public_hosts, webhook
from notifications.contrib.delivery.channels.public_hosts import NotPublic, PublicConnection, is_public
from notifications.contrib.delivery.choices import Skip
from notifications.contrib.delivery.models import Circuit, Delivery, StoppedAddress
from notifications.contrib.delivery.preferences import choose
from notifications.contrib.delivery.sending import Tally, deliver
from tests.factories import make_project, make_user

pytestmark = pytest.mark.django_db

SECRETS = [f"whsec_{base64.b64encode(letter * 24).decode()}" for letter in (b"a", b"b")]


class Endpoint(BaseHTTPRequestHandler):
    """Keeps what is posted, and answers as a test says."""

    posts: list[tuple[str, dict[str, str], bytes]] = []
    status = 204
    answer: dict[str, str] = {}

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.posts.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(self.status)
        for name, value in self.answer.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def endpoint(settings: Any) -> Iterator[type[Endpoint]]:
    """An endpoint of the site."""
    Endpoint.posts, Endpoint.status, Endpoint.answer = [], 204, {}
    server = HTTPServer(("127.0.0.1", 0), Endpoint)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/Hook?a=b"
    use(settings, url=url, secret=SECRETS, default="instant")
    try:
        yield Endpoint
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def use(settings: Any, **options: Any) -> None:
    settings.NOTIFICATIONS = {
        "DELIVERY_CHANNELS": {"webhook": options},
        "DELIVERY_RUNNER": "none",
        "BASE_URL": "https://example.com",
    }


def send(user: Any = None, verb: str = "closed", **arguments: Any) -> None:
    notify.send(make_project("pinax"), verb=verb, recipient=user or make_user(), **arguments)


def documented() -> Any:
    """Return the body of the page."""
    page = (Path(__file__).parents[3] / "docs" / "reference" / "delivery.rst").read_text()
    [block] = re.findall(r"   \.\. code-block:: json\n\n(.*?)\n\n``", page, re.DOTALL)
    return json.loads(block)


def keys_of(value: Any) -> Any:
    """Return the names in a value of JSON, in their order."""
    if isinstance(value, dict):
        return [(name, keys_of(part)) for name, part in value.items()]
    return [keys_of(part) for part in value] if isinstance(value, list) else None


def test_a_notification_is_posted_and_signed_by_each_secret(endpoint: type[Endpoint]) -> None:
    user = make_user()
    send(user, description="as *planned*")

    assert deliver() == Tally(sent=1)

    [(path, headers, body)] = endpoint.posts
    assert path == "/Hook?a=b"
    posted = json.loads(body)
    assert (posted["type"], posted["data"]["recipient"], posted["data"]["more"]) == (
        "notification",
        str(user.pk),
        0,
    )
    [item] = posted["data"]["notifications"]
    assert (item["verb"], item["type"], item["text"]) == ("closed", "other", "pinax closed")
    assert item["description"] == "as *planned*"
    assert keys_of(posted) == keys_of(documented())
    assert "." not in headers["webhook-id"]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = [
        base64.b64encode(hmac.new(letter * 24, signed, hashlib.sha256).digest()).decode()
        for letter in (b"a", b"b")
    ]
    assert headers["webhook-signature"] == f"v1,{expected[0]} v1,{expected[1]}"


def test_a_post_leaves_out_the_keys_that_the_site_excludes(endpoint: type[Endpoint], settings: Any) -> None:
    excluded = ["verb", "text", "description", "reason", "url", "data"]
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "API_EXCLUDED_FIELDS": excluded}
    send()

    assert deliver() == Tally(sent=1)
    [item] = json.loads(endpoint.posts[0][2])["data"]["notifications"]
    assert set(item) == {"id", "event", "type", "level", "timestamp"}


def test_without_a_base_of_urls_the_channel_is_paused(endpoint: type[Endpoint], settings: Any) -> None:
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "BASE_URL": ""}
    send()
    assert deliver().total == 0
    assert "BASE_URL" in Circuit.objects.get().problem
    assert Delivery.objects.get().attempts == 0


def test_a_path_may_have_any_letters(endpoint: type[Endpoint], settings: Any) -> None:
    [options] = settings.NOTIFICATIONS["DELIVERY_CHANNELS"].values()
    use(settings, **{**options, "url": options["url"].replace("Hook?a=b", "Höök a?ü=%20")})
    send()

    assert deliver() == Tally(sent=1)
    assert endpoint.posts[0][0] == "/H%C3%B6%C3%B6k%20a?%C3%BC=%20"


def test_a_retry_has_the_same_id(endpoint: type[Endpoint]) -> None:
    send()
    endpoint.status = 500
    assert deliver() == Tally(retried=1)
    endpoint.status = 200
    Delivery.objects.update(next_attempt_at=timezone.now())
    assert deliver() == Tally(sent=1)
    assert len({headers["webhook-id"] for _, headers, _ in endpoint.posts}) == 1


def test_a_digest_is_one_post(endpoint: type[Endpoint]) -> None:
    user = make_user()
    choose(user, "", "webhook", "daily")
    for verb in ("opened", "closed"):
        send(user, verb)
    Delivery.objects.update(next_attempt_at=timezone.now() - timedelta(days=1))

    assert deliver() == Tally(sent=2)
    [(_, _, body)] = endpoint.posts
    assert json.loads(body)["type"] == "notification.digest"


@pytest.mark.parametrize("status", [301, 302, 400, 404, 429, 500, 502])
def test_only_2xx_is_an_answer_and_no_redirect_is_followed(endpoint: type[Endpoint], status: int) -> None:
    endpoint.status, endpoint.answer = status, {"Location": "/elsewhere"}
    send()

    assert deliver() == Tally(retried=1)
    assert len(endpoint.posts) == 1
    assert Delivery.objects.get().problem == f"The endpoint answered {status}."


def test_an_endpoint_that_is_gone_gets_nothing_any_more(endpoint: type[Endpoint]) -> None:
    endpoint.status = 410
    user = make_user()
    send(user)

    assert deliver() == Tally(failed=1)
    assert StoppedAddress.objects.get().channel == "webhook"
    send(user)
    assert Delivery.objects.count() == 1


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("120", 120, 120),
        ("9" * 30, 86400, 86400),
        (http_date(4_000_000_000), 86400, 10**10),
        ("Wed, 21 Oct 2065 07:28:00 -0000", 86400, 10**10),
    ],
)
def test_an_endpoint_says_how_long_to_wait(text: str, least: int, most: int) -> None:
    answer: Any = type("Answer", (), {"headers": {"Retry-After": text}})
    found = webhook.retry_after(answer)
    assert found is not None
    assert least <= found.total_seconds() <= most


@pytest.mark.parametrize("text", ["", "soon", "-1", "²"])
def test_what_is_no_time_is_not_waited_for(text: str) -> None:
    answer: Any = type("Answer", (), {"headers": {"Retry-After": text}})
    assert webhook.retry_after(answer) is None


def test_an_endpoint_that_cannot_be_reached_is_tried_again(settings: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        use(settings, url=f"http://127.0.0.1:{taken.getsockname()[1]}/", secret=SECRETS[0], default="instant")
        send()
        assert deliver() == Tally(retried=1)
    assert "ConnectionRefusedError" in Delivery.objects.get().problem


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"url": "https://example.com/", "endpoint": "tests.contrib.delivery.test_webhook.endpoint_of"},
        {"url": "https://example.com/"},
        {"url": "https://example.com/", "secret": "whsec_short"},
        {"url": "https://example.com/", "secret": f"whsec_{base64.b64encode(b'x' * 65).decode()}"},
        {"url": "https://example.com/", "secret": "whsec_ä"},
    ],
)
def test_options_that_make_no_endpoint_are_an_error(options: Any) -> None:
    with pytest.raises(ValueError, match="webhook"):
        load_channel("webhook", options)


# The endpoints of users

ENDPOINTS: dict[str, Any] = {}


def endpoint_of(user: Any) -> Any:
    return ENDPOINTS.get(user.username)


@pytest.fixture
def endpoints(settings: Any) -> Iterator[dict[str, Any]]:
    ENDPOINTS.clear()
    use(settings, endpoint=f"{__name__}.endpoint_of", default="instant")
    yield ENDPOINTS
    ENDPOINTS.clear()


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "https://example.com:8443/",
        "https://user@example.com/",
        "https://example.com:x/",
        "https://[::1/",
        "https://",
        "ftp://example.com/",
        "https://example.com/\n",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://0x7f.1/",
        "https://2130706433/",
        "https://0/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://localhost/",
    ],
)
def test_what_a_user_typed_reaches_no_host_of_the_site(endpoints: Any, url: str) -> None:
    endpoints["ann"] = (url, SECRETS[0])
    send(make_user("ann"))

    assert deliver() == Tally(failed=1)


@pytest.mark.parametrize("found", [("", ""), (None, None), (None, SECRETS[0]), ("", [])])
def test_a_user_with_an_empty_endpoint_is_not_reachable(endpoints: Any, found: Any) -> None:
    endpoints["ann"] = found
    send(make_user("ann"))

    assert deliver() == Tally(skipped=1)
    assert Delivery.objects.get().problem == Skip.UNREACHABLE


@pytest.mark.parametrize("secret", [None, "", [], "whsec_", "secret", [SECRETS[0], ""]])
def test_nothing_is_posted_to_a_user_without_a_secret(endpoints: Any, secret: Any) -> None:
    endpoints["ann"] = ("https://hooks.example.com/a", secret)
    send(make_user("ann"))

    assert deliver() == Tally(failed=1)
    assert "secret" in Delivery.objects.get().problem


def test_a_name_that_no_host_can_have_is_not_tried_again(endpoints: Any) -> None:
    endpoints["ann"] = (f"https://{'ü' * 70}.example/", SECRETS[0])
    send(make_user("ann"))

    assert deliver() == Tally(failed=1)


def test_a_user_without_an_endpoint_is_not_reachable(endpoints: Any) -> None:
    send(make_user("bob"))
    assert deliver() == Tally(skipped=1)
    assert get_channel("webhook").address(make_user("eve")) == ""


def test_a_public_host_is_connected_to_at_the_address_that_was_judged(
    endpoints: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoints["ann"] = ("https://hooks.example.com/a", SECRETS)
    asked: list[Any] = []

    class Socket:
        def __init__(self, *arguments: Any) -> None:
            asked.append(arguments)

        def settimeout(self, seconds: float) -> None:
            asked.append(seconds)

        def connect(self, where: Any) -> None:
            asked.append(where)
            raise ConnectionRefusedError("no")

        def close(self) -> None:
            asked.append("closed")

    where = ("93.184.215.14", 443)
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda *a, **k: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", where)],
    )
    monkeypatch.setattr(socket, "socket", Socket)
    send(make_user("ann"))

    assert deliver() == Tally(retried=1)
    assert asked == [(socket.AF_INET, socket.SOCK_STREAM), webhook.TIMEOUT, where, "closed"]


def test_the_certificate_is_that_of_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []

    class Context:
        def wrap_socket(self, plain: Any, server_hostname: str) -> Any:
            names.append(server_hostname)
            return plain

    with socket.create_server(("127.0.0.1", 0)) as server:
        where = server.getsockname()
        monkeypatch.setattr(public_hosts, "public_address", lambda host, port: (socket.AF_INET, where))
        connection = PublicConnection("hooks.example.com", 443, timeout=5)
        monkeypatch.setattr(connection, "_context", Context())
        connection.connect()
        connection.close()
    assert names == ["hooks.example.com"]


def test_one_address_that_is_not_public_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, 443)) for text in ("93.184.215.14", "10.0.0.1")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: found)
    with pytest.raises(NotPublic):
        public_hosts.public_address("hooks.example.com", 443)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("::ffff:93.184.215.14", True),
        *[
            (text, False)
            for text in (
                "0.0.0.1", "10.1.2.3", "100.64.0.1", "127.0.0.1", "168.63.129.16", "169.254.169.254", "172.16.0.1",
                "192.0.0.9", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "224.0.0.1", "239.1.1.1",
                "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
                "64:ff9b::7f00:1", "64:ff9b:1::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "5f00::1", "fc00::1",
                "fe80::1", "fec0::1", "ff02::1",
            )
        ],
    ],
)  # fmt: skip
def test_which_addresses_are_public(text: str, expected: bool) -> None:
    assert is_public(ip_address(text)) is expected


def test_an_endpoint_of_the_site_may_be_https(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    class Connection:
        def __init__(self, host: str, port: Any, timeout: float) -> None:
            asked.append((host, port))

        def request(self, *arguments: Any) -> None:
            asked.append(arguments[:2])
            raise TimeoutError

        def close(self) -> None:
            asked.append("closed")

    monkeypatch.setattr(webhook, "HTTPSConnection", Connection)
    use(settings, url="https://internal", secret=SECRETS[0], default="instant")
    send()

    assert deliver() == Tally(retried=1)
    assert asked == [("internal", None), ("POST", "/"), "closed"]


def test_an_endpoint_cannot_keep_a_worker_for_ever(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "MAX_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        use(
            settings, url=f"http://127.0.0.1:{silent.getsockname()[1]}/", secret=SECRETS[0], default="instant"
        )
        send()
        assert deliver() == Tally(retried=1)
    webhook.hang_up(HTTPConnection("127.0.0.1"))
