"""Fixtures for the official Python SDK, unmodified, against a running sluiced (test/compat starts it and sets the environment).

A client reaches its project in one of two ways, both of which users need:

  resolver   the endpoint is DOMAIN:PORT and PROJECT.DOMAIN resolves, as with wildcard DNS
  proxy      the endpoint is DOMAIN and the server itself is the http_proxy, so that requests arrive in absolute form
"""

import importlib.metadata
import os
import time
import uuid
from collections import namedtuple

import pytest
import recorder
import resolver
from aliyun.log import IndexConfig, IndexKeyConfig, IndexLineConfig, LogClient, LogException, LogItem, PutLogsRequest

KEY_ID = os.environ["SLUICE_TEST_ACCESS_KEY_ID"]
SECRET = os.environ["SLUICE_TEST_ACCESS_KEY_SECRET"]
REGION = "local"
ENDPOINT = f"{resolver.DOMAIN}:{resolver.PORT}"
PROXY = f"http://{resolver.HOST}:{resolver.PORT}"

resolver.install()
for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
    os.environ.pop(name, None)

SDK = recorder.Recorder("Python SDK", importlib.metadata.version("aliyun-log-python-sdk"))
SDK.watch(LogClient)

Store = namedtuple("Store", "project name")
Searched = namedtuple("Searched", "project name begin end")
SEARCHED = 230  # logs of the logstore that is searched


def pytest_runtest_setup(item):
    SDK.begin()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A test that the server refuses is skipped, and says what was refused: the table of clients tells whether that may be."""
    report = yield
    if call.excinfo and recorder.is_refusal(call.excinfo.value):
        report.outcome = "skipped"
        report.longrepr = (str(item.path), item.location[1] + 1, f"refused: {', '.join(sorted(SDK.refused))}: {call.excinfo.value.get_error_message()}")
    if report.when == "call":
        item.stash[recorder.PASSED] = report.passed
        SDK.end(report.passed, report.failed)
    return report


def new_client(endpoint=ENDPOINT, auth="v1", key_id=KEY_ID, secret=SECRET):
    return LogClient(endpoint, key_id, secret, auth_version=auth, region=REGION)


@pytest.fixture
def client():
    return new_client()


@pytest.fixture(params=["resolver", "proxy"])
def endpoint(request, monkeypatch):
    if request.param == "resolver":
        return ENDPOINT
    monkeypatch.setenv("http_proxy", PROXY)
    return resolver.DOMAIN


@pytest.fixture(params=["v1", "v4"])
def any_client(request, endpoint):
    """A client for each way in and each signature version."""
    return new_client(endpoint, request.param)


@pytest.fixture
def project(client):
    name = "compat-" + uuid.uuid4().hex[:12]
    client.create_project(name, "made by a test")
    yield name
    client.delete_project(name)


@pytest.fixture
def store(client, project, request):
    """A logstore of two shards, or as many as the test asks for by an indirect parameter."""
    client.create_logstore(project, "web", ttl=7, shard_count=getattr(request, "param", 2), auto_split=False)
    return Store(project, "web")


@pytest.fixture
def searched(client, store):
    """A logstore with an index and logs numbered from 0, one a second from begin on."""
    line = IndexLineConfig([" ", '"', "/"])
    keys = {
        "status": IndexKeyConfig(index_type="long", doc_value=True),
        "path": IndexKeyConfig(["/"], index_type="text", doc_value=True),
    }
    client.create_index(store.project, store.name, IndexConfig(7, line, keys))
    begin = int(time.time()) - 600
    for first in range(0, SEARCHED, 10):
        logs = [
            LogItem(begin + n, [("n", str(n)), ("status", ["200", "500"][n % 2]), ("path", f"/list/{n % 10}"), ("text", 'two "words" \u65e5\u5fd7')])
            for n in range(first, first + 10)
        ]
        client.put_logs(PutLogsRequest(store.project, store.name, "topic", "10.0.0.1", logs, logtags=[("rack", "7")]))
    return Searched(*store, begin, begin + SEARCHED)


def put(client, store, *messages, hash_key=None, **request):
    """Puts one group with a log for each message."""
    logs = [LogItem(contents=[("message", m)]) for m in messages]
    client.put_logs(PutLogsRequest(store.project, store.name, logitems=logs, hashKey=hash_key, **{"source": "10.0.0.1", **request}))


def shards(client, store, status="readwrite"):
    return [s for s in client.list_shards(store.project, store.name).shards if s["status"] == status]


def pull_groups(client, store, compress=None, accept=None):
    """All log groups of all shards, in shard order."""
    groups = []
    for shard in client.list_shards(store.project, store.name).shards:
        cursor = client.get_begin_cursor(store.project, store.name, shard["shardID"]).get_cursor()
        while True:
            res = client.pull_logs(store.project, store.name, shard["shardID"], cursor, compress=compress, accept_compress_type=accept)
            if res.get_loggroup_count() == 0:
                break
            groups += res.get_loggroup_list().LogGroups
            cursor = res.get_next_cursor()
    return groups


def fields(group):
    """The logs of a group as dicts of str."""
    return [{text(c.Key): text(c.Value) for c in log.Contents} for log in group.Logs]


def messages(groups):
    return [log["message"] for group in groups for log in fields(group)]


def text(value):
    """value as str; the SDK hands out str or bytes, depending on whether all of an answer is UTF-8."""
    return value.decode(errors="surrogateescape") if isinstance(value, bytes) else value


def eventually(fact, within=120):
    """Waits for what happens in other threads and processes: returns fact() as soon as it is true."""
    deadline = time.monotonic() + within
    while not (value := fact()):
        assert time.monotonic() < deadline, f"not within {within} s"
        time.sleep(0.05)
    return value


def error_of(call, *args, **kwargs):
    """The LogException that the call raises. Whatever the failure, it has a request id to look up in the server's log."""
    with pytest.raises(LogException) as caught:
        call(*args, **kwargs)
    assert caught.value.get_request_id(), caught.value
    return caught.value
