"""A web application that logs each request through UwsgiQueuedLogHandler; uWSGI runs it, see test_handlers.py."""

import logging

import conftest
import uwsgi
from aliyun.log import UwsgiQueuedLogHandler

handler = UwsgiQueuedLogHandler(
    conftest.ENDPOINT, conftest.KEY_ID, conftest.SECRET, uwsgi.opt["project"].decode(), uwsgi.opt["logstore"].decode(), put_wait=1,
)
logger = logging.getLogger("app")
logger.setLevel(logging.INFO)
logger.addHandler(handler)


def application(environ, start_response):
    logger.info("asked for %s", environ["PATH_INFO"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"logged\n"]
