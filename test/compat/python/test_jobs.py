"""Jobs: alerts, scheduled SQL, ingestion, transformation, exports and shippers, rebuilding an index; and the jobs of changing stored logs."""

import json
import time

import pytest
from aliyun.log import (
    DeleteLogsRequest, GetDeleteLogsStatusRequest, IndexConfig, IndexKeyConfig, IndexLineConfig, ListDeleteLogsTasksRequest, LogItem, PutLogsRequest,
)
from aliyun.log.delete_async_sql_request import DeleteAsyncSqlRequest
from aliyun.log.get_async_sql_request import GetAsyncSqlRequest
from aliyun.log.job import Export, ExportConfiguration, JobSchedule
from aliyun.log.oss_sink import AliyunOSSSink
from aliyun.log.proto import LogGroupRaw
from aliyun.log.scheduled_sql import ScheduledSQL, ScheduledSQLConfiguration
from aliyun.log.submit_async_sql_request import SubmitAsyncSqlRequest
from conftest import Searched, Store, error_of, eventually, messages, pull_groups

ALERT = {
    "name": "errors", "displayName": "Errors", "type": "Alert", "state": "Enabled", "description": "",
    "schedule": {"type": "FixedRate", "interval": "60s"},
    "configuration": {
        "condition": "n > 1", "dashboard": "d", "throttling": "0s", "notifyThreshold": 1,
        "queryList": [{"logStore": "web", "query": "* | select count(1) as n", "start": "-60s", "end": "now", "timeSpanType": "Custom", "chartTitle": "c"}],
        "notificationList": [{"type": "Email", "emailList": ["ops@sls.test"], "content": "look"}],
    },
}


def test_alert(client, project):
    client.create_alert(project, ALERT)
    got = client.get_alert(project, "errors").get_body()
    assert (got["displayName"], got["configuration"]["condition"]) == ("Errors", "n > 1")
    client.update_alert(project, ALERT | {"displayName": "All errors"})
    assert client.get_alert(project, "errors").get_body()["displayName"] == "All errors"
    client.disable_alert(project, "errors")
    assert client.get_alert(project, "errors").get_body()["state"].lower() == "disabled"
    client.enable_alert(project, "errors")
    assert client.get_alert(project, "errors").get_body()["state"].lower() == "enabled"
    assert client.list_alert(project).get_total() == 1
    client.delete_alert(project, "errors")
    assert error_of(client.get_alert, project, "errors").get_resp_status() == 404


def test_copy_alert(client, project):
    client.create_alert(project, ALERT)
    client.copy_alert(project, "errors", to_alert_name="copied")
    assert client.get_alert(project, "copied").get_body()["configuration"]["condition"] == "n > 1"


INGESTION = {
    "name": "in", "displayName": "In", "type": "Ingestion", "description": "",
    "schedule": {"type": "Resident", "runImmediately": True},
    "configuration": {"version": "v2.0", "logstore": "web", "source": {"type": "AliyunOSS", "bucket": "b", "endpoint": "oss.sls.test", "prefix": ""}},
}


def test_ingestion(client, project, store):
    client.create_ingestion(project, json.dumps(INGESTION))
    assert client.get_ingestion(project, "in").get_ingestion()["displayName"] == "In"
    client.update_ingestion(project, "in", json.dumps(INGESTION | {"displayName": "Into"}))
    assert client.get_ingestion(project, "in").get_ingestion()["displayName"] == "Into"
    assert client.list_ingestion(project).get_total() == 1
    client.stop_ingestion(project, "in")
    client.start_ingestion(project, "in")
    client.restart_ingestion(project, "in", json.dumps(INGESTION))
    client.delete_ingestion(project, "in")
    assert error_of(client.get_ingestion, project, "in").get_resp_status() == 404


ETL = {"version": 2, "logstore": "web", "script": "e_keep(True)", "fromTime": 0, "toTime": 0, "parameters": {}, "sinks": [{
    "name": "out", "project": "p", "logstore": "to", "endpoint": "sls.test", "accessKeyId": "", "accessKeySecret": "", "type": "AliyunLOG",
}]}


def test_etl(client, project, store):
    client.create_etl(project, "transform", ETL, {"type": "Resident"}, "Transform")
    assert client.get_etl(project, "transform").get_body()["configuration"]["script"] == "e_keep(True)"
    client.update_etl(project, "transform", ETL | {"script": "e_drop()"}, {"type": "Resident"}, "Transform")
    assert client.get_etl(project, "transform").get_body()["configuration"]["script"] == "e_drop()"
    assert client.list_etls(project).get_total() == 1
    client.stop_etl(project, "transform")
    client.start_etl(project, "transform")
    client.delete_etl(project, "transform")
    assert error_of(client.get_etl, project, "transform").get_resp_status() == 404


SCHEDULED = {
    "name": "hourly", "displayName": "Hourly", "description": "", "type": "ScheduledSQL", "schedule": {"type": "FixedRate", "interval": "1h"},
    "configuration": {
        "sourceLogstore": "web", "destProject": "p", "destLogstore": "to", "destEndpoint": "sls.test", "script": "* | select count(1) as n",
        "sqlType": "searchQuery", "resourcePool": "enhanced", "roleArn": "acs:ram::1:role/r", "destRoleArn": "acs:ram::1:role/r",
        "fromTimeExpr": "@h-1h", "toTimeExpr": "@h", "maxRunTimeInSeconds": 600, "maxRetries": 3, "fromTime": 1700000000, "toTime": 0,
        "dataFormat": "log2log", "parameters": {},
    },
}


def scheduled_sql():
    schedule = JobSchedule()
    schedule.setType("FixedRate")
    schedule.setInterval("1h")
    configuration = ScheduledSQLConfiguration()
    for name, value in SCHEDULED["configuration"].items():
        getattr(configuration, "set" + name[0].upper() + name[1:])(value)
    job = ScheduledSQL()
    job.setName(SCHEDULED["name"])
    job.setDisplayName(SCHEDULED["displayName"])
    job.setDescription("")
    job.setSchedule(schedule)
    job.setConfiguration(configuration)
    return job


def test_scheduled_sql(client, project, store):
    job = scheduled_sql()
    client.create_scheduled_sql(project, job)
    assert client.get_scheduled_sql(project, "hourly").get_scheduled_sql()["displayName"] == "Hourly"
    job.setDisplayName("By the hour")
    client.update_scheduled_sql(project, job)
    assert client.get_scheduled_sql(project, "hourly").get_scheduled_sql()["displayName"] == "By the hour"
    assert client.list_scheduled_sql(project).get_total() == 1
    client.delete_scheduled_sql(project, "hourly")
    assert client.list_scheduled_sql(project).get_total() == 0


def test_runs_of_scheduled_sql(client, project, store):
    client.create_scheduled_sql(project, scheduled_sql())
    now = int(time.time())
    client.list_scheduled_sql_job_instance(project, "hourly", now - 3600, now + 3600)


def export():
    configuration = ExportConfiguration()
    configuration.setLogstore("web")
    configuration.setRoleArn("acs:ram::1:role/r")
    configuration.setFromTime(1)
    configuration.setToTime(0)
    configuration.setSink(AliyunOSSSink(
        roleArn="acs:ram::1:role/r", bucket="compat-bucket", prefix="p", suffix=".json", pathFormat="%Y/%m/%d/%H/%M", pathFormatType="time",
        bufferSize=256, bufferInterval=300, timeZone="+0000", contentType="json", compressionType="gzip", contentDetail={"enableTag": True},
    ))
    job = Export()
    job.setName("out")
    job.setDisplayName("Out")
    job.setConfiguration(configuration)
    return job


def test_export(client, project, store):
    client.create_export(project, export())
    got = client.get_export(project, "out").get_export()
    assert (got["displayName"], got["configuration"]["sink"]["bucket"]) == ("Out", "compat-bucket")
    assert client.list_export(project).get_total() == 1
    assert client.list_logstore_export(project, "web").get_total() == 1
    got["displayName"] = "Outwards"
    client.update_export(project, "out", json.dumps(got))
    assert client.get_export(project, "out").get_export()["displayName"] == "Outwards"
    client.delete_export(project, "out")
    assert error_of(client.get_export, project, "out").get_error_code() == "JobNotExist"


SHIPPER = {
    "shipperName": "ship", "targetType": "oss",
    "targetConfiguration": {
        "ossBucket": "compat-bucket", "ossPrefix": "p", "roleArn": "acs:ram::1:role/r", "bufferInterval": 300, "bufferSize": 128, "compressType": "none",
        "pathFormat": "%Y/%m/%d", "timeZone": "+0000", "storage": {"format": "json", "detail": {"enableTag": True}},
    },
}


def test_shipper(client, project, store):
    client.create_shipper(project, store.name, SHIPPER)
    assert client.get_shipper(project, store.name, "ship").get_body()["targetConfiguration"]["ossBucket"] == "compat-bucket"
    assert client.list_shipper(project, store.name).get_total() == 1
    changed = SHIPPER | {"targetConfiguration": SHIPPER["targetConfiguration"] | {"bufferInterval": 600}}
    client.update_shipper(project, store.name, changed)
    assert client.get_shipper(project, store.name, "ship").get_body()["targetConfiguration"]["bufferInterval"] == 600
    now = int(time.time())
    tasks = client.get_shipper_tasks(project, store.name, "ship", now - 600, now + 600)
    assert (tasks.get_task_count(), tasks.get_fail_task_count()) == (0, 0)
    client.delete_shipper(project, store.name, "ship")
    assert client.list_shipper(project, store.name).get_total() == 0


def test_rebuild_index(client, searched):
    name = f"rebuild-{int(time.time())}"
    client.create_rebuild_index(searched.project, searched.name, name, "Rebuild", searched.begin, searched.end)
    job = eventually(lambda: (got := client.get_rebuild_index(searched.project, name)).get_status().upper() == "SUCCEEDED" and got)
    assert job.get_configuration()["logstore"] == searched.name


def logs_of(client, searched, query):
    """The logs that a search finds, all of them."""
    pages = client.get_log_all(searched.project, searched.name, searched.begin, searched.end, query=query)
    return [log.get_contents() for page in pages for log in page.get_logs()]


def test_deleting_logs(client, searched):
    request = DeleteLogsRequest(searched.project, searched.name, fromTime=searched.begin, toTime=searched.end, query="status: 500")
    refused = error_of(client.delete_logs, request)
    assert refused.get_error_code() == "ParameterInvalid" and "enableModify" in refused.get_error_message()
    client.enable_logstore_modify(searched.project, searched.name)
    assert len(logs_of(client, searched, "status: 500")) == 115

    task = client.delete_logs(request).get_taskid()
    status = GetDeleteLogsStatusRequest(searched.project, searched.name, task)
    done = eventually(lambda: (got := client.get_delete_logs_status(status)).is_completed() and got)
    assert done.get_process() == 100
    assert logs_of(client, searched, "status: 500") == []
    assert len(logs_of(client, searched, "*")) == 115

    second = client.delete_logs(request).get_taskid()
    eventually(lambda: client.get_delete_logs_status(GetDeleteLogsStatusRequest(searched.project, searched.name, second)).is_completed())
    listed = client.list_delete_logs_tasks(ListDeleteLogsTasksRequest(searched.project, searched.name))
    assert (listed.get_total(), listed.get_count(), listed.is_completed()) == (2, 2, True)
    first = listed.get_task_list()[1]
    assert [t["taskId"] for t in listed.get_task_list()] == [second, task]
    assert (first["query"], first["from"], first["to"], first["progress"]) == ("status: 500", searched.begin, searched.end, 100)


def test_deleting_and_updating_logs_by_row(client, project):
    client.create_logstore(project, "rows", shard_count=1, enable_modify=True)
    keys = {"status": IndexKeyConfig(index_type="long", doc_value=True)}
    client.create_index(project, "rows", IndexConfig(7, IndexLineConfig([" "]), keys))
    begin = int(time.time()) - 600
    logs = [LogItem(begin + n, [("n", str(n)), ("status", ["200", "500"][n % 2])]) for n in range(10)]
    client.put_logs(PutLogsRequest(project, "rows", "topic", "10.0.0.1", logs))
    rows = Searched(project, "rows", begin, begin + 10)

    def delete(**which):
        return client.delete_logs_v2(project=project, logstore="rows", **which).get_affected_rows()

    def update(**what):
        return client.update_logs(project=project, logstore="rows", **what).get_affected_rows()

    times = {"from_time": rows.begin, "to_time": rows.end}
    assert delete(query="status: 500", **times) == 5
    assert delete(query="status: 500", **times) == 0
    left = logs_of(client, rows, "*")
    assert [log["n"] for log in left] == ["0", "2", "4", "6", "8"]

    row = left[1]["__rowid__"]
    assert delete(row_id=row) == 1
    assert update(row_id=row, data={"status": "404"}) == 0
    assert update(query="status: 200", data={"status": "201"}, **times) == 4
    row = left[2]["__rowid__"]
    assert update(rowid=row, log_item=LogItem(contents=[("status", "418"), ("why", "tea")])) == 1
    assert update(row_id=left[3]["__rowid__"], update_mode="full", data='{"only": "this"}') == 1
    (changed,) = logs_of(client, rows, "status: 418")
    assert (changed["n"], changed["why"], changed["__rowid__"]) == ("4", "tea", row)
    (full,) = logs_of(client, rows, "this")
    assert (full["only"], full["__topic__"], full["__rowid__"]) == ("this", "topic", left[3]["__rowid__"]) and "n" not in full
    assert len(logs_of(client, rows, "status: 201")) == 2
    assert sum(len(group.Logs) for group in pull_groups(client, Store(project, "rows"))) == 10


def test_asynchronous_sql(client, searched):
    submitted = client.submit_async_sql(
        SubmitAsyncSqlRequest(searched.project, searched.name, "* | select count(*) as n", searched.begin, searched.end),
    )
    answer = eventually(lambda: (got := client.get_async_sql(GetAsyncSqlRequest(searched.project, submitted.get_query_id()))).get_state() == "FINISHED" and got)
    assert (answer.get_keys(), answer.get_rows(), answer.get_result_rows(), answer.get_progress()) == (["n"], [["230"]], 1, "Complete")
    client.delete_async_sql(DeleteAsyncSqlRequest(searched.project, submitted.get_query_id()))


@pytest.mark.parametrize("store", [1], indirect=True)
def test_transform_data(client, project, store, tmp_path):
    """The SDK's own transformation: it reads, drops what a script says, and writes. It cannot bear logs with nanoseconds, so these have none."""
    client.create_logstore(project, "to", shard_count=1)
    group = LogGroupRaw(Topic="t", Source="10.0.0.1")
    for text in (b"keep me", b"drop me"):
        group.Logs.add(Time=int(time.time())).Contents.add(Key="message", Value=text)
    client.put_log_raw(project, store.name, group)
    script = tmp_path / "script_of_test.py"
    script.write_text('from aliyun.log.etl_core import *\nDROP_EVENT_drop = {"message": r"drop.*"}\n')
    report = client.transform_data(project, store.name, str(script), "begin", "end", to_logstore="to")
    assert report.get_body()["total_count"] == 2
    assert messages(pull_groups(client, Store(project, "to"))) == ["keep me"]
