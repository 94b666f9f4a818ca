"""A test resolver: inside this process, every name under the server's base domain is the server's address.

It stands where a wildcard DNS record stands in real use, so that the SDK keeps opening http://PROJECT.DOMAIN:PORT.
"""

import os
import socket

HOST, PORT = os.environ["SLUICE_TEST_ADDR"].rsplit(":", 1)
PORT = int(PORT)
DOMAIN = os.environ["SLUICE_TEST_DOMAIN"]

_getaddrinfo = socket.getaddrinfo
_Socket = socket.socket


def resolve(host):
    if isinstance(host, str) and (host == DOMAIN or host.endswith("." + DOMAIN)):
        return HOST
    return host


def getaddrinfo(host, *args, **kwargs):
    return _getaddrinfo(resolve(host), *args, **kwargs)


class Socket(_Socket):
    def connect(self, address):
        if isinstance(address, tuple):
            address = (resolve(address[0]), *address[1:])
        return super().connect(address)


def install():
    socket.getaddrinfo = getaddrinfo
    socket.socket = Socket
