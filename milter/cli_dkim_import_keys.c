/*
 * Keys of an imported OpenDKIM. Links keep OpenDKIM and the milter on the same file while both run;
 * they need a file that both users can read, which is said where it is not so.
 */
#include "milter/cli_dkim_import_keys.h"

#include "common/base/crypto.h"
#include "common/run/sysuser.h"
#include "milter/dkim/dkim_keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_MODE 0755

struct reader_id {
    uid_t uid; /* DKIM_KEYFILE_KEEP_OWNER: nobody to ask about */
    gid_t gid;
};

/* What the other groups of the user would allow is not known here: the cure fits all the same. */
static bool
has_right(const struct stat *info, const struct reader_id *id, mode_t bit)
{
    if (info->st_uid == id->uid)
        return (info->st_mode & (bit << 6)) != 0;
    if (info->st_gid == id->gid)
        return (info->st_mode & (bit << 3)) != 0;
    return (info->st_mode & bit) != 0;
}

/* The first part of the path that stops the user; NULL when nothing does. In `part`. */
static const char *
find_obstacle(const char *path, const struct reader_id *id, char part[PATH_MAX])
{
    struct stat info;

    for (size_t n = 1; path[n - 1] != '\0'; n++) {
        if (path[n] != '/' && path[n] != '\0')
            continue;
        snprintf(part, PATH_MAX, "%.*s", (int)n, path);
        if (stat(part, &info) != 0 || !has_right(&info, id, path[n] == '/' ? S_IXOTH : S_IROTH))
            return part;
    }
    return NULL;
}

static struct span
key_name(struct opendkim_import *import, const struct opendkim_rule *rule)
{
    char *name = arena_printf(import->mem, "%.*s._domainkey.%.*s", SPAN_ARG(rule->selector),
                              SPAN_ARG(rule->domain));

    return name != NULL ? span_cstr(name) : SPAN_EMPTY;
}

/* Key data in the table itself: base64 of PKCS#1 or PKCS#8. */
static or_status
parse_inline(struct span data, struct dkim_private **key_out, struct err *e)
{
    static const char *const kinds[] = {"RSA PRIVATE KEY", "PRIVATE KEY"};
    or_status st = OR_CONFIG;

    for (size_t i = 0; i < 2 && st != OR_OK; i++) {
        struct buf pem;

        buf_init(&pem, DKIM_PEM_MAX_BYTES);
        buf_addf(&pem, "-----BEGIN %s-----\n", kinds[i]);
        for (size_t at = 0; at < data.n; at += 64) {
            buf_add_span(&pem, span_slice(data, at, at + 64));
            buf_add_char(&pem, '\n');
        }
        buf_addf(&pem, "-----END %s-----\n", kinds[i]);
        st = buf_finish(&pem) == OR_OK ? dkim_private_parse(buf_span(&pem), key_out, e)
                                       : err_set(e, OR_CONFIG, "larger than any key");
        buf_fini_wiped(&pem);
    }
    return st;
}

/* Whatever its mode: the copy will have the right one. */
static or_status
parse_file(const char *path, struct dkim_private **key_out, struct err *e)
{
    char bytes[DKIM_PEM_MAX_BYTES];
    FILE *f = fopen(path, "rb");

    if (f == NULL)
        return err_set(e, OR_CONFIG, "%s: %s", path, os_error_text(errno));
    setvbuf(f, NULL, _IONBF, 0); /* stdio keeps no second copy of the key */
    size_t n = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    or_status st = dkim_private_parse(span_make(bytes, n), key_out, e);
    crypto_wipe(bytes, sizeof(bytes));
    return st == OR_OK ? st : err_wrap(e, st, "%s", path);
}

static or_status
make_link(const char *from, const char *path, struct err *e)
{
    char part[PATH_MAX];

    for (const char *slash = path; (slash = strchr(slash + 1, '/')) != NULL;) {
        snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
        if (mkdir(part, FOLDER_MODE) != 0 && errno != EEXIST)
            return err_set(e, OR_CONFIG, "%s: %s", part, os_error_text(errno));
    }
    return symlink(from, path) == 0 ? OR_OK
                                    : err_set(e, OR_CONFIG, "%s: %s", path, os_error_text(errno));
}

/* The key in place can be read and used, or the note says what to do. */
static void
judge_link(struct opendkim_import *import, const struct opendkim_rule *rule, const char *from,
           const struct reader_id *id)
{
    char part[PATH_MAX];
    struct dkim_private *key = NULL;
    struct err e = {.text = ""};
    struct span name = key_name(import, rule);
    const char *obstacle =
        id->uid != DKIM_KEYFILE_KEEP_OWNER ? find_obstacle(from, id, part) : NULL;

    if (dkim_private_read(from, &key, &e) != OR_OK)
        opendkim_import_note(import, OPENDKIM_IMPOSSIBLE, name, "%s; or say --copy-keys", e.text);
    else if (obstacle != NULL)
        opendkim_import_note(import, OPENDKIM_IMPOSSIBLE, name,
                             "%s: the milter's user may not read %s; say --copy-keys, or give its "
                             "group the right",
                             from, obstacle);
    else
        opendkim_import_note(import, OPENDKIM_TAKEN, name, "stays in %s", from);
    dkim_private_free(key);
}

static or_status
copy_key(const struct opendkim_rule *rule, const char *from, const char *path,
         const struct reader_id *id, struct err *e)
{
    struct dkim_private *key = NULL;
    or_status st = rule->key_is_path ? parse_file(from, &key, e) : parse_inline(rule->key, &key, e);

    if (st == OR_OK && path != NULL)
        st = dkim_keyfile_create(path, key, id->uid, id->gid, e);
    dkim_private_free(key);
    return st;
}

static void
place_key(struct opendkim_import *import, const struct cli_import_keys *how,
          const struct opendkim_rule *rule, const struct reader_id *id)
{
    char path[PATH_MAX];
    struct stat info;
    struct err e = {.text = ""};
    const char *domain = arena_strdup(import->mem, rule->domain);
    const char *selector = arena_strdup(import->mem, rule->selector);
    const char *from = arena_strdup(import->mem, rule->key);
    bool copy = how->copy || !rule->key_is_path;

    if (domain == NULL || selector == NULL || from == NULL) {
        opendkim_import_note(import, OPENDKIM_IMPOSSIBLE, key_name(import, rule), "out of room");
        return;
    }
    or_status st = dkim_keyfile_path(how->directory, domain, selector, path, &e);
    if (st == OR_OK && lstat(path, &info) == 0) {
        opendkim_import_note(import, OPENDKIM_CHANGED, key_name(import, rule),
                             "%s exists already and stays as it is", path);
        return;
    }
    if (st == OR_OK && rule->key_is_path && from[0] != '/')
        st = err_set(&e, OR_CONFIG, "%s: write the path in full", from);
    if (st == OR_OK && copy)
        st = copy_key(rule, from, how->dry_run ? NULL : path, id, &e);
    else if (st == OR_OK && !how->dry_run)
        st = make_link(from, path, &e);
    if (st != OR_OK)
        opendkim_import_note(import, OPENDKIM_IMPOSSIBLE, key_name(import, rule), "%s", e.text);
    else if (copy)
        opendkim_import_note(import, OPENDKIM_TAKEN, key_name(import, rule), "copied to %s", path);
    else
        judge_link(import, rule, from, id);
}

static bool
is_placed(const struct opendkim_rules *rules, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (span_equal_nocase(rules->items[i].domain, rules->items[at].domain) &&
            span_equal_nocase(rules->items[i].selector, rules->items[at].selector))
            return true;
    return false;
}

or_status
cli_import_keys(struct opendkim_import *import, const struct cli_import_keys *how, struct err *e)
{
    struct reader_id id = {.uid = DKIM_KEYFILE_KEEP_OWNER};

    if (sysuser_find(how->user, &id.uid, &id.gid) != OR_OK && how->user_is_named)
        return err_set(e, OR_CONFIG, "there is no user \"%s\"", how->user);
    if (geteuid() != 0 && !how->user_is_named)
        id.uid = DKIM_KEYFILE_KEEP_OWNER; /* only root can give files away */
    for (size_t i = 0; i < import->rules.count; i++)
        if (!is_placed(&import->rules, i))
            place_key(import, how, &import->rules.items[i], &id);
    return OR_OK;
}
