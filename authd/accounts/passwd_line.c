/*
 * A line of a passwd-file to an account. Values never reach the error text: one of them is a hash.
 */
#include "authd/accounts/passwd_line.h"

#include "authd/accounts/account_quota.h"

/* As in authd_conf.c: uid 0 would make the mailbox root's. */
#define FIRST_ID 1
#define LAST_ID 4294967293

enum column { USER, PASSWORD, UID, GID, GECOS, HOME, SHELL, COLUMN_COUNT };

static bool
has_control_byte(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
            return true;
    return false;
}

static or_status
set_id(struct span value, const char *what, int64_t *id, struct err *e)
{
    uint64_t parsed;

    if (value.n == 0)
        return OR_OK;
    if (span_parse_u64(value, LAST_ID, &parsed) != OR_OK || parsed < FIRST_ID)
        return err_set(e, OR_MALFORMED, "%s is no number from 1 to 4294967293", what);
    *id = (int64_t)parsed;
    return OR_OK;
}

static or_status
set_home(struct span value, struct account_row *row, struct err *e)
{
    if (value.n == 0)
        return OR_OK;
    if (value.p[0] != '/')
        return err_set(e, OR_MALFORMED, "the home is no absolute path");
    row->home = value;
    return OR_OK;
}

/* "!" and "*" in front lock a password, as in shadow(5). A hash without scheme is crypt(3)'s, as
 * for Dovecot. */
static or_status
set_password(struct span value, struct arena *mem, struct account_row *row, struct err *e)
{
    row->password = SPAN_EMPTY;
    if (value.n == 0 || value.p[0] == '!' || value.p[0] == '*')
        return OR_OK;
    row->password = value;
    if (value.p[0] == '{')
        return OR_OK;
    char *with_scheme = arena_printf(mem, "{CRYPT}%.*s", (int)value.n, value.p);
    if (with_scheme == NULL)
        return err_set(e, OR_LIMIT, "no memory left for the line");
    row->password = span_cstr(with_scheme);
    return OR_OK;
}

static or_status
set_extra(struct span field, struct account_row *row, struct err *e)
{
    size_t equals = span_find(field, '=');
    struct span name = span_slice(field, 0, equals), value = span_from(field, equals + 1);

    if (span_equal_cstr(name, "userdb_uid"))
        return set_id(value, "userdb_uid", &row->uid, e);
    if (span_equal_cstr(name, "userdb_gid"))
        return set_id(value, "userdb_gid", &row->gid, e);
    if (span_equal_cstr(name, "userdb_home"))
        return set_home(value, row, e);
    if (span_equal_cstr(name, "userdb_quota_rule") &&
        account_quota_parse_rule(value, &row->quota) != OR_OK)
        return err_set(e, OR_MALFORMED, "userdb_quota_rule is none; write e.g. *:storage=5G");
    if (span_equal_cstr(name, "host"))
        row->host = value;
    if (span_equal_cstr(name, "nologin"))
        row->enabled = false;
    return OR_OK;
}

/* Missing columns at the end are empty; the rest keeps its colons. */
static or_status
split_columns(struct span line, struct span columns[COLUMN_COUNT], struct span *extra_out,
              struct err *e)
{
    size_t count = 0;

    while (count < COLUMN_COUNT && span_split(&line, ':', &columns[count]))
        count++;
    if (count <= PASSWORD)
        return err_set(e, OR_MALFORMED, "no colon after the user");
    while (count < COLUMN_COUNT)
        columns[count++] = SPAN_EMPTY;
    *extra_out = line;
    return OR_OK;
}

static or_status
set_columns(const struct span columns[COLUMN_COUNT], struct arena *mem, struct account_row *row,
            struct err *e)
{
    or_status st = account_address_parse(columns[USER], false, mem, &row->address, e);

    if (st == OR_OK)
        st = set_password(columns[PASSWORD], mem, row, e);
    if (st == OR_OK)
        st = set_id(columns[UID], "the uid", &row->uid, e);
    if (st == OR_OK)
        st = set_id(columns[GID], "the gid", &row->gid, e);
    if (st == OR_OK)
        st = set_home(columns[HOME], row, e);
    return st;
}

or_status
passwd_line_parse(struct span line, struct arena *mem, struct account_row *row_out, struct err *e)
{
    struct account_row row = {.enabled = true, .uid = -1, .gid = -1, .home = SPAN_EMPTY};
    struct span columns[COLUMN_COUNT], extra, field;

    if (line.n > PASSWD_LINE_MAX_BYTES)
        return err_set(e, OR_LIMIT, "the line is over %d bytes", PASSWD_LINE_MAX_BYTES);
    line = span_trim(line);
    if (line.n == 0 || line.p[0] == '#')
        return OR_ABSENT;
    if (has_control_byte(line))
        return err_set(e, OR_MALFORMED, "a control byte in the line");
    or_status st = split_columns(line, columns, &extra, e);
    if (st == OR_OK)
        st = set_columns(columns, mem, &row, e);
    while (st == OR_OK && span_split(&extra, ' ', &field))
        st = set_extra(field, &row, e);
    if (st == OR_OK)
        *row_out = row;
    return st;
}
