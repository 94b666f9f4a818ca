"""The SDK's logging handlers, wired as an application wires them."""

import logging
import logging.config
import pathlib
import re
import subprocess
import sys

import pytest
import requests
from aliyun.log import QueuedLogHandler, SimpleLogHandler
from conftest import ENDPOINT, KEY_ID, REGION, SECRET, eventually, fields, pull_groups


@pytest.fixture
def logger():
    logger = logging.getLogger("compat")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    yield logger
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()


def stored(client, store, count):
    """The logs of all groups, once there are count of them."""
    return eventually(lambda: (logs := [log for g in pull_groups(client, store) for log in fields(g)]) and len(logs) >= count and logs)


@pytest.mark.parametrize("auth", ["v1", "v4"])
def test_simple_handler(client, store, logger, auth):
    logger.addHandler(SimpleLogHandler(ENDPOINT, KEY_ID, SECRET, store.project, store.name, "app", auth_version=auth, region=REGION))
    logger.warning("disk %s is full", "sda")
    [group] = pull_groups(client, store)
    assert group.Topic == "app"
    [log] = fields(group)
    assert log["message"] == "disk sda is full" and log["levelname"] == "WARNING" and log["name"] == "compat"


@pytest.mark.parametrize("auth", ["v1", "v4"])
def test_queued_handler_batches_and_flushes_on_stop(client, store, logger, auth):
    handler = QueuedLogHandler(
        ENDPOINT, KEY_ID, SECRET, store.project, store.name, "app", put_wait=1, batch_size=100, auth_version=auth, region=REGION,
    )
    logger.addHandler(handler)
    for i in range(250):
        logger.info("line %d", i)
    handler.stop()
    got = [log["message"] for log in stored(client, store, 250)]
    assert sorted(got) == sorted(f"line {i}" for i in range(250))
    assert len(pull_groups(client, store)) < 50, "logs travel in batches"


def test_queued_handler_by_dict_config_with_fields_out_of_the_message(client, store, logger):
    logging.config.dictConfig({
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {
            "sls": {
                "()": "aliyun.log.QueuedLogHandler",
                "end_point": ENDPOINT, "access_key_id": KEY_ID, "access_key": SECRET, "project": store.project, "log_store": store.name,
                "extract_kv": True, "extract_json": True, "put_wait": 1,
            },
        },
        "loggers": {"compat": {"handlers": ["sls"], "level": "INFO"}},
    })
    logger.info("user=alice took=12")
    logger.info({"order": 7, "state": "paid"}, extra={"trace": "abc"})
    first, second = stored(client, store, 2)
    assert (first["user"], first["took"]) == ("alice", "12")
    assert (second["order"], second["state"], second["trace"]) == ("7", "paid", "abc")


def test_uwsgi_handler_in_a_real_uwsgi(client, store):
    here = pathlib.Path(__file__).parent
    command = [
        pathlib.Path(sys.executable).with_name("uwsgi"), "--master", "--processes", "2", "--enable-threads", "--need-app", "--die-on-term",
        "--http-socket", "127.0.0.1:0", "--wsgi-file", here / "uwsgi_app.py", "--pythonpath", here,
        "--set-ph", f"project={store.project}", "--set-ph", f"logstore={store.name}",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as uwsgi:
        try:
            lines = iter(uwsgi.stdout.readline, "")
            port = next(m[1] for line in lines if (m := re.search(r"bound to TCP address 127\.0\.0\.1:(\d+)", line)))
            for i in range(5):
                assert requests.get(f"http://127.0.0.1:{port}/{i}", timeout=120).text == "logged\n"
            got = sorted(log["message"] for log in stored(client, store, 5))
            assert got == [f"asked for /{i}" for i in range(5)]
        finally:
            uwsgi.terminate()
            uwsgi.communicate(timeout=120)
