"""Errors: the codes that clients branch on, and a request id on each (error_of checks that one)."""

import pytest
from aliyun.log import IndexConfig, IndexLineConfig
from conftest import SECRET, error_of, new_client, put

INDEX = IndexConfig(7, IndexLineConfig([" "]))

# name: (status, code, what to do with a client c, project p and logstore s)
CASES = {
    "no project": (404, "ProjectNotExist", lambda c, p, s: c.get_project("compat-nobody-made-this")),
    "no project of a logstore": (404, "ProjectNotExist", lambda c, p, s: c.get_logstore("compat-nobody-made-this", s)),
    "project twice": (400, "ProjectAlreadyExist", lambda c, p, s: c.create_project(p, "")),
    "no logstore": (404, "LogStoreNotExist", lambda c, p, s: c.get_logstore(p, "nope")),
    "no logstore to delete": (404, "LogStoreNotExist", lambda c, p, s: c.delete_logstore(p, "nope")),
    "no logstore to list shards of": (404, "LogStoreNotExist", lambda c, p, s: c.list_shards(p, "nope")),
    "logstore twice": (400, "LogStoreAlreadyExist", lambda c, p, s: c.create_logstore(p, s)),
    "bad logstore name": (400, "LogStoreInfoInvalid", lambda c, p, s: c.create_logstore(p, "Not_A-Name-")),
    "bad ttl": (400, "LogStoreInfoInvalid", lambda c, p, s: c.create_logstore(p, "other", ttl=0)),
    "too many shards": (400, "LogStoreInfoInvalid", lambda c, p, s: c.create_logstore(p, "other", max_split_shard=1000)),
    "no shard": (400, "ShardNotExist", lambda c, p, s: c.get_begin_cursor(p, s, 99)),
    "no shard to pull": (400, "ShardNotExist", lambda c, p, s: c.pull_logs(p, s, 99, "MTcw")),
    "bad cursor": (400, "ParameterInvalid", lambda c, p, s: c.pull_logs(p, s, 0, "!!")),
    "cursor out of range": (400, "InvalidCursor", lambda c, p, s: c.get_cursor_time(p, s, 0, "MQ==")),
    "bad split point": (400, "ParameterInvalid", lambda c, p, s: c.split_shard(p, s, 0, "f" * 32)),
    "merge of the last shard": (400, "ParameterInvalid", lambda c, p, s: c.merge_shard(p, s, 1)),
    "no index": ({400, 404}, "IndexConfigNotExist", lambda c, p, s: c.get_index_config(p, s)),
    "index twice": (400, "IndexAlreadyExist", lambda c, p, s: [c.create_index(p, s, INDEX) for _ in range(2)]),
    "no consumer group": (404, "ConsumerGroupNotExist", lambda c, p, s: c.heart_beat(p, s, "nope", "a")),
    "consumer group twice": (400, "ConsumerGroupAlreadyExist", lambda c, p, s: [c.create_consumer_group(p, s, "g", 60) for _ in range(2)]),
}


@pytest.mark.parametrize("status, code, call", CASES.values(), ids=CASES)
def test_code(client, store, status, code, call):
    error = error_of(call, client, store.project, store.name)
    assert error.get_error_code() == code, error
    assert error.get_resp_status() in (status if isinstance(status, set) else {status}), error
    assert error.get_error_message()


@pytest.mark.parametrize("auth", ["v1", "v4"])
def test_wrong_secret(store, auth):
    error = error_of(new_client(auth=auth, secret=SECRET + "x").get_logstore, *store)
    assert (error.get_resp_status(), error.get_error_code()) == (401, "SignatureNotMatch")


@pytest.mark.parametrize("auth", ["v1", "v4"])
def test_unknown_access_key(store, auth):
    error = error_of(new_client(auth=auth, key_id="nobody").get_logstore, *store)
    assert (error.get_resp_status(), error.get_error_code()) == (401, "Unauthorized")
    assert "nobody" in error.get_error_message()


def test_secrets_do_not_come_back(store):
    error = error_of(new_client(secret="a-wrong-secret-of-mine").get_logstore, *store)
    assert "a-wrong-secret-of-mine" not in str(error) and SECRET not in str(error)


def test_unsigned(store):
    error = error_of(new_client(secret="").get_logstore, *store)
    assert error.get_resp_status() in (400, 401)


def test_the_connection_survives_an_error(client, store):
    """The SDK keeps its connection after an error: the next call on it works."""
    error_of(client.get_logstore, store.project, "nope")
    put(client, store, "still here")
