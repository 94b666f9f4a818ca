// Writes a log with the SLS Node.js SDK.
const Client = require('@alicloud/log');

const project = 'howto-node';
const logstore = 'app';

const client = new Client({
  endpoint: process.env.SLS_ENDPOINT.replace(/^http:\/\//, ''), // such as localhost:8080: this SDK wants no scheme
  accessKeyId: process.env.SLUICE_ACCESS_KEY_ID,
  accessKeySecret: process.env.SLUICE_ACCESS_KEY_SECRET,
});

async function create(call) {
  try {
    await call;
  } catch (error) {
    if (!['ProjectAlreadyExist', 'LogStoreAlreadyExist'].includes(error.code)) throw error;
  }
}

async function main() {
  await create(client.createProject(project, { description: 'from the Node.js SDK' }));
  await create(client.createLogStore(project, logstore, { ttl: 7, shardCount: 1 }));
  await client.postLogStoreLogs(project, logstore, {
    topic: 'greetings',
    source: 'howto',
    logs: [{ timestamp: Math.floor(Date.now() / 1000), content: { msg: 'hello from Node.js' } }],
  });
  console.log(`stored in ${project}/${logstore}`);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
