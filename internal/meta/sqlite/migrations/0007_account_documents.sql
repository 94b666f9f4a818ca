-- Documents may belong to an account ("@" and its id) instead of a project, so the key into projects becomes a trigger.
CREATE TABLE documents_of_scopes (
    project  TEXT NOT NULL, -- the scope
    kind     TEXT NOT NULL,
    name     TEXT NOT NULL,
    body     BLOB, -- byte for byte
    created  INTEGER,
    modified INTEGER,
    PRIMARY KEY (project, kind, name)
) STRICT;
INSERT INTO documents_of_scopes SELECT project, kind, name, body, created, modified FROM documents;
DROP TABLE documents;
ALTER TABLE documents_of_scopes RENAME TO documents;
CREATE TRIGGER documents_go_with_their_project AFTER DELETE ON projects
BEGIN
    DELETE FROM documents WHERE project = OLD.name;
END;
