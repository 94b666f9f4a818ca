"""Writing and reading: put_logs, cursors, pull_logs."""

import base64
import os
import time

import pytest
from aliyun.log import LogItem, PutLogsRequest
from aliyun.log.proto import LogGroupRaw
from conftest import fields, messages, pull_groups, put, shards, text

CODECS = ["none", "lz4", "zstd"]


def position(cursor):
    return int(base64.b64decode(cursor))


def cursor_at(n):
    return base64.b64encode(str(n).encode()).decode()


@pytest.mark.parametrize("codec", CODECS)
def test_what_was_put_is_pulled(any_client, store, codec):
    now = int(time.time())
    logs = [
        LogItem(now, [("uri", "/a"), ("status", "200"), ("uri", "/again")], time_nano_part=123456789),
        LogItem(now - 60, [("snowman", "\u2603 und \u00dcmlaut"), ("empty", "")], time_nano_part=999999999),
        LogItem(now, [("bytes", b"\xff\xfe\x00\x01")], time_nano_part=1),
    ]
    any_client.put_logs(
        PutLogsRequest(
            store.project, store.name, "access", "10.1.2.3", logs,
            compress=codec != "none", compress_type=codec, logtags=[("host", "web-1"), ("rack", "\u00e9")],
        )
    )

    [group] = pull_groups(any_client, store, compress=codec != "none", accept=codec)
    assert (group.Topic, group.Source) == ("access", "10.1.2.3")
    assert [(t.Key, t.Value) for t in group.LogTags] == [("host", "web-1"), ("rack", "\u00e9")]
    assert [(log.Time, log.Time_ns) for log in group.Logs] == [(now, 123456789), (now - 60, 999999999), (now, 1)]
    got = [[(text(c.Key), text(c.Value)) for c in log.Contents] for log in group.Logs]
    assert got == [[(k, text(v)) for k, v in log.get_contents()] for log in logs]


@pytest.mark.parametrize("accept", CODECS)
@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_in_is_read_as_every_codec_out(client, store, codec, accept):
    sent = [os.urandom(40).hex() + " the quick brown fox" * 20 for _ in range(50)]
    put(client, store, *sent, compress=codec != "none", compress_type=codec)
    assert messages(pull_groups(client, store, compress=accept != "none", accept=accept)) == sent


def test_raw_log_group(any_client, store):
    group = LogGroupRaw(Topic="raw", Source="s")
    log = group.Logs.add(Time=int(time.time()))
    log.Contents.add(Key="k", Value=b"v")
    for compress in (True, False):
        any_client.put_log_raw(store.project, store.name, group, compress=compress)
    assert [g.SerializeToString() for g in pull_groups(any_client, store)] == [group.SerializeToString()] * 2


def test_one_put_is_one_group_and_one_position(client, store):
    begin = client.get_begin_cursor(store.project, store.name, 0).get_cursor()
    for i in range(5):
        put(client, store, f"{i}a", f"{i}b", hash_key="00")
    end = client.get_end_cursor(store.project, store.name, 0).get_cursor()
    assert position(end) == position(begin) + 5

    res = client.pull_logs(store.project, store.name, 0, begin)
    assert res.get_loggroup_count() == 5
    assert [fields(g) for g in res.get_loggroup_list().LogGroups] == [[{"message": f"{i}a"}, {"message": f"{i}b"}] for i in range(5)]
    assert res.get_next_cursor() == end


def test_pull_at_the_end_is_empty_and_stays(client, store):
    end = client.get_end_cursor(store.project, store.name, 0).get_cursor()
    for compress in (True, False):
        res = client.pull_logs(store.project, store.name, 0, end, compress=compress)
        assert (res.get_loggroup_count(), res.get_raw_size(), res.get_next_cursor()) == (0, 0, end)


def test_pull_stops_at_count_and_at_end_cursor(client, store):
    for i in range(10):
        put(client, store, str(i), hash_key="00")
    begin = client.get_begin_cursor(store.project, store.name, 0).get_cursor()
    first = client.pull_logs(store.project, store.name, 0, begin, count=3)
    assert messages(first.get_loggroup_list().LogGroups) == ["0", "1", "2"]
    stop = cursor_at(position(begin) + 7)
    rest = client.pull_logs(store.project, store.name, 0, first.get_next_cursor(), end_cursor=stop)
    assert messages(rest.get_loggroup_list().LogGroups) == ["3", "4", "5", "6"]
    assert rest.get_next_cursor() == stop


def test_pull_log_walks_a_time_range(client, store):
    since = int(time.time())
    sent = [f"line {i}" for i in range(25)]
    for line in sent:
        put(client, store, line, hash_key="ff")
    pages = list(client.pull_log(store.project, store.name, 1, since, "end", batch_size=10))
    assert [p.get_loggroup_count() for p in pages] == [10, 10, 5]
    assert [log["message"] for p in pages for log in p.get_flatten_logs_json(decode_bytes=True)] == sent
    [empty] = client.pull_log(store.project, store.name, 1, "begin", since - 3600)
    assert empty.get_loggroup_count() == 0


@pytest.mark.parametrize(
    "key, shard",
    [("0" * 32, 0), ("7" + "f" * 31, 0), ("8" + "0" * 31, 1), ("f" * 32, 1), ("7f", 0), ("8", 1), ("FFFF", 1)],
)
def test_hash_key_picks_the_shard(client, store, key, shard):
    put(client, store, key, hash_key=key)
    ends = {s["shardID"]: client.get_end_cursor(store.project, store.name, s["shardID"]).get_cursor() for s in shards(client, store)}
    begins = {i: client.get_begin_cursor(store.project, store.name, i).get_cursor() for i in ends}
    assert [i for i in ends if ends[i] != begins[i]] == [shard]


def test_without_hash_key_all_shards_get_some(client, store):
    for i in range(40):
        put(client, store, str(i))
    sizes = []
    for i in (0, 1):
        begin = client.get_begin_cursor(store.project, store.name, i).get_cursor()
        sizes.append(client.pull_logs(store.project, store.name, i, begin).get_loggroup_count())
    assert sum(sizes) == 40 and min(sizes) > 0


def test_cursor_times(any_client, store):
    p, s = store
    before = int(time.time())
    put(any_client, store, "one", hash_key="00")
    begin, end = (any_client.get_cursor(p, s, 0, which).get_cursor() for which in ("begin", "end"))
    assert before <= any_client.get_cursor_time(p, s, 0, begin).get_cursor_time() <= time.time() + 1
    assert abs(any_client.get_cursor_time(p, s, 0, end).get_cursor_time() - time.time()) < 60
    assert any_client.get_cursor(p, s, 0, before - 60).get_cursor() == begin
    assert any_client.get_cursor(p, s, 0, int(time.time()) + 60).get_cursor() == end
    assert any_client.get_cursor(p, s, 0, "1 hour ago").get_cursor() == begin


def test_previous_cursor_time_is_clamped(client, store):
    p, s = store
    put(client, store, "one", hash_key="00")
    begin = client.get_begin_cursor(p, s, 0).get_cursor()
    end = client.get_end_cursor(p, s, 0).get_cursor()
    received = client.get_cursor_time(p, s, 0, begin).get_cursor_time()
    assert client.get_previous_cursor_time(p, s, 0, end).get_cursor_time() == received
    assert client.get_previous_cursor_time(p, s, 0, begin).get_cursor_time() == received  # one before the first
    beyond = cursor_at(position(end) + 1000)
    assert abs(client.get_previous_cursor_time(p, s, 0, beyond).get_cursor_time() - time.time()) < 60


@pytest.mark.parametrize("codec", CODECS)
def test_a_body_of_several_megabytes(client, store, codec):
    line = os.urandom(512 * 1024).hex()  # 1 MiB that compresses little
    put(client, store, *[line] * 8, compress=codec != "none", compress_type=codec)
    assert messages(pull_groups(client, store)) == [line] * 8


def test_a_group_without_logs_is_accepted(client, store):
    put(client, store)
    put(client, store, "after")
    assert messages(pull_groups(client, store)) == ["after"]
