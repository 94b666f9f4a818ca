'use strict';
// The official Node.js SDK, unmodified, against a running sluiced (test/compat starts it and sets the environment). The SDK
// signs with version 1, sends plain bodies and cannot pull, so what it wrote is read back by `pull` below.

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const http = require('node:http');
const path = require('node:path');
const { beforeEach, afterEach } = require('node:test');

const Client = require('@alicloud/log');
const protobuf = require('protobufjs');

const { test, watch } = require('./recorder.js');

watch(Client, require('@alicloud/log/package.json').version);

const env = process.env;
const port = env.SLUICE_TEST_ADDR.split(':').pop();
const endpoint = `${env.SLUICE_TEST_DOMAIN}:${port}`;
const credentials = { accessKeyId: env.SLUICE_TEST_ACCESS_KEY_ID, accessKeySecret: env.SLUICE_TEST_ACCESS_KEY_SECRET };
const client = new Client({ endpoint, ...credentials });

const proto = protobuf.loadSync(path.join(path.dirname(require.resolve('@alicloud/log')), 'lib', 'sls.proto'));
const LogGroupList = proto.lookupType('sls.LogGroupList');

let project;

beforeEach(async () => {
  project = 'compat-' + crypto.randomBytes(6).toString('hex');
  await client.createProject(project, { description: 'made by a test' });
});

afterEach(() => client.deleteProject(project));

// pull reads all log groups of a shard with a request signed by the SDK's own signer.
async function pull(logstore, shard) {
  const resource = `/logstores/${logstore}/shards/${shard}`;
  const { cursor } = await client._request('GET', project, resource, { type: 'cursor', from: 'begin' }, null, {});
  const queries = { type: 'logs', cursor, count: 1000 };
  const headers = {
    accept: 'application/x-protobuf',
    date: new Date().toUTCString(),
    'x-log-apiversion': '0.6.0',
    'x-log-signaturemethod': 'hmac-sha1',
  };
  headers.authorization = client._sign('GET', resource, queries, headers, credentials);
  const body = await new Promise((resolve, reject) => {
    const url = `http://${project}.${endpoint}${resource}?${new URLSearchParams(queries)}`;
    http.get(url, { headers }, async (response) => {
      const chunks = await response.toArray();
      response.statusCode === 200 ? resolve(Buffer.concat(chunks)) : reject(new Error(Buffer.concat(chunks)));
    }).on('error', reject);
  });
  return LogGroupList.decode(body).logGroupList;
}

// pullAll reads shards 0 to shards-1, in that order.
async function pullAll(logstore, shards) {
  const groups = [];
  for (let shard = 0; shard < shards; shard++) {
    groups.push(...await pull(logstore, shard));
  }
  return groups;
}

const failsWith = (code) => (error) => {
  assert.equal(error.code, code);
  assert.ok(error.message, 'an error has a message');
  assert.ok(error.requestid, 'an error has a request id');
  return true;
};

test('project', async () => {
  const got = await client.getProject(project);
  assert.equal(got.projectName, project);
  assert.equal(got.description, 'made by a test');
  assert.equal(got.status, 'Normal');
  await assert.rejects(client.createProject(project, { description: 'again' }), failsWith('ProjectAlreadyExist'));
  await assert.rejects(client.getProject('compat-nobody-made-this'), failsWith('ProjectNotExist'));
});

test('logstore', async () => {
  await client.createLogStore(project, 'web', { ttl: 10, shardCount: 2 });
  let got = await client.getLogStore(project, 'web');
  assert.deepEqual([got.logstoreName, got.ttl, got.shardCount], ['web', 10, 2]);

  await client.updateLogStore(project, 'web', { ttl: 20, shardCount: 2 });
  got = await client.getLogStore(project, 'web');
  assert.equal(got.ttl, 20);

  await assert.rejects(client.createLogStore(project, 'web', { ttl: 10, shardCount: 2 }), failsWith('LogStoreAlreadyExist'));
  await client.deleteLogStore(project, 'web');
  await assert.rejects(client.getLogStore(project, 'web'), failsWith('LogStoreNotExist'));
});

test('logstore list', async () => {
  for (const name of ['b-store', 'a-store', 'other']) {
    await client.createLogStore(project, name, { ttl: 1, shardCount: 1 });
  }
  const all = await client.listLogStore(project);
  assert.deepEqual([all.count, all.total, all.logstores], [3, 3, ['a-store', 'b-store', 'other']]);
  const some = await client.listLogStore(project, { logstoreName: 'store', offset: 1, size: 10 });
  assert.deepEqual([some.count, some.total, some.logstores], [1, 2, ['b-store']]);
});

test('index', async () => {
  await client.createLogStore(project, 'web', { ttl: 10, shardCount: 1 });
  const index = {
    ttl: 10,
    line: { token: [',', ' '], caseSensitive: false },
    keys: { status: { type: 'long', doc_value: true }, message: { type: 'text', token: [' '], caseSensitive: true } },
  };
  await client.createIndex(project, 'web', index);
  let got = await client.getIndexConfig(project, 'web');
  assert.equal(got.keys.status.type, 'long');
  assert.deepEqual(got.line.token, [',', ' ']);
  await assert.rejects(client.createIndex(project, 'web', index), failsWith('IndexAlreadyExist'));

  delete index.keys.status;
  await client.updateIndex(project, 'web', index);
  got = await client.getIndexConfig(project, 'web');
  assert.deepEqual(Object.keys(got.keys), ['message']);

  await client.deleteIndex(project, 'web');
  await assert.rejects(client.getIndexConfig(project, 'web'), failsWith('IndexConfigNotExist'));
});

test('postLogStoreLogs keeps topic, source, tags, order and nanoseconds', async () => {
  await client.createLogStore(project, 'web', { ttl: 10, shardCount: 2 });
  const now = Math.floor(Date.now() / 1000);
  await client.postLogStoreLogs(project, 'web', {
    topic: 'access',
    source: '10.1.2.3',
    tags: [{ host: 'web-1' }, { rack: '\u00e9' }],
    logs: [
      { timestamp: now, timestampNsPart: 123456789, content: { uri: '/a', status: '200' } },
      { timestamp: now - 60, content: { snowman: '\u2603', empty: '' } },
    ],
  });
  const groups = await pullAll('web', 2);
  assert.equal(groups.length, 1);
  const group = groups[0];
  assert.deepEqual([group.Topic, group.Source], ['access', '10.1.2.3']);
  assert.deepEqual(group.LogTags.map((t) => [t.Key, t.Value]), [['host', 'web-1'], ['rack', '\u00e9']]);
  assert.deepEqual(group.Logs.map((l) => [l.Time, l.TimeNs]), [[now, 123456789], [now - 60, 0]]);
  assert.deepEqual(group.Logs.map((l) => l.Contents.map((c) => [c.Key, c.Value])),
    [[['uri', '/a'], ['status', '200']], [['snowman', '\u2603'], ['empty', '']]]);
});

test('one post is one group, and none is lost', async () => {
  await client.createLogStore(project, 'web', { ttl: 10, shardCount: 2 });
  const timestamp = Math.floor(Date.now() / 1000);
  const posts = Array.from({ length: 40 }, (_, i) => [{ timestamp, content: { n: `${i}` } }, { timestamp, content: { n: `${i}b` } }]);
  await Promise.all(posts.map((logs) => client.postLogStoreLogs(project, 'web', { logs })));
  const groups = await pullAll('web', 2);
  const got = groups.map((g) => g.Logs.map((l) => l.Contents[0].Value).join());
  assert.deepEqual(got.sort(), posts.map((logs) => logs.map((l) => l.content.n).join()).sort());
});

test('a provider of credentials is asked', async () => {
  const other = new Client({ endpoint, credentialsProvider: { getCredentials: async () => credentials } });
  assert.equal((await other.getProject(project)).projectName, project);
});

test('wrong secret, unknown key', async () => {
  const forger = new Client({ endpoint, ...credentials, accessKeySecret: 'wrong' });
  await assert.rejects(forger.getProject(project), failsWith('SignatureNotMatch'));
  const nobody = new Client({ endpoint, ...credentials, accessKeyId: 'nobody' });
  await assert.rejects(nobody.getProject(project), failsWith('Unauthorized'));
});

test('getLogs and getHistograms', async () => {
  await client.createLogStore(project, 'web', { ttl: 10, shardCount: 2 });
  await assert.rejects(client.getLogs(project, 'web', new Date(Date.now() - 60_000), new Date()), failsWith('IndexConfigNotExist'));
  await client.createIndex(project, 'web', {
    ttl: 10, line: { token: [' '], caseSensitive: false }, keys: { status: { type: 'long', doc_value: true } },
  });
  const now = Math.floor(Date.now() / 1000);
  const logs = Array.from({ length: 30 }, (_, i) => ({
    timestamp: now - 30 + i, content: { status: i % 3 ? '200' : '500', message: `request ${i}` },
  }));
  await client.postLogStoreLogs(project, 'web', { topic: 'access', source: 'here', logs });

  const from = new Date((now - 60) * 1000);
  const to = new Date((now + 60) * 1000);
  const found = await client.getLogs(project, 'web', from, to, { query: 'status: 500', line: 5, offset: 2, reverse: true });
  assert.deepEqual(found.map((log) => log.message), ['request 21', 'request 18', 'request 15', 'request 12', 'request 9']);
  assert.deepEqual([found[0].__topic__, found[0].__source__, found[0].__time__], ['access', 'here', `${now - 9}`]);

  const buckets = await client.getHistograms(project, 'web', from, to, { query: 'status: 500' });
  assert.equal(buckets.reduce((sum, bucket) => sum + bucket.count, 0), 10);
});

test('SQL over a logstore and over a project', async () => {
  await client.createLogStore(project, 'web', { ttl: 7, shardCount: 1 });
  await client.createIndex(project, 'web', {
    line: { token: [' '], caseSensitive: false },
    keys: { status: { type: 'long', doc_value: true } },
  });
  const now = Math.floor(Date.now() / 1000);
  const logs = [...Array(30).keys()].map((n) => ({ timestamp: now - 30 + n, content: { status: n % 3 === 0 ? '500' : '200' } }));
  await client.postLogStoreLogs(project, 'web', { logs, topic: 'access', source: 'here' });

  const [from, to] = [new Date((now - 60) * 1000), new Date((now + 60) * 1000)];
  const counted = (rows) => rows.map((row) => [row.status, row.c]);
  const sql = 'select status, count(*) as c';
  assert.deepEqual(counted(await client.getLogs(project, 'web', from, to, { query: `* | ${sql} group by status order by status` })), [['200', '20'], ['500', '10']]);
  const rows = await client.getProjectLogs(project, { query: `${sql} from web where __time__ >= ${now - 60} and __time__ < ${now + 60} group by status order by status` });
  assert.deepEqual(counted(rows), [['200', '20'], ['500', '10']]);
  await assert.rejects(client.getProjectLogs(project, { query: 'select 1 from web' }), failsWith('ParameterInvalid'));
});
