"""Writes a log with the SLS Python SDK and reads it back."""

import os
import time

from aliyun.log import LogClient, LogException, LogItem, PutLogsRequest

PROJECT, LOGSTORE = "howto-python", "app"

client = LogClient(
    os.environ["SLS_ENDPOINT"],  # such as http://localhost:8080
    os.environ["SLUICE_ACCESS_KEY_ID"],
    os.environ["SLUICE_ACCESS_KEY_SECRET"],
)


def create(call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except LogException as e:
        if e.get_error_code() not in ("ProjectAlreadyExist", "LogStoreAlreadyExist"):
            raise


create(client.create_project, PROJECT, "from the Python SDK")
create(client.create_logstore, PROJECT, LOGSTORE, ttl=7, shard_count=1)

item = LogItem(timestamp=int(time.time()), contents=[("msg", "hello from Python")])
client.put_logs(PutLogsRequest(PROJECT, LOGSTORE, topic="greetings", source="howto", logitems=[item]))

cursor = client.get_begin_cursor(PROJECT, LOGSTORE, 0).get_cursor()
end = client.get_end_cursor(PROJECT, LOGSTORE, 0).get_cursor()
while cursor != end:
    pulled = client.pull_logs(PROJECT, LOGSTORE, 0, cursor, count=100, end_cursor=end)
    for line in pulled.get_flatten_logs_json():
        print(line["__topic__"], "msg", line["msg"])
    cursor = pulled.get_next_cursor()
