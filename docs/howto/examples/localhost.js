// Load first, with node --require: every name under localhost is this machine, also where the system's resolver does not know it.
const dns = require('node:dns');

const lookup = dns.lookup;
dns.lookup = (name, ...rest) => lookup(name.endsWith('.localhost') ? '127.0.0.1' : name, ...rest);
