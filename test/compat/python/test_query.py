"""Searching: get_logs, histograms, context, topics. Logs can be found as soon as put_logs has returned."""

import time

import pytest
from aliyun.log import GetHistogramsRequest, GetLogsRequest, IndexConfig, IndexKeyConfig, IndexLineConfig, ListTopicsRequest, LogItem, PutLogsRequest
from conftest import error_of, put

TOKENS = list(" ,;:/\n\t")


@pytest.fixture
def indexed(client, store):
    keys = {
        "status": IndexKeyConfig(index_type="long", doc_value=True),
        "message": IndexKeyConfig(TOKENS, index_type="text", doc_value=True),
    }
    client.create_index(store.project, store.name, IndexConfig(7, IndexLineConfig(TOKENS), keys))
    return store


def put_requests(client, store, start, statuses, topic="access"):
    """Puts a log for each status, a second apart from start on, all in one group."""
    logs = [
        LogItem(start + i, [("status", str(s)), ("message", f"request {i} " + ("failed, timeout" if s >= 500 else "was fine"))], time_nano_part=1)
        for i, s in enumerate(statuses)
    ]
    client.put_logs(PutLogsRequest(store.project, store.name, topic, "10.0.0.1", logs, logtags=[("host", "web-1")]))


def ask(client, store, query, **more):
    now = int(time.time())
    return client.get_logs(GetLogsRequest(store.project, store.name, now - 600, now + 600, query=query, **more))


def numbers(response):
    return [int(log.get_contents()["message"].split()[1]) for log in response.get_logs()]


@pytest.mark.parametrize(
    "query, want",
    [
        ("*", [0, 1, 2, 3, 4]),
        ("timeout", [1, 3]),
        ("failed and not \"request 1\"", [3]),
        ("status: 200 or status: 503", [0, 3]),
        ("status >= 404", [1, 2, 3]),
        ("status in [200 404)", [0, 4]),
        ("message: fi*", [0, 2, 4]),
        ("nowhere", []),
    ],
)
def test_search(any_client, indexed, query, want):
    put_requests(any_client, indexed, int(time.time()) - 100, [200, 500, 404, 503, 201])
    found = ask(any_client, indexed, query)
    assert found.is_completed() and found.get_count() == len(want)
    assert numbers(found) == want


def test_a_log_comes_back_whole(client, indexed):
    start = int(time.time()) - 5
    put_requests(client, indexed, start, [200])
    [log] = ask(client, indexed, "*").get_logs()
    assert (log.get_time(), log.get_source()) == (start, "10.0.0.1")
    want = {"__topic__": "access", "__tag__:host": "web-1", "status": "200", "message": "request 0 was fine"}
    assert want.items() <= log.get_contents().items()


def test_pages(client, indexed):
    put_requests(client, indexed, int(time.time()) - 300, [200] * 250)
    assert numbers(ask(client, indexed, "*", line=10, offset=20)) == list(range(20, 30))
    assert numbers(ask(client, indexed, "*", line=3, reverse=True)) == [249, 248, 247]
    now = int(time.time())
    pages = list(client.get_log_all(indexed.project, indexed.name, now - 600, now + 600, query="fine"))
    assert [p.get_count() for p in pages] == [100, 100, 50, 0]
    assert [n for p in pages for n in numbers(p)] == list(range(250))
    everything = client.get_log(indexed.project, indexed.name, now - 600, now + 600, query="*", size=-1)
    assert everything.get_count() == 250


def test_topic_and_time_narrow_a_search(client, indexed):
    start = int(time.time()) - 100
    put_requests(client, indexed, start, [200] * 10, topic="a")
    put_requests(client, indexed, start, [200] * 10, topic="b")
    request = GetLogsRequest(indexed.project, indexed.name, start + 2, start + 5, topic="b", query="*")
    assert numbers(client.get_logs(request)) == [2, 3, 4]


def test_histograms(any_client, indexed):
    start = int(time.time()) - 100
    put_requests(any_client, indexed, start, [200, 500] * 20)
    got = any_client.get_histograms(GetHistogramsRequest(indexed.project, indexed.name, start, start + 60, query="timeout"))
    assert got.is_completed() and got.get_total_count() == 20
    buckets = [(h.get_from(), h.get_to()) for h in got.get_histograms()]
    assert buckets[0][0] == start and buckets[-1][1] == start + 60
    assert all(left[1] == right[0] for left, right in zip(buckets, buckets[1:]))


def test_context(client, store, indexed):
    start = int(time.time()) - 60
    for i in range(5):
        logs = [LogItem(start + i, [("message", f"line {i}.{j}")]) for j in range(2)]
        client.put_logs(PutLogsRequest(store.project, store.name, "t", "s", logs, hashKey="00", logtags=[("__pack_id__", f"7A11-{i:X}")]))
    [log] = ask(client, indexed, '"line 2.1" |with_pack_meta').get_logs()
    found = log.get_contents()
    around = client.get_context_logs(store.project, store.name, found["__tag__:__pack_id__"], found["__pack_meta__"], 3, 2)
    assert around.is_completed()
    assert [x.get_contents()["message"] for x in around.get_logs()] == ["line 1.0", "line 1.1", "line 2.0", "line 2.1", "line 3.0", "line 3.1"]


def test_topics(client, store):
    for topic in ("b", "a", "c", "a"):
        put(client, store, "x", topic=topic)
    assert sorted(client.list_topics(ListTopicsRequest(store.project, store.name)).get_topics()) == ["a", "b", "c"]


def test_without_an_index_there_is_no_search(client, store):
    put(client, store, "x")
    assert error_of(ask, client, store, "*").get_error_code() == "IndexConfigNotExist"


def test_sql_behind_a_search(any_client, indexed):
    """A statement is answered with columns, each value a text."""
    put_requests(any_client, indexed, int(time.time()) - 100, [200, 500, 404, 500])
    found = ask(any_client, indexed, "status >= 404 | select status, count(1) as c group by status order by status")
    assert found.is_completed()
    assert [(log.get_contents()["status"], log.get_contents()["c"]) for log in found.get_logs()] == [("404", "1"), ("500", "2")]


def test_a_wrong_search_says_what_is_wrong(client, indexed):
    error = error_of(ask, client, indexed, "status: (")
    assert error.get_resp_status() == 400 and error.get_error_message()
