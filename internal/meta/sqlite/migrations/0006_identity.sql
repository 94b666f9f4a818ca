-- Whose projects and keys are; '' is the account of the installation's root, to which all belonged before there were others.
ALTER TABLE projects ADD COLUMN account TEXT NOT NULL DEFAULT '';
ALTER TABLE access_keys ADD COLUMN account TEXT NOT NULL DEFAULT '';
ALTER TABLE access_keys ADD COLUMN user TEXT NOT NULL DEFAULT '';

-- Accounts, users, groups, roles and policies.
CREATE TABLE identities (
    account  TEXT NOT NULL, -- '' for accounts themselves
    kind     TEXT NOT NULL,
    name     TEXT NOT NULL,
    body     BLOB, -- JSON, byte for byte
    created  INTEGER,
    modified INTEGER,
    PRIMARY KEY (account, kind, name)
) STRICT;

-- When keys were last used, apart from the keys: it changes often, and nobody waits for it.
CREATE TABLE key_uses (
    id   TEXT NOT NULL PRIMARY KEY REFERENCES access_keys (id) ON DELETE CASCADE,
    used INTEGER
) STRICT;
