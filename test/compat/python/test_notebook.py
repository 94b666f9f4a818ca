"""The magics that the SDK adds to Jupyter notebooks: %manage_log, %log, %%log, %fetch.

They run in a process of their own, with the newest SDK in which they work (magic.txt says why it is not the newest of all), and reach
the server as a proxy, with nothing but the environment set.
"""

import json
import os
import subprocess
import sys
from datetime import datetime

import pytest
import resolver
from conftest import ENDPOINT, KEY_ID, PROXY, SEARCHED, SECRET

HERE = os.path.dirname(__file__)
LOAD = "%load_ext aliyun.log.ext.jupyter_magic"


@pytest.fixture
def manage(searched):
    return f"%manage_log {resolver.DOMAIN} {KEY_ID} {SECRET} {searched.project} {searched.name}"


@pytest.fixture
def notebook(tmp_path, manage):
    """Runs cells in a new notebook that is connected to the searched logstore, and returns what each gave."""
    env = {
        **os.environ, "HOME": str(tmp_path), "IPYTHONDIR": str(tmp_path / "ipython"), "TZ": "UTC",
        "http_proxy": PROXY, "PYTHONPATH": os.path.join(sys.prefix, "magic"),
    }

    def run(*cells, first=(LOAD, manage)):
        cells = [*first, *cells]
        done = subprocess.run(
            [sys.executable, os.path.join(HERE, "notebook.py")], input=json.dumps(cells), env=env, capture_output=True, text=True, timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()][len(first) :]

    return run


def numbers(cell):
    return [int(row["n"]) for row in cell["rows"]]


def test_log(notebook, searched):
    line, cell, both = notebook(
        "%log path:7 and status:500",
        f"%%log {searched.begin} ~ {searched.begin + 20}\nstatus:200",
        "%%log -1day ~ now\nstatus >= 200",
    )
    assert numbers(line) == list(range(7, SEARCHED, 10))  # of the last 15 minutes
    assert numbers(cell) == list(range(0, 20, 2))
    assert numbers(both) == list(range(SEARCHED))  # pages of 100
    first = cell["rows"][0]
    assert datetime.fromisoformat(first["__time__"]).timestamp() == searched.begin
    want = {"status": "200", "path": "/list/0", "text": 'two "words" \u65e5\u5fd7', "__topic__": "topic", "__source__": "10.0.0.1", "__tag__:rack": "7"}
    assert want.items() <= first.items()
    assert "部分结果" not in both["printed"]  # "partial result"


def test_log_with_sql(notebook):
    groups, series = notebook(
        "%log path:3 or path:4 | select status, count(1) as c, avg(status) as a group by status order by status",
        "%%log -60min ~ now\n* | select path, count(*) as c group by path order by path limit 3",
    )
    assert groups["rows"], groups
    assert [(row["status"], row["c"], float(row["a"])) for row in groups["rows"]] == [("200", "23", 200.0), ("500", "23", 500.0)]
    assert [(row["path"], row["c"]) for row in series["rows"]] == [("/list/0", "23"), ("/list/1", "23"), ("/list/2", "23")]


def test_log_finds_nothing(notebook):
    [none] = notebook("%log nowhere")
    assert none["rows"] == []


def test_log_says_what_is_wrong(notebook):
    [wrong] = notebook("%log status: (")
    assert wrong["rows"] is None and "ParameterInvalid" in wrong["printed"]


def test_fetch(notebook):
    all_of_it, nothing = notebook("%fetch -15min ~ end", "%fetch -2day ~ -1day")  # by the time of receipt, from all shards
    assert sorted(numbers(all_of_it)) == list(range(SEARCHED))
    assert "部分" not in all_of_it["printed"]  # "partly"
    assert nothing["rows"] == []


def test_manage_log(notebook, manage):
    wrong, right = notebook(manage + "x", manage, first=[LOAD])
    assert "LogStoreNotExist" in wrong["printed"]
    assert "连接成功" in right["printed"]  # "connected"
    [kept] = notebook("%log path:7 and status:500", first=[LOAD])  # the magics keep their settings in the home directory
    assert numbers(kept) == list(range(7, SEARCHED, 10))


@pytest.fixture
def newest(tmp_path, monkeypatch, searched):
    """A shell with the magics of the newest SDK, in this process."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    from IPython.core.history import HistoryManager
    from IPython.core.interactiveshell import InteractiveShell

    monkeypatch.setattr(HistoryManager, "enabled", False)
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "aliyun.log.ext.jupyter_magic")
    shell.run_line_magic("manage_log", f"{ENDPOINT} {KEY_ID} {SECRET} {searched.project} {searched.name}")
    yield shell
    InteractiveShell.clear_instance()


def test_fetch_of_the_newest_sdk(newest):
    frame = newest.run_line_magic("fetch", "-15min ~ end")
    assert sorted(map(int, frame["n"])) == list(range(SEARCHED))


def test_log_of_the_newest_sdk_asks_and_is_answered(newest, monkeypatch):
    """What the magic asks for is answered; what it makes of the answer is the next test."""
    answers = []
    client = newest.magics_manager.magics["line"]["log"].__self__.client()
    monkeypatch.setattr(client, "get_log_all", lambda *args, **kwargs: answers.extend(type(client).get_log_all(client, *args, **kwargs)) or [])
    newest.run_line_magic("log", "path:7 and status:500")
    found = [int(log.get_contents()["n"]) for answer in answers for log in answer.get_logs()]
    assert found == list(range(7, SEARCHED, 10))


@pytest.mark.xfail(strict=True, raises=KeyError, reason="the magic of SDK 0.9.52 takes the parts of the answer, meta and data, for logs")
def test_log_of_the_newest_sdk(newest):
    frame = newest.run_line_magic("log", "path:7 and status:500")
    assert list(frame["n"]) == [str(n) for n in range(7, SEARCHED, 10)]
