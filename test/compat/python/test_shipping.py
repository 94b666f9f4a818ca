"""Shippers and export jobs, until their objects are in a bucket and say what was written."""

import csv
import gzip
import io
import json
import time

import bucket
import pytest
from aliyun.log.job import Export, ExportConfiguration, JobSchedule
from aliyun.log.oss_sink import AliyunOSSSink
from conftest import eventually, put, shards

FORMATS = {
    "json": {"enableTag": True},
    "csv": {"columns": ["message", "__topic__", "none"], "delimiter": ",", "quote": '"', "lineFeed": "\n", "nullIdentifier": "-", "header": True},
    "parquet": {"columns": [{"name": "message", "type": "string"}]},
}
ENDINGS = {"json": ".gz", "csv": ".gz.csv", "parquet": ".gz.parquet"}
MESSAGES = ["one", 'two, "quoted"', "\u65e5\u5fd7"]


def seal(client, store):
    """Splits the shard, so that what was written is all that there will be, and no buffer waits for more."""
    client.split_shard(store.project, store.name, shards(client, store)[0]["shardID"], "8" + "0" * 31)


def check(form, prefix):
    (name,) = eventually(lambda: bucket.names(prefix))
    assert name.endswith(ENDINGS[form]), name
    body = bucket.get(name)
    if form == "parquet":  # Python has no reader of its own: the Go tests look inside
        assert body[:4] == body[-4:] == b"PAR1"
        return
    text = gzip.decompress(body).decode()
    if form == "json":
        logs = [json.loads(line) for line in text.splitlines()]
        assert [log["message"] for log in logs] == MESSAGES
        assert {(log["__topic__"], log["__source__"], log["__tag__:rack"]) for log in logs} == {("topic", "10.0.0.1", "7")}
    else:
        assert list(csv.reader(io.StringIO(text))) == [["message", "__topic__", "none"], *([m, "topic", "-"] for m in MESSAGES)]


@pytest.mark.parametrize("store", [1], indirect=True)
def test_shippers_ship(client, store):
    for form, detail in FORMATS.items():
        client.create_shipper(store.project, store.name, {
            "shipperName": form, "targetType": "oss", "targetConfiguration": {
                "ossBucket": bucket.BUCKET, "ossPrefix": f"{store.project}/{form}", "roleArn": "acs:ram::1:role/r", "bufferInterval": 300, "bufferSize": 5,
                "compressType": "gzip", "pathFormat": "%Y/%m/%d/%H/%M", "enable": True, "storage": {"format": form, "detail": detail},
            },
        })
    put(client, store, *MESSAGES, topic="topic", logtags=[("rack", "7")])
    seal(client, store)
    for form in FORMATS:
        check(form, f"{store.project}/{form}/")
    now = int(time.time())
    tasks = eventually(lambda: client.get_shipper_tasks(store.project, store.name, "json", now - 600, now + 600, "success").get_tasks())
    assert [task.task_status for task in tasks] == ["success"] and tasks[0].task_id


def export(form, detail, prefix):
    configuration = ExportConfiguration()
    configuration.setRoleArn("acs:ram::1:role/r")
    configuration.setLogstore("web")
    configuration.setFromTime(1)
    configuration.setToTime(0)
    configuration.setSink(AliyunOSSSink("acs:ram::1:role/r", bucket.BUCKET, prefix, "", "%Y/%m/%d/%H/%M", "time", 5, 300, "+0800", form, "gzip", detail))
    job = Export()
    job.setName(form)
    job.setDisplayName(form)
    job.setConfiguration(configuration)
    return job


@pytest.mark.parametrize("store", [1], indirect=True)
def test_exports_ship(client, store):
    put(client, store, *MESSAGES, topic="topic", logtags=[("rack", "7")])
    seal(client, store)
    for form, detail in FORMATS.items():
        if "nullIdentifier" in detail:
            detail = {**detail, "null": detail["nullIdentifier"]}
        client.create_export(store.project, export(form, detail, f"{store.project}/{form}"))
    for form in FORMATS:
        check(form, f"{store.project}/{form}/")
