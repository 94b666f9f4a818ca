"""A reader of the OSS that stands behind the server under test: signature V1 and plain HTTP, as its documentation has them."""

import base64
import email.utils
import hashlib
import hmac
import os
import re
import urllib.request

URL = os.environ["SLUICE_TEST_OSS"]
KEY_ID = os.environ["SLUICE_TEST_OSS_ACCESS_KEY_ID"]
SECRET = os.environ["SLUICE_TEST_OSS_ACCESS_KEY_SECRET"]
BUCKET = os.environ["SLUICE_TEST_OSS_BUCKET"]


def get(key="", query=""):
    date = email.utils.formatdate(usegmt=True)
    text = f"GET\n\n\n{date}\n/{BUCKET}/{key}"
    signature = base64.b64encode(hmac.new(SECRET.encode(), text.encode(), hashlib.sha1).digest()).decode()
    request = urllib.request.Request(f"{URL}/{BUCKET}/{key}{query}", headers={"Date": date, "Authorization": f"OSS {KEY_ID}:{signature}"})
    with urllib.request.urlopen(request) as answer:
        return answer.read()


def names(prefix):
    """The objects below a prefix, but for those that the server makes to see whether it may."""
    found = re.findall("<Key>(.*?)</Key>", get(query="?prefix=" + prefix).decode())
    return [name for name in found if not name.endswith("sluice-check.txt")]
