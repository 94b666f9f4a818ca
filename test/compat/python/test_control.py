"""Projects, logstores, shards, indexes and consumer groups."""

import time
import uuid

from aliyun.log import IndexConfig, IndexKeyConfig, IndexLineConfig, ListLogstoresRequest
from conftest import error_of, messages, pull_groups, put, shards

FULL = "f" * 32


def test_project(any_client):
    name = "compat-" + uuid.uuid4().hex[:12]
    any_client.create_project(name, "first")
    got = any_client.get_project(name)
    assert (got.get_projectname(), got.get_description(), got.get_status()) == (name, "first", "Normal")
    any_client.update_project(name, "second")
    assert any_client.get_project(name).get_description() == "second"

    listed = any_client.list_project(project_name_pattern=name)
    assert [p["projectName"] for p in listed.get_projects()] == [name]
    assert (listed.get_count(), listed.get_total()) == (1, 1)
    assert name in [p["projectName"] for p in any_client.list_project(size=-1).get_projects()]

    any_client.delete_project(name)
    assert error_of(any_client.get_project, name).get_error_code() == "ProjectNotExist"


def test_deleting_a_project_takes_its_logstores(client):
    name = "compat-" + uuid.uuid4().hex[:12]
    client.create_project(name, "")
    client.create_logstore(name, "web")
    client.delete_project(name)
    client.create_project(name, "")
    assert client.list_logstore(name).get_logstores() == []
    client.delete_project(name)


def test_logstore(any_client, project):
    any_client.create_logstore(
        project, "web", ttl=30, shard_count=3, enable_tracking=True, append_meta=True, auto_split=True, max_split_shard=8, hot_ttl=7, mode="query",
    )
    got = any_client.get_logstore(project, "web")
    assert (got.ttl, got.shard_count, got.enable_tracking, got.append_meta, got.auto_split, got.max_split_shard) == (30, 3, True, True, True, 8)
    assert (got.hot_ttl, got.mode) == (7, "query")

    any_client.update_logstore(project, "web", ttl=10, enable_tracking=False)
    got = any_client.get_logstore(project, "web")
    assert (got.ttl, got.enable_tracking, got.append_meta, got.max_split_shard) == (10, False, True, 8)

    any_client.delete_logstore(project, "web")
    assert error_of(any_client.get_logstore, project, "web").get_error_code() == "LogStoreNotExist"


def test_list_logstores(client, project):
    names = sorted(f"store-{i:02}" for i in range(23))
    for name in names:
        client.create_logstore(project, name, shard_count=1)
    page = client.list_logstore(project, offset=20, size=10)
    assert (page.get_logstores(), page.get_count(), page.get_total()) == (names[20:], 3, 23)
    assert client.list_logstore(project, size=-1).get_logstores() == names
    assert client.list_logstore(project, "-1").get_logstores() == [n for n in names if "-1" in n]
    assert client.list_logstores(ListLogstoresRequest(project)).get_logstores() == names


def test_permanent_storage(client, project):
    client.create_logstore(project, "kept", preserve_storage=True)
    got = client.get_logstore(project, "kept")
    assert (got.ttl, got.preserve_storage) == (3650, True)


def test_append_meta_adds_tags(client, project, store):
    client.update_logstore(store.project, store.name, append_meta=True)
    put(client, store, "hello", logtags=[("mine", "1")])
    [group] = pull_groups(client, store)
    tags = {t.Key: t.Value for t in group.LogTags}
    assert tags["mine"] == "1"
    assert tags["__client_ip__"] == "127.0.0.1"
    assert abs(int(tags["__receive_time__"]) - time.time()) < 60


def test_shards_cover_the_key_space(client, project):
    client.create_logstore(project, "wide", shard_count=7)
    ranges = [(s["inclusiveBeginKey"], s["exclusiveEndKey"]) for s in client.list_shards(project, "wide").shards]
    assert ranges[0][0] == "0" * 32 and ranges[-1][1] == FULL
    assert all(left[1] == right[0] for left, right in zip(ranges, ranges[1:]))


def test_split_and_merge(any_client, store):
    p, s = store
    put(any_client, store, "before", hash_key="00")
    merged = any_client.merge_shard(p, s, 0).shards
    assert {m["shardID"]: m["status"] for m in merged} == {0: "readonly", 1: "readonly", 2: "readwrite"}
    [whole] = shards(any_client, store)
    assert (whole["inclusiveBeginKey"], whole["exclusiveEndKey"]) == ("0" * 32, FULL)

    middle = "4" + "0" * 31
    split = any_client.split_shard(p, s, 2, middle).shards
    assert [(x["shardID"], x["status"]) for x in split] == [(2, "readonly"), (3, "readwrite"), (4, "readwrite")]
    left, right = shards(any_client, store)
    assert (left["exclusiveEndKey"], right["inclusiveBeginKey"]) == (middle, middle)

    put(any_client, store, "after", hash_key="00")
    assert messages(pull_groups(any_client, store)) == ["before", "after"]  # parents stay readable


def test_delete_a_read_only_shard(client, store):
    client.merge_shard(store.project, store.name, 0)
    client.delete_shard(store.project, store.name, 1)
    assert [s["shardID"] for s in client.list_shards(store.project, store.name).shards] == [0, 2]
    assert error_of(client.delete_shard, store.project, store.name, 2).get_resp_status() == 400


def test_index(any_client, store):
    p, s = store
    line = IndexLineConfig([",", " ", "\t", "\n"], case_sensitive=False, chinese=False)
    keys = {
        "status": IndexKeyConfig(index_type="long", doc_value=True, alias="code"),
        "message": IndexKeyConfig([" ", ","], case_sensitive=True, index_type="text", doc_value=True),
        "took": IndexKeyConfig(index_type="double", doc_value=True),
    }
    any_client.create_index(p, s, IndexConfig(7, line, keys))
    got = any_client.get_index_config(p, s).get_index_config().to_json()
    assert got["line"]["token"] == [",", " ", "\t", "\n"]
    assert {k: v["type"] for k, v in got["keys"].items()} == {"status": "long", "message": "text", "took": "double"}
    assert got["keys"]["status"]["alias"] == "code" and got["keys"]["message"]["caseSensitive"] is True

    any_client.update_index(p, s, IndexConfig(7, line, {"status": keys["status"]}))
    assert list(any_client.get_index_config(p, s).get_index_config().to_json()["keys"]) == ["status"]
    any_client.delete_index(p, s)
    assert error_of(any_client.get_index_config, p, s).get_error_code() == "IndexConfigNotExist"


def test_consumer_group(any_client, store):
    p, s = store
    any_client.create_consumer_group(p, s, "readers", 30, in_order=True)
    [group] = any_client.list_consumer_group(p, s).get_consumer_groups()
    assert (group.get_consumer_group_name(), group.get_timeout(), group.is_in_order()) == ("readers", 30, True)
    any_client.update_consumer_group(p, s, "readers", timeout=60)
    any_client.update_consumer_group(p, s, "readers", in_order=False)
    [group] = any_client.list_consumer_group(p, s).get_consumer_groups()
    assert (group.get_timeout(), group.is_in_order()) == (60, False)

    assert sorted(any_client.heart_beat(p, s, "readers", "a").get_shards()) == [0, 1]
    put(any_client, store, "x", hash_key="00")
    end = any_client.get_end_cursor(p, s, 0).get_cursor()
    any_client.update_check_point(p, s, "readers", 0, end, consumer="a", force_success=False)
    [saved] = any_client.get_check_point(p, s, "readers", 0).get_consumer_group_check_points()
    assert (saved["shard"], saved["checkpoint"], saved["consumer"]) == (0, end, "a")
    both = any_client.get_check_point_fixed(p, s, "readers").get_consumer_group_check_points()
    assert {c["shard"]: c["checkpoint"] for c in both} == {0: end, 1: ""}
    assert abs(both[0]["checkpoint_previous_cursor_time"] - time.time()) < 60

    any_client.delete_consumer_group(p, s, "readers")
    assert any_client.list_consumer_group(p, s).get_count() == 0


def test_two_consumers_share_the_shards(client, store):
    """Heartbeats as reference sls-api A.7 draws them: nobody is given a shard that another still lists."""
    p, s = store
    client.create_consumer_group(p, s, "g", 60)

    def beat(consumer, *held):
        return sorted(client.heart_beat(p, s, "g", consumer, list(held)).get_shards())

    assert beat("a") == [0, 1]
    assert beat("b") == []
    [kept] = beat("a", 0, 1)
    given = 1 - kept
    client.update_check_point(p, s, "g", given, client.get_begin_cursor(p, s, given).get_cursor(), consumer="a", force_success=False)
    assert beat("a", kept) == [kept]
    assert beat("b") == [given]
    refused = error_of(client.update_check_point, p, s, "g", given, client.get_end_cursor(p, s, given).get_cursor(), "a", False)
    assert refused.get_error_code() == "ConsumerNotMatch"
