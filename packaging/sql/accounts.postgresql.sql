-- Accounts for outrider-authd in PostgreSQL (accounts "NAME" { kind = postgresql }). Addresses and domains are
-- kept in lower case, domains as A-labels. A role for authd needs SELECT on these tables only.

CREATE TABLE domains (
    name text PRIMARY KEY,
    quota_bytes bigint,                -- of mailboxes that have none of their own; NULL or 0: no limit
    quota_messages bigint
);

CREATE TABLE accounts (
    address text PRIMARY KEY,
    domain text NOT NULL REFERENCES domains (name),
    password text NOT NULL DEFAULT '', -- {SCHEME}hash; '': no login by password
    enabled boolean NOT NULL DEFAULT true,
    uid bigint,                        -- NULL: authd's mail-uid, mail-gid and mail-home
    gid bigint,
    home text,
    host text,                         -- IP address of the machine that has the mailbox; NULL: any that is asked
    quota_bytes bigint,                -- NULL: the domain's
    quota_messages bigint,
    CHECK (address = lower(address)),
    CHECK (split_part(address, '@', 2) = domain)
);

CREATE TABLE aliases (
    address text NOT NULL,             -- '@domain': whatever has neither account nor alias
    domain text NOT NULL REFERENCES domains (name),
    target text NOT NULL,
    PRIMARY KEY (address, target)
);
