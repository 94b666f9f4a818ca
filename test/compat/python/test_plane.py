"""The control plane: what the SDK stores comes back as it was. Methods are those of the SDK's documentation."""

import json
import uuid

from aliyun.log import (
    ApsaraFileConfigDetail,
    FullRegFileConfigDetail,
    JsonFileConfigDetail,
    LogtailConfigGenerator,
    MachineGroupDetail,
    PluginConfigDetail,
    SeperatorFileConfigDetail,
    SimpleFileConfigDetail,
    SyslogConfigDetail,
)
from aliyun.log.external_store_config import ExternalStoreConfig, ExternalStoreOssConfig
from aliyun.log.job import JobSchedule
from aliyun.log.resource_params import Resource, ResourceRecord, ResourceSchemaItem
from aliyun.log.scheduled_sql import ScheduledSQL, ScheduledSQLConfiguration
from aliyun.log.topostore_params import Topostore, TopostoreNode, TopostoreRelation
from conftest import error_of


def code_of(call, *args):
    return error_of(call, *args).get_error_code()


def unique(prefix):
    return prefix + "-" + uuid.uuid4().hex[:8]


def test_machine_group(any_client, project):
    group = MachineGroupDetail("group_name1", "ip", ["10.0.0.1", "10.0.0.2"], "Armory", {"groupTopic": "topic"})
    any_client.create_machine_group(project, group)
    assert code_of(any_client.create_machine_group, project, group) == "MachineGroupAlreadyExist"
    got = any_client.get_machine_group(project, "group_name1").get_machine_group()
    assert got.to_json() == group.to_json()

    group.machine_list, group.machine_type = ["one"], "userdefined"
    any_client.update_machine_group(project, group)
    assert any_client.get_machine_group(project, "group_name1").get_machine_group().to_json() == group.to_json()
    listed = any_client.list_machine_group(project)
    assert (listed.get_machine_group(), listed.get_machine_group_count(), listed.get_machine_group_total()) == (["group_name1"], 1, 1)
    machines = any_client.list_machines(project, "group_name1")
    assert (machines.get_machine_count(), machines.get_machine_total()) == (0, 0)
    any_client.delete_machine_group(project, "group_name1")
    assert code_of(any_client.get_machine_group, project, "group_name1") == "MachineGroupNotExist"
    assert any_client.list_machine_group(project).get_machine_group() == []


CONFIGS = [
    PluginConfigDetail("web", "plugin", plugin={"inputs": [{"type": "service_canal", "detail": {"Host": "10.0.0.1"}}]}),
    SeperatorFileConfigDetail("web", "separator", "a|b", "/var/log", "*.log", separator="|", key=["a", "b"], timeKey="a"),
    SimpleFileConfigDetail("web", "simple", "/var/log", "*.log"),
    FullRegFileConfigDetail("web", "full-regex", "/var/log", "*.log", "1 2", logBeginRegex=r"\d+.*", regex=r"(\d+) (\d+)", key=["a", "b"]),
    JsonFileConfigDetail("web", "json", "/var/log", "*.log", filterKey=["a"], filterRegex=[".*"], maxDepth=3),
    ApsaraFileConfigDetail("web", "apsara", "/var/log", "*.log", r"\[\d+.*"),
    SyslogConfigDetail("web", "syslog", "tag"),
]


def test_logtail_configs_of_all_kinds(client, store):
    for config in CONFIGS:
        client.create_logtail_config(store.project, config)
        assert code_of(client.create_logtail_config, store.project, config) == "ConfigAlreadyExist"
        answer = client.get_logtail_config(store.project, config.config_name)
        sent, back = config.to_json(), answer.get_body()
        assert back["createTime"] > 0 and answer.logtail_config.config_name == config.config_name
        for times in ("createTime", "lastModifyTime"):
            sent.pop(times, None), back.pop(times)
        assert back == sent

        changed = dict(back, member_that_nobody_knows={"a": [1.5, None]})
        client.update_logtail_config(store.project, LogtailConfigGenerator.from_json(changed))
    names = sorted(c.config_name for c in CONFIGS)
    listed = client.list_logtail_config(store.project, size=-1)
    assert (listed.get_configs(), listed.get_configs_total()) == (names, len(names))
    assert client.list_logtail_config(store.project, config="reg").get_configs() == ["full-regex"]
    assert client.list_logtail_config(store.project, logstore="other").get_configs() == []
    assert client.list_logtail_config(store.project, logstore="web", offset=5, size=1).get_configs() == [names[5]]
    for name in names:
        client.delete_logtail_config(store.project, name)
    assert code_of(client.get_logtail_config, store.project, "json") == "ConfigNotExist"


def test_application_of_configs(client, store):
    client.create_machine_group(store.project, MachineGroupDetail("group", "ip", [], "", {}))
    client.create_logtail_config(store.project, CONFIGS[4])
    client.apply_config_to_machine_group(store.project, "json", "group")
    assert client.get_machine_group_applied_configs(store.project, "group").get_configs() == ["json"]
    assert client.get_config_applied_machine_groups(store.project, "json").get_machine_groups() == ["group"]
    assert code_of(client.apply_config_to_machine_group, store.project, "none", "group") == "ConfigNotExist"
    client.remove_config_to_machine_group(store.project, "json", "group")
    assert client.get_machine_group_applied_configs(store.project, "group").get_config_count() == 0


def test_dashboards_and_saved_searches(client, project):
    board = {"dashboardName": "board", "displayName": "B", "charts": [{"title": "<t>", "type": "table", "search": {"query": "*|select 'ä'"}}], "more": {"x": 1}}
    client.create_dashboard(project, board)
    assert code_of(client.create_dashboard, project, board) == "ParameterInvalid"
    got = client.get_dashboard(project, "board").get_entity()
    assert {k: got[k] for k in board} == board
    client.update_dashboard(project, dict(board, displayName="C"))
    assert client.get_dashboard(project, "board").get_entity()["displayName"] == "C"
    listed = client.list_dashboard(project)
    assert (listed.get_entities(), listed.get_count(), listed.get_total()) == (["board"], 1, 1)
    client.delete_dashboard(project, "board")
    assert code_of(client.get_dashboard, project, "board") == "DashboardNotExist"

    search = {"savedsearchName": "search", "searchQuery": "a and b", "logstore": "web", "topic": "", "displayName": "S"}
    client.create_savedsearch(project, search)
    client.update_savedsearch(project, dict(search, topic="t"))
    got = client.get_savedsearch(project, "search").get_entity()
    assert {k: got[k] for k in search} == dict(search, topic="t")
    assert client.list_savedsearch(project).get_entities() == ["search"]
    client.delete_savedsearch(project, "search")
    assert code_of(client.get_savedsearch, project, "search") == "SavedSearchNotExist"


def test_alert(client, project):
    alert = {
        "name": "alert", "displayName": "A", "type": "Alert", "schedule": {"type": "FixedRate", "interval": "60s"},
        "configuration": {"version": "2.0", "dashboard": "d", "queryList": [{"query": "*", "start": "-60s", "end": "now"}], "unknown": [1, 2.50]},
    }  # fmt: skip
    client.create_alert(project, alert)
    assert code_of(client.create_alert, project, alert) == "JobAlreadyExist"
    got = client.get_alert(project, "alert").get_body()
    assert {k: got[k] for k in alert} == alert and got["status"] == "ENABLED" and got["createTime"] > 0
    client.disable_alert(project, "alert")
    assert client.get_alert(project, "alert").get_body()["status"] == "DISABLED"
    client.update_alert(project, dict(alert, displayName="B"))
    client.enable_alert(project, "alert")
    assert error_of(client.enable_alert, project, "alert").get_error_message().endswith("already enabled")
    body = client.list_alert(project).get_body()
    assert (body["count"], body["total"]) == (1, 1)
    assert (body["results"][0]["displayName"], body["results"][0]["status"]) == ("B", "ENABLED")
    client.delete_alert(project, "alert")
    assert code_of(client.get_alert, project, "alert") == "JobNotExist"


def test_scheduled_sql(client, project):
    config = ScheduledSQLConfiguration()
    config.setSourceLogstore("web")
    config.setScript("* | select count(*)")
    config.setDestProject(project)
    config.setDestLogstore("sums")
    config.setFromTimeExpr("@m-1m")
    config.setToTimeExpr("@m")
    config.setFromTime(1700000000)
    schedule = JobSchedule()
    schedule.setType("FixedRate")
    schedule.setInterval("1m")
    job = ScheduledSQL()
    job.setName("sql")
    job.setDisplayName("S")
    job.setDescription("")
    job.setSchedule(schedule)
    job.setConfiguration(config)
    client.create_scheduled_sql(project, job)
    job.setDisplayName("T")
    client.update_scheduled_sql(project, job)
    got = client.get_scheduled_sql(project, "sql").get_scheduled_sql()
    assert got["displayName"] == "T" and got["configuration"]["script"] == "* | select count(*)"
    listed = client.list_scheduled_sql(project)
    assert (listed.get_count(), listed.get_total()) == (1, 1)
    instances = client.list_scheduled_sql_job_instance(project, "sql", 1, 2)
    assert (instances.get_total(), instances.get_scheduled_sql_jobs()) == (0, [])
    assert code_of(client.get_scheduled_sql_job_instance, project, "sql", "1") == "JobInstanceNotExist"
    assert code_of(client.modify_scheduled_sql_job_instance_state, project, "sql", "1", "RUNNING") == "JobInstanceNotExist"
    client.delete_scheduled_sql(project, "sql")
    assert code_of(client.get_scheduled_sql, project, "sql") == "JobNotExist"


def test_etl_and_ingestion(client, project):
    configuration = {"version": 2, "logstore": "web", "script": 'e_set("a", "b")', "accessKeyId": "id", "accessKeySecret": "hidden", "sinks": []}
    client.create_etl(project, "etl", configuration, {"type": "Resident"}, "E")
    got = client.get_etl(project, "etl").get_body()
    assert got["status"] == "STARTING" and got["configuration"] == dict(configuration, accessKeySecret="********")
    client.stop_etl(project, "etl")
    assert client.get_etl(project, "etl").get_body()["status"] == "STOPPED"
    client.start_etl(project, "etl")
    client.update_etl(project, "etl", got["configuration"], {"type": "Resident"}, "F")
    assert client.get_etl(project, "etl").get_body()["displayName"] == "F"
    client.delete_etl(project, "etl")

    ingestion = {"name": "in", "displayName": "I", "type": "Ingestion", "schedule": {"type": "Resident"}, "configuration": {"logstore": "web", "source": {"type": "S3"}}}
    client.create_ingestion(project, json.dumps(ingestion))
    client.stop_ingestion(project, "in")
    client.start_ingestion(project, "in")
    client.restart_ingestion(project, "in", json.dumps(dict(ingestion, displayName="J")))
    client.update_ingestion(project, "in", json.dumps(ingestion))
    got = client.get_ingestion(project, "in").get_body()
    assert {k: got[k] for k in ingestion} == ingestion
    listed = client.list_ingestion(project, "web").get_body()
    assert (listed["total"], [r["name"] for r in listed["results"]]) == (1, ["in"])
    assert client.list_ingestion(project, "other").get_body()["total"] == 0
    client.delete_ingestion(project, "in")
    assert code_of(client.get_ingestion, project, "in") == "JobNotExist"


def test_external_stores(client, project):
    db = ExternalStoreConfig("db", "local", "rds-vpc", "vpc", "rds", "10.0.0.1", "3306", "user", "hidden", "d", "t")
    client.create_external_store(project, db)
    got = client.get_external_store(project, "db").get_external_store_config()
    assert (got.host, got.username, got.password) == ("10.0.0.1", "user", "********")
    got.table = "u"
    client.update_external_store(project, got)
    assert client.get_external_store(project, "db").get_external_store_config().table == "u"
    client.create_external_store(project, ExternalStoreOssConfig("oss", ["o.csv"], [{"name": "a"}], "e", "b", "id", "key"))
    assert client.get_external_store(project, "oss").get_external_store_config().objects == ["o.csv"]
    assert client.list_external_store(project, "o").get_logstores() == ["oss"]
    client.delete_external_store(project, "db")
    assert code_of(client.get_external_store, project, "db") == "LogStoreNotExist"
    assert code_of(client.delete_external_store, project, "db") == "ParameterInvalid"


def test_sub_and_metric_stores(client, project):
    client.create_metric_store(project, "prom", ttl=7, shard_count=1)
    assert client.list_substore(project, "prom").get_substores() == ["prom"]
    got = client.get_substore(project, "prom", "prom")
    assert (got.ttl, got.sorted_key_count, got.time_index, len(got.keys)) == (7, 2, 2, 4)
    client.update_substore(project, "prom", "prom", got.keys, 8, 2, 2)
    assert client.get_substore_ttl(project, "prom").ttl == 8
    client.update_metric_store(project, "prom", ttl=9)
    assert client.get_substore_ttl(project, "prom").ttl == 9
    assert client.get_metric_store(project, "prom").ttl == 9
    client.create_substore(project, "prom", "second", got.keys, 3, 2, 2)
    client.delete_substore(project, "prom", "second")
    assert code_of(client.get_substore, project, "prom", "second") == "SubStoreNotExist"
    client.delete_metric_store(project, "prom")
    assert code_of(client.list_substore, project, "prom") == "LogStoreNotExist"


def test_tags_and_resource_group(client, store):
    client.tag_project(store.project, team="a", tier="1")
    client.untag_project(store.project, "tier")
    assert [page.get_tags() for page in client.get_project_tags(store.project)] == [{"team": "a"}]
    thing = store.project + "#" + store.name
    client.tag_resources("logstore", thing, team="b", tier="2")
    client.untag_resources("logstore", thing, "tier")
    tags = [t for page in client.list_tag_resources("logstore", thing) for t in page.get_tags()]
    assert [(t.get_resource_id(), t.get_tag_key(), t.get_tag_value()) for t in tags] == [(thing, "team", "b")]
    assert [t for page in client.list_tag_resources("logstore", thing, team="x") for t in page.get_tags()] == []

    client.change_resource_group(store.project, "rg-1")
    assert [p["projectName"] for p in client.list_project(resource_group_id="rg-1", project_name_pattern=store.project).get_projects()] == [store.project]


def test_resources_and_records(client):
    name = unique("users")
    resource = Resource(name, resource_type="userdefine", schema_list=[ResourceSchemaItem(column="a", schema_type="string")], description="d")
    client.create_resource(resource)
    try:
        got = client.get_resource(name).get_resource()
        assert (got.get_resource_name(), got.get_description(), len(got.get_schema())) == (name, "d", 1)
        assert client.list_resources(resource_names=[name]).get_total() == 1
        client.create_resource_record(name, ResourceRecord("r1", "t", {"a": "1"}))
        client.upsert_resource_record(name, [ResourceRecord("r1", "t", {"a": "2"}), ResourceRecord("r2", "u", {"a": "3"})])
        assert client.get_resource_record(name, "r1").get_record().get_value() == {"a": "2"}
        client.update_resource_record(name, ResourceRecord("r1", "t", {"a": "4"}))
        assert [r.get_record_id() for r in client.list_resource_records(name, tag="u").get_records()] == ["r2"]
        assert client.list_resource_records(name, record_ids=["r1", "r2"]).get_total() == 2
        client.delete_resource_record(name, ["r1", "r2"])
        assert code_of(client.get_resource_record, name, "r1") == "ResourceRecordNotExist"
    finally:
        client.delete_resource(name)


def test_topology(client):
    name = unique("topo")
    client.create_topostore(Topostore(name, description="d"))
    try:
        assert client.get_topostore(name).get_topostore().get_name() == name
        client.create_topostore_node(name, TopostoreNode("n1", "host", property={"a": "b"}))
        client.upsert_topostore_node(name, [TopostoreNode("n1", "host"), TopostoreNode("n2", "disk")])
        assert client.list_topostore_node(name, node_types=["disk"]).get_total() == 1
        client.create_topostore_relation(name, TopostoreRelation("r", "has", "n1", "n2"))
        assert client.list_topostore_relation(name, src_node_ids=["n1"]).get_total() == 1
        assert client.list_topostore_relation(name, src_node_ids=["n2"]).get_total() == 0
        client.delete_topostore_relation(name, ["r"])
        client.delete_topostore_node(name, ["n1", "n2"])
    finally:
        client.delete_topostore(name)


def test_resource_usage(client, store):
    client.create_logtail_config(store.project, CONFIGS[4])
    body = client.get_resource_usage(store.project).get_body()
    assert body["logstore"]["count"]["status"] == 1 and body["logtail"]["count"]["status"] == 1
