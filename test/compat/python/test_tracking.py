"""Web tracking: what a browser sends, without any signature."""

import json
import time

import pytest
import requests
from conftest import ENDPOINT, fields, pull_groups


@pytest.fixture
def tracked(client, store):
    client.update_logstore(store.project, store.name, enable_tracking=True)
    return store


def url(store, leaf, **query):
    host = f"http://{store.project}.{ENDPOINT}/logstores/{store.name}/{leaf}"
    return requests.Request("GET", host, params={"APIVersion": "0.6.0", **query}).prepare().url


def test_get(client, tracked):
    answer = requests.get(url(tracked, "track", page="/shop?a=1&b=\u00fc", __topic__="visits"), timeout=120)
    assert answer.status_code == 200 and answer.headers["x-log-requestid"]
    [group] = pull_groups(client, tracked)
    assert group.Topic == "visits"
    assert fields(group) == [{"page": "/shop?a=1&b=\u00fc"}]
    assert abs(group.Logs[0].Time - time.time()) < 60


def test_gif(client, tracked):
    answer = requests.get(url(tracked, "track.gif", k="v"), timeout=120)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "image/gif" and answer.content.startswith(b"GIF8")
    [group] = pull_groups(client, tracked)
    assert fields(group) == [{"k": "v"}]


def test_gif_with_user_agent(client, tracked):
    headers = {"User-Agent": "a-browser/1.0", "Referer": "http://shop.example/"}
    assert requests.get(url(tracked, "track_ua.gif", k="v"), headers=headers, timeout=120).status_code == 200
    [[log]] = [fields(g) for g in pull_groups(client, tracked)]
    assert log["k"] == "v" and {"a-browser/1.0", "http://shop.example/"} <= set(log.values())


def test_post(client, tracked):
    body = json.dumps({
        "__topic__": "t", "__source__": "browser", "__tags__": {"build": "7"},
        "__logs__": [{"a": "1"}, {"a": "2", "b": "\u2603"}],
    })
    headers = {"x-log-apiversion": "0.6.0", "x-log-bodyrawsize": str(len(body))}
    answer = requests.post(url(tracked, "track"), data=body, headers=headers, timeout=120)
    assert answer.status_code == 200, answer.text
    [group] = pull_groups(client, tracked)
    assert (group.Topic, group.Source, [(t.Key, t.Value) for t in group.LogTags]) == ("t", "browser", [("build", "7")])
    assert fields(group) == [{"a": "1"}, {"a": "2", "b": "\u2603"}]


def test_a_browser_may_ask_from_any_page(tracked):
    answer = requests.options(
        url(tracked, "track"), timeout=120,
        headers={"Origin": "http://shop.example", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-log-apiversion"},
    )
    assert answer.status_code == 200 and answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("leaf", ["track", "track.gif", "track_ua.gif"])
def test_refused_where_not_enabled(client, store, leaf):
    answer = requests.get(url(store, leaf, k="v"), timeout=120)
    assert answer.status_code == 401 and answer.json()["errorCode"] == "Unauthorized"
    assert pull_groups(client, store) == []


def test_nothing_else_is_open(tracked):
    for leaf in ("shards", "index", "consumergroups"):
        assert requests.get(url(tracked, leaf), timeout=120).status_code in (400, 401)
