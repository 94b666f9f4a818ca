'use strict';
// What the client's methods did, for the table of clients in docs/compat.md. A recorder looks at the calls of a test. When the test has
// passed, each method that returned is said to work; a method that the server answered with NotSupported is said to be refused, and ends its
// test as skipped. Without SLUICE_COMPAT_RESULTS nothing is written.

const fs = require('node:fs');
const path = require('node:path');
const runner = require('node:test');

const worked = new Set();
const refused = new Set();
let version;

// watch has every public method of a class tell when it returns, and when it is refused.
function watch(Class, ofVersion) {
  version = ofVersion;
  for (const name of Object.getOwnPropertyNames(Class.prototype)) {
    const method = Class.prototype[name];
    if (name === 'constructor' || name.startsWith('_') || typeof method !== 'function') continue;
    Class.prototype[name] = async function (...args) {
      try {
        const result = await method.apply(this, args);
        worked.add(name);
        return result;
      } catch (error) {
        if (error.code === 'NotSupported') refused.add(name);
        throw error;
      }
    };
  }
}

// test is node:test's, with a word about each method at the end. The tests run one after the other.
function test(name, body) {
  runner.test(name, async (context) => {
    worked.clear();
    refused.clear();
    try {
      await body(context);
      write([...worked].filter((method) => !refused.has(method)), 'works');
    } catch (error) {
      if (error.code !== 'NotSupported') {
        write([...worked], 'fails');
        throw error;
      }
      context.skip(`refused: ${error.message}`);
    } finally {
      write([...refused], 'refused');
    }
  });
}

function write(operations, state) {
  const directory = process.env.SLUICE_COMPAT_RESULTS;
  if (!directory) return;
  fs.mkdirSync(directory, { recursive: true });
  const rows = operations.map((operation) => JSON.stringify({ client: 'Node.js SDK', version, operation, state }) + '\n');
  fs.appendFileSync(path.join(directory, 'node.jsonl'), rows.join(''));
}

module.exports = { test, watch };
