-- Small JSON objects that change often, by kind and name, and by what they belong to.
CREATE TABLE items (
    kind     TEXT NOT NULL,
    name     TEXT NOT NULL,
    grouping TEXT NOT NULL,
    body     BLOB, -- byte for byte
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX items_of_group ON items (kind, grouping, name) WHERE grouping <> '';
