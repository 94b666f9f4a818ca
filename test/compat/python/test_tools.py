"""What the SDK composes of many calls: dumping, copying, arranging shards. It runs these in processes of its own."""

import json
import time

from aliyun.log import IndexConfig, IndexKeyConfig, IndexLineConfig, LogItem, PutLogsRequest
from conftest import Store, error_of, messages, pull_groups, put, shards


def test_pull_log_dump(any_client, store, tmp_path):
    since = int(time.time())
    sent = [f"line {i} \u2603" for i in range(60)]
    for line in sent:
        put(any_client, store, line, topic="t")
    report = any_client.pull_log_dump(store.project, store.name, since, "end", str(tmp_path / "dump_{}.json"), batch_size=7)
    assert report.get_body()["total_count"] == len(sent)
    logs = [json.loads(line) for file in report.get_body()["files"] for line in open(file, encoding="utf-8")]
    assert sorted(log["message"] for log in logs) == sorted(sent)
    assert {log["__topic__"] for log in logs} == {"t"}


def test_copy_data(any_client, store):
    copy = Store(store.project, "copy")
    any_client.create_logstore(copy.project, copy.name, shard_count=3)
    log = LogItem(int(time.time()), [("message", "tagged")], time_nano_part=5)
    any_client.put_logs(PutLogsRequest(store.project, store.name, "t", "10.9.8.7", [log], logtags=[("k", "v")]))
    for i in range(20):
        put(any_client, store, f"line {i}")

    report = any_client.copy_data(store.project, store.name, "begin", "end", to_logstore=copy.name)
    assert report.get_body()["total_count"] == 21
    original, copied = pull_groups(any_client, store), pull_groups(any_client, copy)
    assert sorted(g.SerializeToString() for g in copied) == sorted(g.SerializeToString() for g in original)

    any_client.copy_data(store.project, store.name, "begin", "end", to_logstore=copy.name, shard_list="0", new_topic="again")
    again = [g for g in pull_groups(any_client, copy) if g.Topic == "again"]
    begin = any_client.get_begin_cursor(store.project, store.name, 0).get_cursor()
    assert sorted(messages(again)) == sorted(messages(any_client.pull_logs(store.project, store.name, 0, begin).get_loggroup_list().LogGroups))


def test_copy_logstore(any_client, project):
    keys = {"status": IndexKeyConfig(index_type="long", doc_value=True)}
    any_client.create_logstore(project, "from", ttl=12, shard_count=3, enable_tracking=True, max_split_shard=9)
    any_client.create_index(project, "from", IndexConfig(12, IndexLineConfig([" "]), keys))

    any_client.copy_logstore(project, "from", "to")
    got = any_client.get_logstore(project, "to")
    assert (got.ttl, got.shard_count, got.enable_tracking, got.max_split_shard) == (12, 3, True, 9)
    assert any_client.get_index_config(project, "to").get_index_config().to_json()["keys"]["status"]["type"] == "long"

    any_client.create_logstore(project, "there", ttl=1, shard_count=1)
    any_client.copy_logstore(project, "from", "there")  # exists: settings are taken over, shards arranged
    assert any_client.get_logstore(project, "there").ttl == 12
    assert len(shards(any_client, Store(project, "there"))) == 3


def test_arrange_shard(any_client, project):
    any_client.create_logstore(project, "narrow", shard_count=1)
    store = Store(project, "narrow")
    put(any_client, store, "before")
    for count in (2, 5, 13):
        any_client.arrange_shard(project, "narrow", count)
        ranges = sorted((s["inclusiveBeginKey"], s["exclusiveEndKey"]) for s in shards(any_client, store))
        assert len(ranges) == count
        assert ranges[0][0] == "0" * 32 and ranges[-1][1] == "f" * 32
        assert all(left[1] == right[0] for left, right in zip(ranges, ranges[1:]))
    assert messages(pull_groups(any_client, store)) == ["before"]


def test_a_tool_on_a_missing_logstore_says_so(client, project):
    assert error_of(client.pull_log_dump, project, "nope", "begin", "end", "unused").get_error_code() == "LogStoreNotExist"
