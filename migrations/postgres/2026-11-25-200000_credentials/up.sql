-- Keep in step with migrations/sqlite. Nothing has written to api_keys before: it is made anew.
DROP TABLE api_keys;

-- A user is never deleted: usernames own jobs and stand in the audit log.
CREATE TABLE users (
    id            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    -- In lower case, as the e-mail address.
    username      TEXT COLLATE "C" NOT NULL UNIQUE,
    email         TEXT UNIQUE,
    -- A PHC string of argon2id.
    password_hash TEXT NOT NULL,
    role          TEXT NOT NULL,
    -- Tokens of an older version are void: a new password and a disabling raise it.
    token_version BIGINT NOT NULL,
    created_at    TIMESTAMP NOT NULL,
    disabled_at   TIMESTAMP
);

CREATE TABLE api_keys (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    -- The part of the key that may be shown; keys are found by it.
    prefix       TEXT NOT NULL UNIQUE,
    -- SHA-256 of the whole key, in hex.
    key_hash     TEXT NOT NULL,
    name         TEXT NOT NULL,
    role         TEXT NOT NULL,
    -- The user that the key acts for; without one it acts for itself.
    username     TEXT COLLATE "C" REFERENCES users (username),
    created_at   TIMESTAMP NOT NULL,
    expires_at   TIMESTAMP,
    revoked_at   TIMESTAMP,
    -- Written at most once a minute.
    last_used_at TIMESTAMP
);
