"""What stands behind the pipe: SQL over one logstore and over several of a project, SPL in searches and on the way to consumers."""

import json

import pytest
from conftest import SEARCHED, error_of


def contents(*responses):
    return [log.get_contents() for response in responses for log in response.get_logs()]


def numbers(*responses):
    return [int(log["n"]) for log in contents(*responses)]


@pytest.fixture
def where(searched):
    return searched.project, searched.name, searched.begin, searched.end


def test_execute_logstore_sql(any_client, where):
    found = any_client.execute_logstore_sql(*where, "status:500 | select path, count(*) as c group by path order by path limit 2", True)
    assert found.is_completed() and found.get_has_sql()
    assert found.get_meta().get_keys() == ["path", "c"]
    assert [(row["path"], row["c"]) for row in contents(found)] == [("/list/1", "23"), ("/list/3", "23")]


def test_project_sql(any_client, searched):
    """Over two logstores, each with its own time range; asked by GET."""
    begin, end = searched.begin, searched.end
    any_client.copy_logstore(searched.project, searched.name, "empty")
    found = any_client.execute_project_sql(
        searched.project,
        f"select cast(status as varchar) as status, count(*) as c from {searched.name} where __time__ >= {begin} and __time__ < {end} group by 1 "
        f"union all select 'none', count(*) from empty where __time__ >= {begin} and __time__ < {end} order by 1",
        False,
    )
    assert found.is_completed() and found.get_has_sql()
    rows = [(row["status"], row["c"]) for row in contents(found)]
    assert rows == [("200", str(SEARCHED // 2)), ("500", str(SEARCHED // 2)), ("none", "0")]


def test_project_sql_without_a_time_range_says_so(client, searched):
    error = error_of(client.execute_project_sql, searched.project, f"select count(*) from {searched.name}", False)
    assert error.get_resp_status() == 400 and "__time__" in error.get_error_message()


def test_spl_in_a_search(any_client, where):
    found = any_client.get_log(*where, query="status:500 | where path = '/list/7' | extend twice = status || status | project n, twice", size=3)
    assert found.is_completed() and not found.get_has_sql()
    assert [(row["n"], row["twice"]) for row in contents(found)] == [("7", "500500"), ("17", "500500"), ("27", "500500")]


@pytest.mark.parametrize("reverse", [False, True])
def test_pages_of_spl(any_client, where, reverse):
    query = "* | where cast(n as bigint) % 2 = 1"
    want = sorted(range(1, SEARCHED, 2), reverse=reverse)
    assert numbers(*any_client.get_log_all(*where, query=query, reverse=reverse)) == want
    assert numbers(*any_client.get_log_all_v2(*where, query=query, reverse=reverse, scan=True)) == want


def test_wrong_spl_says_what_is_wrong(client, where):
    """Not with a 5xx: on those the SDK would retry for ten seconds."""
    for query in ("* | where", "* | nosuch status", "* | extend a = nosuch(status)"):
        error = error_of(client.get_log, *where, query=query)
        assert error.get_resp_status() == 400 and error.get_error_message()


SPL = "* | where status = '500' | project n, path"


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_pull_logs_with_a_query(any_client, searched, codec):
    seen = []
    for shard in (0, 1):
        cursor = any_client.get_begin_cursor(searched.project, searched.name, shard).get_cursor()
        end = any_client.get_end_cursor(searched.project, searched.name, shard).get_cursor()
        while cursor != end:
            page = any_client.pull_logs(searched.project, searched.name, shard, cursor, count=4, query=SPL, accept_compress_type=codec)
            assert page.get_next_cursor() != cursor  # also where nothing is left of what was read
            cursor = page.get_next_cursor()
            seen += page.get_flatten_logs_json()
    assert sorted(int(log["n"]) for log in seen) == list(range(1, SEARCHED, 2))
    assert {k for log in seen for k in log if not k.startswith("__")} == {"n", "path"}


def test_pull_log_with_a_query(client, searched):
    seen = [log for shard in (0, 1) for page in client.pull_log(*searched[:2], shard, "begin", "end", query=SPL) for log in page.get_flatten_logs_json()]
    assert sorted(int(log["n"]) for log in seen) == list(range(1, SEARCHED, 2))


def test_pull_log_dump_with_a_query(client, searched, tmp_path):
    report = client.pull_log_dump(*searched[:2], "begin", "end", str(tmp_path / "dump_{}.json"), query=SPL)
    logs = [json.loads(line) for file in report.get_body()["files"] for line in open(file, encoding="utf-8")]
    assert sorted(int(log["n"]) for log in logs) == list(range(1, SEARCHED, 2))


def test_pull_logs_with_a_wrong_query_says_so(client, searched):
    begin = client.get_begin_cursor(*searched[:2], 0).get_cursor()
    error = error_of(client.pull_logs, *searched[:2], 0, begin, query="* | where status = ")
    assert error.get_resp_status() == 400 and error.get_error_message()
