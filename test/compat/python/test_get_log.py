"""get_log and what stands on it: by POST as now and by GET as in older versions, page after page, with times as people say them."""

import pytest
from aliyun.log import GetHistogramsRequest
from conftest import SEARCHED


def numbers(*responses):
    return [int(log.get_contents()["n"]) for response in responses for log in response.get_logs()]


@pytest.mark.parametrize("v2", [True, False], ids=["post", "get"])
def test_get_log(any_client, searched, v2):
    any_client._get_logs_v2_enabled = v2  # the SDK's own switch between POST and the GET of older versions
    where = (searched.project, searched.name, searched.begin, searched.end)
    found = any_client.get_log(*where, query="status: 500 and path:list", size=5, offset=1)
    assert found.is_completed() and not found.get_has_sql()
    assert (found.get_count(), numbers(found)) == (5, [3, 5, 7, 9, 11])
    assert found.get_where_query() == "status: 500 and path:list"
    assert found.get_processed_rows() >= 5
    log = found.get_logs()[0]
    assert (log.get_time(), log.get_source()) == (searched.begin + 3, "10.0.0.1")
    contents = log.get_contents()
    assert int(contents.pop("__time_ns_part__")) < 1e9  # the SDK makes one up where there is none
    assert contents == {
        "__topic__": "topic", "__tag__:rack": "7", "n": "3", "status": "500", "path": "/list/3", "text": 'two "words" \u65e5\u5fd7',
    }
    if v2:  # of a GET, the SDK does not read them
        assert {(t.get_key(), t.get_term()) for t in found.get_meta().get_terms()} == {("status", "500"), ("path", "list")}

    assert numbers(any_client.get_log(*where, query="path:7", reverse=True, size=3)) == [227, 217, 207]
    assert numbers(any_client.get_log(*where, topic="topic", query='#"two words" and path:8', size=2)) == [8, 18]
    assert numbers(any_client.get_log(*where, topic="another", query="*")) == []
    assert numbers(any_client.get_log(*where, query="not n")) == []
    assert numbers(any_client.get_log(*where, size=250)) == list(range(SEARCHED))  # pages of 100
    assert numbers(any_client.get_log(*where, size=-1, offset=200)) == list(range(200, SEARCHED))


@pytest.mark.parametrize("reverse", [False, True])
def test_get_log_all(any_client, searched, reverse):
    where = (searched.project, searched.name, searched.begin, searched.end)
    pages = list(any_client.get_log_all(*where, query="status >= 200", reverse=reverse))
    assert [p.get_count() for p in pages] == [100, 100, 30, 0]
    assert numbers(*pages) == sorted(range(SEARCHED), reverse=reverse)
    assert numbers(*any_client.get_log_all_v2(*where, query='#"two words"', reverse=reverse)) == sorted(range(SEARCHED), reverse=reverse)


def test_human_times(client, searched):
    # Not "-1hour" or "-1h": the SDK reads these as one o'clock today, which is another range at each hour of the day.
    assert len(numbers(client.get_log(searched.project, searched.name, "1 hour ago", "now", size=-1))) == SEARCHED
    assert numbers(client.get_log(searched.project, searched.name, "-1day", "-60min")) == []


def test_get_histograms(any_client, searched):
    for query, want in (("", SEARCHED), ("status:500", SEARCHED // 2), ("status:500 | select count(*)", SEARCHED // 2), ("nothing", 0)):
        found = any_client.get_histograms(
            GetHistogramsRequest(searched.project, searched.name, searched.begin, searched.end, "topic", query)
        )
        assert found.is_completed()
        buckets = found.get_histograms()
        assert (found.get_total_count(), sum(b.get_count() for b in buckets)) == (want, want)
        assert [b.get_from() for b in buckets] == [searched.begin] + [b.get_to() for b in buckets[:-1]]
        assert buckets[-1].get_to() == searched.end
