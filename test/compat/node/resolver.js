'use strict';
// A test resolver, loaded before the SDK: every name under the server's base domain is the server's address. It stands where a
// wildcard DNS record stands in real use, so that the SDK keeps opening http://PROJECT.DOMAIN:PORT.

const dns = require('node:dns');

const host = process.env.SLUICE_TEST_ADDR.replace(/:\d+$/, '');
const domain = process.env.SLUICE_TEST_DOMAIN;
const lookup = dns.lookup;

dns.lookup = function (name, options, callback) {
  if (name === domain || name.endsWith('.' + domain)) {
    name = host;
  }
  return lookup.call(this, name, options, callback);
};
