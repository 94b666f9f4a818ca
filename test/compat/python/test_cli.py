"""aliyunlog, the official command line, as a user runs it: a process for each command, options for parameters, JSON out."""

import importlib.metadata
import json
import os
import pathlib
import subprocess
import sys
import time

import pytest
import recorder
from conftest import KEY_ID, PROXY, REGION, SECRET, Store, messages, pull_groups, put
from test_jobs import ALERT
from test_resources import CHART, ENTITIES, LOGTAIL

DOMAIN = os.environ["SLUICE_TEST_DOMAIN"]
VERSION = importlib.metadata.version("aliyun-log-cli")


class Failed(Exception):
    """What a command said that did not end with 0."""

    def __init__(self, status, text):
        super().__init__(f"exit status {status}: {text}")
        self.status = status
        try:
            self.code = json.loads(text)["errorCode"]
        except (ValueError, KeyError):
            self.code = None


class CLI:
    """Runs commands: cli.get_log(project="p") is `aliyunlog log get_log --project=p`."""

    def __init__(self, home):
        # As anywhere else: the settings come from a file in the home directory or from the environment, and the server is the proxy.
        self.environ = {"HOME": str(home), "PATH": os.environ["PATH"], "http_proxy": PROXY}
        self.worked = set()

    def run(self, *args, **environ):
        command = [pathlib.Path(sys.executable).with_name("aliyunlog"), *args]
        done = subprocess.run(command, env=self.environ | environ, capture_output=True, text=True, timeout=120)
        if done.returncode:
            raise Failed(done.returncode, done.stdout.strip() or done.stderr)
        return done.stdout.strip()

    def __getattr__(self, verb):
        def command(**options):
            args = [f"--{k}={v if isinstance(v, str) else json.dumps(v)}" for k, v in options.items()]
            try:
                out = self.run("log", verb, *args)
            except Failed as e:
                if e.code == "NotSupported":
                    recorder.write("aliyunlog", VERSION, [(verb, "refused")])
                    pytest.skip(f"refused: {e}")
                raise
            self.worked.add(verb)
            try:
                return json.loads(out)
            except ValueError:
                return out

        return command


@pytest.fixture
def cli(tmp_path, request):
    """A command line that is configured; what its commands did counts if the test passes."""
    cli = CLI(tmp_path)
    cli.run("configure", KEY_ID, SECRET, DOMAIN)
    yield cli
    if request.node.stash.get(recorder.PASSED, False):
        recorder.write("aliyunlog", VERSION, [(verb, "works") for verb in cli.worked])


def test_configuration_by_file_environment_and_options(cli, project, tmp_path_factory):
    assert cli.get_project(project_name=project)["projectName"] == project
    environ = {
        "ALIYUN_LOG_CLI_ENDPOINT": DOMAIN, "ALIYUN_LOG_CLI_ACCESSID": KEY_ID, "ALIYUN_LOG_CLI_ACCESSKEY": SECRET, "HOME": str(tmp_path_factory.mktemp("empty")),
        "ALIYUN_LOG_CLI_SIGN_VERSION": "v4", "ALIYUN_LOG_CLI_REGION_ID": REGION,
    }
    assert json.loads(cli.run("log", "get_project", f"--project_name={project}", **environ))["projectName"] == project
    assert cli.run("log", "get_project", f"--project_name={project}", "--jmes-filter=status") == "Normal"
    with pytest.raises(Failed) as caught:
        cli.run("log", "get_project", f"--project_name={project}", f"--access-id={KEY_ID}", "--access-key=wrong", f"--region-endpoint={DOMAIN}")
    assert (caught.value.status, caught.value.code) == (3, "SignatureNotMatch")


def test_projects(cli, project):
    name = project + "-cli"
    cli.create_project(project_name=name, project_des="by the command line")
    try:
        assert cli.get_project(project_name=name)["description"] == "by the command line"
        assert cli.list_project(project_name_pattern=name)["total"] == 1
    finally:
        cli.delete_project(project_name=name)
    with pytest.raises(Failed) as caught:
        cli.get_project(project_name=name)
    assert caught.value.code == "ProjectNotExist"


def test_logstores_and_shards(cli, project):
    cli.create_logstore(project_name=project, logstore_name="web", ttl="5", shard_count="2")
    assert cli.get_logstore(project_name=project, logstore_name="web")["ttl"] == 5
    cli.update_logstore(project_name=project, logstore_name="web", ttl="6")
    assert cli.get_logstore(project_name=project, logstore_name="web")["ttl"] == 6
    assert cli.list_logstore(project_name=project)["logstores"] == ["web"]
    merged = cli.merge_shard(project_name=project, logstore_name="web", shardId="0")
    assert sorted((s["shardID"], s["status"]) for s in merged) == [(0, "readonly"), (1, "readonly"), (2, "readwrite")]
    split = cli.split_shard(project_name=project, logstore_name="web", shardId="2", split_hash="4" + "0" * 31)
    assert sorted(s["shardID"] for s in split) == [2, 3, 4]
    cli.arrange_shard(project=project, logstore="web", count="5")
    assert sum(s["status"] == "readwrite" for s in cli.list_shards(project_name=project, logstore_name="web")) == 5
    cli.copy_logstore(from_project=project, from_logstore="web", to_logstore="copy")
    assert cli.get_logstore(project_name=project, logstore_name="copy")["shardCount"] == 5
    cli.delete_logstore(project_name=project, logstore_name="web")
    assert cli.list_logstore(project_name=project)["logstores"] == ["copy"]


INDEX = {"line": {"token": [" "], "caseSensitive": False, "chn": False}, "keys": {"status": {"type": "long", "doc_value": True, "alias": ""}}, "ttl": 7}


def test_index(cli, store, tmp_path):
    where = {"project_name": store.project, "logstore_name": store.name}
    cli.create_index(**where, index_detail=INDEX)
    assert cli.get_index_config(**where)["keys"]["status"]["type"] == "long"
    changed = tmp_path / "index.json"
    changed.write_text(json.dumps(INDEX).replace("long", "double"))
    cli.update_index(**where, index_detail=f"file://{changed}")
    assert cli.get_index_config(**where)["keys"]["status"]["type"] == "double"
    cli.delete_index(**where)
    with pytest.raises(Failed) as caught:
        cli.get_index_config(**where)
    assert caught.value.code == "IndexConfigNotExist"


@pytest.mark.parametrize("store", [1], indirect=True)
def test_cursors_and_pulling(cli, client, store, tmp_path):
    since = int(time.time())
    for n in range(5):
        put(client, store, f"line {n}")
    shard = {"project_name": store.project, "logstore_name": store.name, "shard_id": "0"}
    begin, end = cli.get_begin_cursor(**shard)["cursor"], cli.get_end_cursor(**shard)["cursor"]
    assert begin.startswith("MT") and cli.get_cursor(**shard, start_time=str(since - 60))["cursor"] == begin
    assert abs(cli.get_cursor_time(**shard, cursor=begin)["cursor_time"] - since) < 60
    assert abs(cli.get_previous_cursor_time(**shard, cursor=end)["cursor_time"] - since) < 60
    assert "line 4" in json.dumps(cli.pull_logs(**shard, cursor=begin, end_cursor=end, count="10"))
    assert "line 4" in json.dumps(cli.pull_log(**shard, from_time=str(since - 60), to_time="end"))
    cli.pull_log_dump(
        project_name=store.project, logstore_name=store.name, from_time=str(since - 60), to_time="end", file_path=str(tmp_path / "dump_{}.data"),
    )
    dumped = [json.loads(line)["message"] for line in (tmp_path / "dump_0.data").read_text().splitlines()]
    assert dumped == [f"line {n}" for n in range(5)]


def test_queries(cli, searched):
    where = {"project": searched.project, "logstore": searched.name, "from_time": str(searched.begin), "to_time": str(searched.end)}
    assert [log["status"] for log in cli.get_log(**where, query="status: 500", size="3")] == ["500"] * 3
    assert len(cli.get_log_all(**where, query="status: 500")) > 0
    request = {"project": searched.project, "logstore": searched.name, "fromTime": searched.begin, "toTime": searched.end, "query": "status: 500", "line": 4}
    assert len(cli.get_logs(request=request)) == 4
    request.pop("line")
    assert sum(bucket["count"] for bucket in cli.get_histograms(request=request)) == 115
    assert cli.execute_logstore_sql(**where, sql="* | select count(*) as n from log", power_sql="false")[0]["n"] == "230"
    sql = f"select count(*) as n from {searched.name} where __time__ >= {searched.begin} and __time__ < {searched.end}"
    assert cli.get_project_logs(request={"project": searched.project, "query": sql})[0]["n"] == "230"
    assert cli.execute_project_sql(project=searched.project, sql=sql, power_sql="false")[0]["n"] == "230"
    assert cli.list_topics(request={"project": searched.project, "logstore": searched.name, "token": "", "line": 5}) == ["topic"]


@pytest.mark.parametrize("store", [1], indirect=True)
def test_context(cli, client, store):
    cli.create_index(project_name=store.project, logstore_name=store.name, index_detail={"line": {"token": [" "], "caseSensitive": False}})
    for i in range(3):
        put(client, store, f"line {i}.0", f"line {i}.1", logtags=[("__pack_id__", f"7A11-{i:X}")])
    now = int(time.time())
    [log] = cli.get_log(project=store.project, logstore=store.name, from_time=str(now - 600), to_time=str(now + 600), query='"line 1.0" |with_pack_meta')
    found = cli.get_context_logs(
        project=store.project, logstore=store.name, pack_id=log["__tag__:__pack_id__"], pack_meta=log["__pack_meta__"], back_lines="2", forward_lines="1",
    )
    assert [log["message"] for log in found["logs"]] == ["line 0.0", "line 0.1", "line 1.0", "line 1.1"]


def test_consumer_groups(cli, client, store):
    group = {"project": store.project, "logstore": store.name, "consumer_group": "readers"}
    cli.create_consumer_group(**group, timeout="30")
    cli.update_consumer_group(**group, timeout="60", in_order="true")
    [listed] = cli.list_consumer_group(project=store.project, logstore=store.name)
    assert (listed["name"], listed["timeout"], listed["order"]) == ("readers", 60, True)
    end = client.get_end_cursor(store.project, store.name, 0).get_cursor()
    cli.update_check_point(**group, shard="0", check_point=end)
    assert cli.get_check_point(**group, shard="0")[0]["checkpoint"] == end
    assert {c["shard"] for c in cli.get_check_point_fixed(**group)} == {0, 1}
    cli.delete_consumer_group(**group)
    assert cli.list_consumer_group(project=store.project, logstore=store.name) == []


def test_copy_data(cli, client, store):
    client.create_logstore(store.project, "copy", shard_count=1)
    for n in range(5):
        put(client, store, f"line {n}")
    assert cli.copy_data(project=store.project, logstore=store.name, from_time="begin", to_time="end", to_logstore="copy")["total_count"] == 5
    assert sorted(messages(pull_groups(client, Store(store.project, "copy")))) == [f"line {n}" for n in range(5)]


def test_machine_groups(cli, project):
    detail = {"group_name": "group", "machine_type": "ip", "machine_list": ["10.0.0.1"], "group_type": "", "group_attribute": {"groupTopic": "blue"}}
    cli.create_machine_group(project_name=project, group_detail=detail)
    got = cli.get_machine_group(project_name=project, group_name="group")
    assert (got["machineList"], got["groupAttribute"]["groupTopic"]) == (["10.0.0.1"], "blue")
    cli.update_machine_group(project_name=project, group_detail=detail | {"machine_list": ["10.0.0.2"]})
    assert cli.list_machine_group(project_name=project)["machinegroups"] == ["group"]
    assert cli.list_machines(project_name=project, group_name="group")["machines"] == []
    cli.delete_machine_group(project_name=project, group_name="group")


@pytest.mark.parametrize("kind", LOGTAIL)
def test_logtail_configs(cli, client, project, kind):
    client.create_logstore(project, "web", shard_count=1)
    detail = LOGTAIL[kind].to_json()
    cli.create_logtail_config(project_name=project, config_detail=detail)
    assert cli.get_logtail_config(project_name=project, config_name=kind)["inputDetail"].items() >= detail["inputDetail"].items()
    cli.update_logtail_config(project_name=project, config_detail=detail)
    assert cli.list_logtail_config(project_name=project)["configs"] == [kind]
    cli.delete_logtail_config(project_name=project, config_name=kind)


def test_applying_logtail_configs(cli, client, project):
    client.create_logstore(project, "web", shard_count=1)
    cli.create_logtail_config(project_name=project, config_detail=LOGTAIL["json"].to_json())
    cli.create_machine_group(project_name=project, group_detail={"group_name": "group", "machine_type": "ip", "machine_list": ["10.0.0.1"]})
    cli.apply_config_to_machine_group(project_name=project, config_name="json", group_name="group")
    assert cli.get_machine_group_applied_configs(project_name=project, group_name="group")["configs"] == ["json"]
    assert cli.get_config_applied_machine_groups(project_name=project, config_name="json")["machinegroups"] == ["group"]
    cli.remove_config_to_machine_group(project_name=project, config_name="json", group_name="group")


def test_logtail_pipeline_configs(cli, project):
    detail = {"configName": "pipe", "inputs": [{"Type": "input_file"}], "flushers": [{"Type": "flusher_sls", "Logstore": "web"}]}
    cli.create_logtail_pipeline_config(project_name=project, config_detail=detail)
    assert cli.get_logtail_pipeline_config(project_name=project, config_name="pipe")["inputs"] == [{"Type": "input_file"}]
    cli.update_logtail_pipeline_config(project_name=project, config_detail=detail)
    assert cli.list_logtail_pipeline_config(project_name=project)["total"] == 1
    cli.delete_logtail_pipeline_config(project_name=project, config_name="pipe")


@pytest.mark.parametrize("kind", ["dashboard", "savedsearch", "alert"])
def test_entities(cli, project, kind):
    name, detail = ENTITIES.get(kind, ("name", ALERT))
    create, get, update, delete, names = (getattr(cli, f"{verb}_{kind}") for verb in ("create", "get", "update", "delete", "list"))
    create(project=project, detail=detail)
    assert get(project=project, entity=detail[name])["displayName"] == detail["displayName"]
    update(project=project, detail=detail | {"displayName": "Changed"})
    assert names(project=project)["total"] == 1
    if kind == "alert":
        cli.disable_alert(project_name=project, job_name="errors")
        cli.enable_alert(project_name=project, job_name="errors")
    assert get(project=project, entity=detail[name])["displayName"] == "Changed"
    delete(project=project, entity=detail[name])
    assert names(project=project)["total"] == 0


def test_metric_stores(cli, project):
    store = {"project_name": project, "logstore_name": "metrics"}
    cli.create_metric_store(**store, ttl="7", shard_count="1")
    assert cli.get_metric_store(**store)["ttl"] == 7
    assert cli.list_substore(**store)["substores"] == ["prom"]
    assert cli.get_substore(**store, substore_name="prom")["sortedKeyCount"] == 2
    cli.update_substore_ttl(**store, ttl="5")
    assert cli.get_substore_ttl(**store)["ttl"] == 5
    cli.delete_substore(**store, substore_name="prom")
    cli.delete_metric_store(**store)


EXTERNAL = {"externalStoreName": "users", "storeType": "rds-vpc", "parameter": {
    "region": "local", "vpc-id": "v", "instance-id": "i", "host": "10.0.0.9", "port": "3306", "username": "u", "password": "p", "db": "d", "table": "t",
    "timezone": "",
}}


def test_external_stores(cli, project):
    cli.create_external_store(project_name=project, config=EXTERNAL)
    assert cli.list_external_store(project_name=project)["total"] == 1
    assert cli.get_external_store(project_name=project, store_name="users")["parameter"]["host"] == "10.0.0.9"
    cli.update_external_store(project_name=project, config=EXTERNAL)
    cli.delete_external_store(project_name=project, store_name="users")


def test_copy_project(cli, client, project, store):
    client.create_dashboard(project, ENTITIES["dashboard"][1])
    cli.copy_project(from_project=project, to_project=project + "-copy", copy_dashboards="true")
    try:
        assert cli.list_logstore(project_name=project + "-copy")["logstores"] == [store.name]
        assert cli.get_dashboard(project=project + "-copy", entity="first")["charts"] == [CHART]
    finally:
        client.delete_project(project + "-copy")
