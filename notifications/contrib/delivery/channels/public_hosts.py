"""Connect to what a user typed only if it is a public host: the guard against requests to the site's own network."""

from __future__ import annotations

import socket
from http.client import HTTPSConnection
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

#: What is not somebody's public host although ``is_global`` may say so: it depends on the version of Python.
REFUSED = [
    ip_network(text)
    for text in (
        "64:ff9b::/96",  # IPv4 by translation
        "64:ff9b:1::/48",
        "2002::/16",  # IPv4 by 6to4
        "fec0::/10",  # site-local
        "3fff::/20",  # for documentation
        "5f00::/16",  # segment routing
        "192.88.99.0/24",  # relays of 6to4
        "192.0.0.0/24",  # protocol assignments
        "168.63.129.16/32",  # the platform of Azure
    )
]


class NotPublic(ValueError):
    """A host that is not public, or a URL that is not allowed."""


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Return whether an address belongs to a public host."""
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        return is_public(mapped)
    return (
        address.is_global
        and not address.is_multicast
        and not any(address.version == network.version and address in network for network in REFUSED)
    )


def public_address(host: str, port: int) -> tuple[Any, ...]:
    """Return the family and the socket address of a host. Raise NotPublic unless all of its addresses are public.

    The connection is made to this address and not to the name, which may resolve to another one the next time.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for _, _, _, _, where in found:
        # Without the zone of an IPv6 address.
        if not is_public(ip_address(str(where[0]).partition("%")[0])):
            raise NotPublic(f"{host} is not a public host")
    family, _, _, _, where = found[0]
    return family, where


class PublicConnection(HTTPSConnection):
    """A connection by HTTPS to a public host. The certificate is checked against the name of the host."""

    def connect(self) -> None:
        """Connect to the address that was judged."""
        family, where = public_address(self.host, self.port)
        plain = socket.socket(family, socket.SOCK_STREAM)
        try:
            plain.settimeout(self.timeout)
            plain.connect(where)
            context: Any = self._context  # type: ignore[attr-defined]
            self.sock = context.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise
