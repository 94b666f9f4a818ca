"""The consumer library: workers that share a group, hand shards over, and go on where a checkpoint says."""

import threading
from collections import namedtuple

import pytest
from aliyun.log.consumer import ConsumerWorker, LogHubConfig
from aliyun.log.consumer.tasks import ConsumerJsonProcessorBase, ConsumerProcessorBase
from conftest import ENDPOINT, KEY_ID, REGION, SECRET, eventually, fields, messages, pull_groups, put, text

Seen = namedtuple("Seen", "consumer shard message")


class Sink:
    """What the processors of all workers saw, in the order they saw it."""

    def __init__(self):
        self.seen = []
        self.changed = threading.Condition()

    def add(self, *seen):
        with self.changed:
            self.seen += seen
            self.changed.notify_all()

    def wait(self, fact, within=120):
        with self.changed:
            assert self.changed.wait_for(lambda: fact(self.seen), within), f"saw only {self.seen}"

    def wait_for_messages(self, wanted):
        self.wait(lambda seen: set(wanted) <= {s.message for s in seen})


class Collect(ConsumerProcessorBase):
    def __init__(self, sink, consumer):
        super().__init__()
        self.sink, self.consumer = sink, consumer

    def process(self, log_groups, check_point_tracker):
        self.sink.add(*(Seen(self.consumer, self.shard_id, log["message"]) for g in log_groups.LogGroups for log in fields(g)))
        self.save_checkpoint(check_point_tracker, force=True)


class CollectJSON(ConsumerJsonProcessorBase):
    def __init__(self, sink, consumer):
        super().__init__()
        self.sink, self.consumer = sink, consumer

    def process(self, flattern_json_list, check_point_tracker):
        self.sink.add(*(Seen(self.consumer, self.shard_id, text(log["message"])) for log in flattern_json_list))
        self.save_checkpoint(check_point_tracker, force=True)


@pytest.fixture
def start(store):
    """Starts workers of one group; all of them are stopped at the end, however the test went."""
    workers = []

    def start(name, sink, processor=Collect, auth="v4", **options):
        config = LogHubConfig(
            ENDPOINT, KEY_ID, SECRET, store.project, store.name, "readers", name,
            heartbeat_interval=1, data_fetch_interval=1, auth_version=auth, region=REGION, **options,
        )
        config.consumer_group_time_out = 10  # not twice the interval: who is late on a busy machine would lose shards, and their logs come twice
        worker = ConsumerWorker(processor, config, args=(sink, name))
        worker.daemon = True
        worker.start()
        workers.append(worker)
        return worker

    yield start
    for worker in workers:
        worker.shutdown()
    for worker in workers:
        worker.join(120)


def held(worker):
    return set(worker.heart_beat.get_held_shards())


def stop(worker):
    worker.shutdown()
    worker.join(120)
    assert not worker.is_alive()


@pytest.mark.parametrize(
    "processor, options",
    [(Collect, {"auth": "v1"}), (Collect, {"accept_compress_type": "zstd"}), (CollectJSON, {})],
    ids=["protobuf-lz4-v1", "protobuf-zstd-v4", "json-lz4-v4"],
)
def test_one_worker_reads_everything_and_remembers(client, store, start, processor, options):
    sent = [f"line {i}" for i in range(30)]
    for line in sent:
        put(client, store, line)
    sink = Sink()
    worker = start("first", sink, processor, **options)
    sink.wait_for_messages(sent)
    stop(worker)
    assert sorted(s.message for s in sink.seen) == sorted(sent), "each log once: nobody was killed"
    for point in client.get_check_point(store.project, store.name, "readers").get_consumer_group_check_points():
        assert point["checkpoint"] == client.get_end_cursor(store.project, store.name, point["shard"]).get_cursor()

    put(client, store, "later")
    sink = Sink()
    start("second", sink, processor, **options)
    sink.wait_for_messages(["later"])
    assert [s.message for s in sink.seen] == ["later"], "the second worker went on at the checkpoints of the first"


@pytest.mark.parametrize("store", [4], indirect=True)
def test_shards_move_when_workers_come_and_go(client, store, start):
    everyone = {0, 1, 2, 3}
    sent = []

    def send(text):
        for i in range(16):
            sent.append(f"{text} {i}")
            put(client, store, sent[-1], hash_key=f"{i:x}" + "0" * 31)

    sink = Sink()
    send("alone")
    a = start("a", sink)
    eventually(lambda: held(a) == everyone)
    sink.wait_for_messages(sent)

    b, c = start("b", sink), start("c", sink)
    eventually(lambda: held(a) and held(b) and held(c) and held(a) | held(b) | held(c) == everyone)
    eventually(lambda: len(held(a)) + len(held(b)) + len(held(c)) == len(everyone))
    send("together")
    sink.wait_for_messages(sent)
    assert len({s.consumer for s in sink.seen if s.message.startswith("together")}) > 1

    stop(a)
    stop(b)
    eventually(lambda: held(c) == everyone)
    send("last")
    sink.wait_for_messages(sent)
    assert {s.consumer for s in sink.seen if s.message.startswith("last")} == {"c"}
    assert sorted(s.message for s in sink.seen) == sorted(sent), "each log once: every worker left in good order"


def test_in_order_parents_come_before_children(client, store, start):
    p, s = store
    put(client, store, "parent", hash_key="00")
    client.split_shard(p, s, 0, "2" + "0" * 31)
    put(client, store, "left child", hash_key="00")
    put(client, store, "right child", hash_key="3f")
    client.merge_shard(p, s, 2)
    put(client, store, "grandchild", hash_key="00")

    sink = Sink()
    start("a", sink, in_order=True)
    sink.wait_for_messages(["grandchild"])
    order = [seen.message for seen in sink.seen]
    assert order[0] == "parent" and order[-1] == "grandchild" and sorted(order[1:3]) == ["left child", "right child"]


def test_reading_stops_at_the_configured_end(client, store, start):
    put(client, store, "inside")
    sink = Sink()
    worker = start("a", sink, cursor_end_time="end")
    sink.wait_for_messages(["inside"])
    put(client, store, "outside")
    worker.join(120)
    assert not worker.is_alive() and [s.message for s in sink.seen] == ["inside"]
    assert sorted(messages(pull_groups(client, store))) == ["inside", "outside"]
