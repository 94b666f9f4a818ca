"""What a project keeps beside its logs: tags, policies, machine groups, Logtail configurations, dashboards, saved searches, stores, views.

Each test is the life of one kind: made, read, listed, changed, deleted, and what is gone is said to be gone.
"""

import json

import pytest
from aliyun.log import LogException, MachineGroupDetail
from aliyun.log.external_store_config import ExternalStoreCsvConfig
from aliyun.log.logtail_config_detail import (
    ApsaraFileConfigDetail,
    FullRegFileConfigDetail,
    JsonFileConfigDetail,
    PluginConfigDetail,
    SeperatorFileConfigDetail,
    SimpleFileConfigDetail,
    SyslogConfigDetail,
)
from aliyun.log.logtail_pipeline_config_detail import LogtailPipelineConfigDetail
from aliyun.log.resource_params import Resource, ResourceRecord
from aliyun.log.store_view import StoreView, StoreViewStore
from aliyun.log.topostore_params import Topostore, TopostoreNode, TopostoreRelation
from conftest import error_of, eventually


def test_project_tags(client, project):
    client.tag_project(project, team="web", stage="prod")
    client.tag_resources("project", project, owner="ada")
    tags = {k: v for page in client.get_project_tags(project) for k, v in page.get_tags().items()}
    assert tags == {"team": "web", "stage": "prod", "owner": "ada"}
    client.untag_project(project, "team")
    client.untag_resources("project", project, "owner")
    [left] = [tag for page in client.list_tag_resources("project", project) for tag in page.get_tags()]
    assert (left.get_tag_key(), left.get_tag_value(), left.get_resource_type()) == ("stage", "prod", "project")


def test_resource_group(client, project):
    client.change_resource_group(project, "rg-compat")
    assert client.get_project(project).get_resource_group_id() == "rg-compat"


def test_resource_policy(client, project):
    policy = json.dumps({
        "Version": "1",
        "Statement": [{"Effect": "Deny", "Action": ["log:DeleteProject"], "Principal": ["*"], "Resource": f"acs:log:*:*:project/{project}/*"}],
    })
    client.put_resource_policy(project, "project", policy)
    assert json.loads(client.get_resource_policy(project, "project").get_policy_document()) == json.loads(policy)
    client.delete_resource_policy(project, "project")
    assert error_of(client.get_resource_policy, project, "project").get_resp_status() == 404


def test_machine_group(client, project):
    group = MachineGroupDetail("web", "ip", ["10.0.0.1", "10.0.0.2"], "", {"groupTopic": "blue"})
    client.create_machine_group(project, group)
    got = client.get_machine_group(project, "web").get_machine_group()
    assert (got.group_name, got.machine_type, got.machine_list, got.group_attribute) == ("web", "ip", ["10.0.0.1", "10.0.0.2"], {"groupTopic": "blue"})
    listed = client.list_machine_group(project)
    assert (listed.get_machine_group(), listed.get_total()) == (["web"], 1)
    assert client.list_machines(project, "web").get_machines() == []  # no agent has been heard of

    client.update_machine_group(project, MachineGroupDetail("web", "userdefined", ["blue"], "", {}))
    got = client.get_machine_group(project, "web").get_machine_group()
    assert (got.machine_type, got.machine_list) == ("userdefined", ["blue"])
    client.delete_machine_group(project, "web")
    assert error_of(client.get_machine_group, project, "web").get_error_code() in ("MachineGroupNotExist", "GroupNotExist")


SAMPLE = "2026-01-01 00:00:00 GET /index.html 200"
LOGTAIL = {
    "simple": SimpleFileConfigDetail("web", "simple", "/var/log", "*.log", topicFormat="none"),
    "regex": FullRegFileConfigDetail(
        "web", "regex", "/var/log", "*.log", SAMPLE, logBeginRegex=r"\d+-.*", regex=r"(\S+) (\S+)", key=["time", "rest"], timeFormat="%Y-%m-%d",
    ),
    "json": JsonFileConfigDetail("web", "json", "/var/log", "*.json", timeKey="ts", timeFormat="%s", filterKey=["level"], filterRegex=["E.*"]),
    "delimiter": SeperatorFileConfigDetail("web", "delimiter", "/var/log", "*.csv", SAMPLE, " ", ["time", "rest"], timeKey="time", timeFormat="%Y"),
    "apsara": ApsaraFileConfigDetail("web", "apsara", "/var/log", "*.LOG", r"\[\d+-.*"),
    "syslog": SyslogConfigDetail("web", "syslog", "sys"),
    "plugin": PluginConfigDetail("web", "plugin", {"inputs": [{"type": "service_canal", "detail": {"Host": "10.0.0.9", "ServerID": 7}}]}),
}


@pytest.mark.parametrize("kind", LOGTAIL)
def test_logtail_config(client, project, kind):
    client.create_logstore(project, "web", shard_count=1)
    sent = LOGTAIL[kind].to_json()
    client.create_logtail_config(project, LOGTAIL[kind])
    got = client.get_logtail_config(project, kind).get_body()
    assert (got["configName"], got["inputType"], got["outputType"], got["outputDetail"]["logstoreName"]) == (kind, sent["inputType"], "LogService", "web")
    assert sent["inputDetail"].items() <= got["inputDetail"].items()
    listed = client.list_logtail_config(project)
    assert (listed.get_configs(), listed.get_total()) == ([kind], 1)
    assert client.list_logtail_config(project, logstore="other").get_configs() == []

    got["inputDetail"]["localStorage"] = False
    got["inputDetail"]["unknown_to_all"] = {"deep": [1, "2"]}
    client.update_logtail_config(project, type(LOGTAIL[kind]).from_json(got))
    again = client.get_logtail_config(project, kind).get_body()["inputDetail"]
    assert (again["localStorage"], again["unknown_to_all"]) == (False, {"deep": [1, "2"]})
    client.delete_logtail_config(project, kind)
    assert error_of(client.get_logtail_config, project, kind).get_error_code() == "ConfigNotExist"


def test_logtail_config_is_applied_to_machine_groups(client, project):
    client.create_logstore(project, "web", shard_count=1)
    client.create_logtail_config(project, LOGTAIL["json"])
    client.create_machine_group(project, MachineGroupDetail("group", "ip", ["10.0.0.1"]))
    client.apply_config_to_machine_group(project, "json", "group")
    assert client.get_machine_group_applied_configs(project, "group").get_configs() == ["json"]
    assert client.get_config_applied_machine_groups(project, "json").get_machine_groups() == ["group"]
    client.remove_config_to_machine_group(project, "json", "group")
    assert client.get_machine_group_applied_configs(project, "group").get_configs() == []
    assert error_of(client.apply_config_to_machine_group, project, "nothing", "group").get_error_code() == "ConfigNotExist"


def test_logtail_pipeline_config(client, project):
    flusher = {"Type": "flusher_sls", "Logstore": "web"}
    config = LogtailPipelineConfigDetail(
        "pipe", [{"Type": "input_file", "FilePaths": ["/var/log/*.log"]}], [flusher], global_config={"TopicType": "none"}, processors=[{"Type": "processor_json"}],
    )
    client.create_logtail_pipeline_config(project, config)
    got = client.get_logtail_pipeline_config(project, "pipe").get_pipeline_config()
    assert (got.inputs, got.processors, got.flushers) == (config.inputs, config.processors, [flusher])
    assert client.list_logtail_pipeline_config(project).get_total() == 1
    config.processors = []
    client.update_logtail_pipeline_config(project, config)
    assert client.get_logtail_pipeline_config(project, "pipe").get_pipeline_config().processors == []
    client.delete_logtail_pipeline_config(project, "pipe")
    assert error_of(client.get_logtail_pipeline_config, project, "pipe").get_resp_status() == 404


CHART = {
    "title": "requests", "type": "linepro", "search": {"logstore": "web", "topic": "", "query": "* | select 1", "start": "-60s", "end": "now"},
    "display": {"xAxis": ["x"], "yAxis": ["y"], "xPos": 0, "yPos": 0, "width": 10, "height": 12, "displayName": "requests"},
}
ENTITIES = {
    "dashboard": ("dashboardName", {"dashboardName": "first", "displayName": "First", "description": "", "charts": [CHART], "attribute": {"type": "grid"}}),
    "savedsearch": (
        "savedsearchName",
        {"savedsearchName": "first", "displayName": "First", "logstore": "web", "searchQuery": "status: 500", "topic": "", "unknown": {"to": ["all"]}},
    ),
}


@pytest.mark.parametrize("kind", ENTITIES)
def test_entity(client, project, kind):
    name, detail = ENTITIES[kind]
    create, get, update, delete, names = (getattr(client, f"{verb}_{kind}") for verb in ("create", "get", "update", "delete", "list"))
    create(project, detail)
    got = get(project, "first").get_body()
    assert got.items() >= detail.items()
    assert error_of(create, project, detail).get_resp_status() == 400
    create(project, detail | {name: "second"})
    listed = names(project)
    assert (listed.get_count(), listed.get_total()) == (2, 2)
    assert names(project, offset=1, size=1).get_count() == 1

    update(project, detail | {"displayName": "Changed"})
    assert get(project, "first").get_body()["displayName"] == "Changed"
    delete(project, "first")
    assert error_of(get, project, "first").get_resp_status() == 404
    assert names(project).get_total() == 1


def test_external_store(client, project, tmp_path):
    csv = tmp_path / "users.csv"
    csv.write_text("id,name\n1,ada\n")
    columns = [{"name": "id", "type": "bigint"}, {"name": "name", "type": "varchar"}]
    client.create_external_store(project, ExternalStoreCsvConfig("users", str(csv), columns))
    assert client.get_external_store(project, "users").get_external_store_config().columns == columns
    assert client.list_external_store(project).get_total() == 1
    csv.write_text("id,name\n1,ada\n2,bob\n")
    client.update_external_store(project, ExternalStoreCsvConfig("users", str(csv), columns))
    client.delete_external_store(project, "users")
    assert client.list_external_store(project).get_total() == 0


def test_metric_store(client, project):
    client.create_metric_store(project, "metrics", ttl=7, shard_count=1)
    assert client.get_metric_store(project, "metrics").ttl == 7
    client.update_metric_store(project, "metrics", ttl=9)
    assert client.get_metric_store(project, "metrics").ttl == 9
    assert client.list_substore(project, "metrics").get_substores() == ["prom"]
    prom = client.get_substore(project, "metrics", "prom")
    assert {key["name"]: key["type"] for key in prom.get_keys()} == {"__name__": "text", "__labels__": "labels", "__time_nano__": "long", "__value__": "double"}
    client.delete_metric_store(project, "metrics")
    assert error_of(client.get_metric_store, project, "metrics").get_error_code() == "LogStoreNotExist"


def test_substore(client, project, store):
    keys = [{"name": name, "type": "text"} for name in ("host", "path")] + [{"name": "time", "type": "long"}, {"name": "took", "type": "double"}]
    client.create_substore(project, store.name, "sub", keys, 7, 2, 2)
    assert client.get_substore(project, store.name, "sub").get_ttl() == 7
    client.update_substore(project, store.name, "sub", keys, 5, 2, 2)
    assert client.get_substore(project, store.name, "sub").get_ttl() == 5
    client.update_substore_ttl(project, store.name, 4)
    assert client.get_substore_ttl(project, store.name).get_ttl() == 4
    client.delete_substore(project, store.name, "sub")
    assert client.list_substore(project, store.name).get_substores() == []


def test_store_view(client, project, store):
    view = StoreView("view", "logstore", [StoreViewStore(project, store.name, "*")])
    client.create_store_view(project, view)
    got = client.get_store_view(project, "view").get_store_view()
    assert (got.store_type, [(s.project_name, s.store_name, s.query) for s in got.stores]) == ("logstore", [(project, store.name, "*")])
    listed = client.list_store_views(project)
    assert (listed.get_store_views(), listed.get_total()) == (["view"], 1)
    client.update_store_view(project, "view", StoreView("view", "logstore", [StoreViewStore(project, store.name, "a: 1")]))
    assert client.get_store_view(project, "view").get_store_view().stores[0].query == "a: 1"
    client.delete_store_view(project, "view")
    assert client.list_store_views(project).get_total() == 0


def test_metering_mode(client, project, store):
    client.update_logstore_metering_mode(project, store.name, "ChargeByDataIngest")
    assert client.get_logstore_metering_mode(project, store.name).get_metering_mode() == "ChargeByDataIngest"


def test_metering_mode_of_metric_stores(client, project):
    client.create_metric_store(project, "metrics", ttl=7, shard_count=1)
    client.update_metric_store_metering_mode(project, "metrics", "ChargeByDataIngest")
    assert client.get_metric_store_metering_mode(project, "metrics").get_metering_mode() == "ChargeByDataIngest"


def test_multimodal_configuration(client, project, store):
    client.put_logstore_multimodal_configuration(project, store.name, "Enabled", anonymous_write="Disabled")
    got = client.get_logstore_multimodal_configuration(project, store.name)
    assert (got.get_status(), got.get_anonymous_write()) == ("Enabled", "Disabled")


def test_objects(client, project, store):
    client.put_logstore_multimodal_configuration(project, store.name, "Enabled")
    client.put_object(project, store.name, "a.txt", b"hello", {"Content-Type": "text/plain", "x-log-meta-who": "ada"})
    got = client.get_object(project, store.name, "a.txt")
    assert (got.get_body(), got.get_content_type()) == (b"hello", "text/plain")


def test_modifying_a_logstore_is_asked_for(client, project, store):
    client.enable_logstore_modify(project, store.name)


def test_sql_instance(client, project):
    client.create_sql_instance(project, 2, True)
    client.update_sql_instance(project, 3, False)
    [instance] = client.list_sql_instance(project).get_body()
    assert instance["cu"] == 3


@pytest.fixture
def resource(client, project):
    """A resource of the account, which no project takes with it."""
    name = "compat." + project
    client.create_resource(Resource(name, "userdefine", description="users"))
    yield name
    try:
        client.delete_resource(name)
    except LogException as e:
        assert e.get_error_code() == "ResourceNotExist", e


def test_resource(client, resource):
    got = client.get_resource(resource).get_resource()
    assert (got.get_resource_name(), got.get_resource_type(), got.get_description()) == (resource, "userdefine", "users")
    client.update_resource(Resource(resource, "userdefine", description="people"))
    assert client.get_resource(resource).get_resource().get_description() == "people"
    listed = client.list_resources(resource_names=[resource])
    assert (len(listed.get_resources()), listed.get_total()) == (1, 1)
    client.delete_resource(resource)
    assert error_of(client.get_resource, resource).get_resp_status() == 404


def test_resource_records(client, resource):
    client.create_resource_record(resource, ResourceRecord("ada", "engineers", {"name": "Ada", "phone": "1"}))
    assert client.get_resource_record(resource, "ada").get_record().get_value() == {"name": "Ada", "phone": "1"}
    client.update_resource_record(resource, ResourceRecord("ada", "engineers", {"name": "Ada", "phone": "2"}))
    client.upsert_resource_record(resource, [ResourceRecord("ada", "engineers", {"name": "Ada L."}), ResourceRecord("bob", "ops", {"name": "Bob"})])
    listed = client.list_resource_records(resource)
    assert {r.get_record_id(): r.get_value()["name"] for r in listed.get_records()} == {"ada": "Ada L.", "bob": "Bob"}
    assert client.list_resource_records(resource, tag="ops").get_total() == 1
    client.delete_resource_record(resource, ["ada"])
    assert [r.get_record_id() for r in client.list_resource_records(resource).get_records()] == ["bob"]


def test_topostore(client, project):
    name = "compat." + project
    client.create_topostore(Topostore(name=name, description="first"))
    try:
        assert client.get_topostore(name).get_topostore().get_description() == "first"
        client.update_topostore(Topostore(name=name, description="second"))
        assert client.list_topostores(names=[name]).get_total() == 1
        client.create_topostore_node(name, TopostoreNode(node_id="a", node_type="host", property={"zone": "1"}))
        client.upsert_topostore_node(name, [TopostoreNode(node_id="b", node_type="host", property={"zone": "2"})])
        client.update_topostore_node(name, TopostoreNode(node_id="a", node_type="host", property={"zone": "3"}))
        assert client.get_topostore_node(name, "a").get_node().get_node_id() == "a"
        assert client.list_topostore_node(name).get_total() == 2
        client.create_topostore_relation(name, TopostoreRelation(relation_id="ab", relation_type="calls", src_node_id="a", dst_node_id="b"))
        client.upsert_topostore_relation(name, [TopostoreRelation(relation_id="ba", relation_type="calls", src_node_id="b", dst_node_id="a")])
        client.update_topostore_relation(name, TopostoreRelation(relation_id="ab", relation_type="asks", src_node_id="a", dst_node_id="b"))
        assert client.get_topostore_relation(name, "ab").get_relation().get_relation_type() == "asks"
        assert client.list_topostore_relation(name).get_total() == 2
        client.delete_topostore_relation(name, ["ab", "ba"])
        client.delete_topostore_node(name, ["a", "b"])
    finally:
        client.delete_topostore(name)


def test_copy_project(client, project, store):
    client.create_logtail_config(project, LOGTAIL["json"])
    client.create_machine_group(project, MachineGroupDetail("group", "ip", ["10.0.0.1"]))
    client.apply_config_to_machine_group(project, "json", "group")
    client.create_dashboard(project, ENTITIES["dashboard"][1])
    copy = project + "-copy"
    client.copy_project(project, copy, copy_machine_group=True, copy_dashboards=True)
    try:
        assert client.list_logstore(copy).get_logstores() == [store.name]
        assert client.list_logtail_config(copy).get_configs() == ["json"]
        assert eventually(lambda: client.get_machine_group_applied_configs(copy, "group").get_configs()) == ["json"]
        assert client.get_dashboard(copy, "first").get_body()["displayName"] == "First"
    finally:
        client.delete_project(copy)


def test_copy_dashboard(client, project):
    client.create_dashboard(project, ENTITIES["dashboard"][1])
    client.copy_dashboard(project, "first", to_dashboard_name="copied")
    assert client.get_dashboard(project, "copied").get_body()["charts"] == [CHART]


def test_resource_usage(client, project, store):
    client.create_machine_group(project, MachineGroupDetail("group", "ip", ["10.0.0.1"]))
    usage = client.get_resource_usage(project).get_body()
    assert [usage[kind]["count"]["status"] for kind in ("logstore", "shard", "machine_group")] == [1, 2, 1]
