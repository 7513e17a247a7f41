/*
 * The milter's callbacks behind a libmilter that calls them in the order the input wants, with the
 * strings it wants: whole messages of any shape through verifying, sealing and signing.
 *
 * Input: a byte that chooses the options, then records ended by NUL, each a letter and its text:
 * C address, H hello, l login, i queue id, M sender, L "Name:value", N end of header, B body, E end
 * of message, A abort, Q close. What the milter says to libmilter is checked, see said().
 */
#include "milter/milter_session.h"

#include "common/base/log.h"
#include "common/run/daemon_snapshot.h"
#include "milter/dkim/dkim_keyfile.h"
#include "milter/milter_build.h"
#include "tests/support/temp_tree.h"

#include <arpa/inet.h>
#include <libmilter/mfapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TEXT_MAX 4096 /* of one record */
#define AUTHSERV_ID "mx.home.test"

/* What libmilter would know of a session. */
struct smfi_str {
    void *priv;
    char login[TEXT_MAX];
    char queue_id[TEXT_MAX];
    int fields_seen;
};

static struct smfiDesc milter_callbacks;

static void
require(bool ok)
{
    if (!ok)
        abort();
}

/* ---- libmilter */

int
smfi_register(struct smfiDesc description)
{
    milter_callbacks = description;
    return MI_SUCCESS;
}

int
smfi_setconn(char *address)
{
    (void)address;
    return MI_SUCCESS;
}

int
smfi_settimeout(int seconds)
{
    (void)seconds;
    return MI_SUCCESS;
}

int
smfi_setbacklog(int backlog)
{
    (void)backlog;
    return MI_SUCCESS;
}

int
smfi_stop(void)
{
    return MI_SUCCESS;
}

int
smfi_main(void)
{
    return MI_SUCCESS;
}

int
smfi_setpriv(SMFICTX *ctx, void *priv)
{
    ctx->priv = priv;
    return MI_SUCCESS;
}

void *
smfi_getpriv(SMFICTX *ctx)
{
    return ctx->priv;
}

char *
smfi_getsymval(SMFICTX *ctx, char *name)
{
    if (strcmp(name, "{auth_authen}") == 0 && ctx->login[0] != '\0')
        return ctx->login;
    if (strcmp(name, "i") == 0 && ctx->queue_id[0] != '\0')
        return ctx->queue_id;
    return NULL;
}

/* What Postfix is to put into a header: LF only where a line is folded, nothing else unprintable
 * that the sender could have chosen. */
int
smfi_insheader(SMFICTX *ctx, int at, char *name, char *value)
{
    (void)ctx;
    require(at == 0 && strlen(value) < 65536);
    for (const char *p = value; *p != '\0'; p++) {
        require(*p != '\r');
        require(*p != '\n' || p[1] == ' ' || p[1] == '\t');
    }
    if (strcmp(name, "Authentication-Results") == 0)
        require(strncmp(value, " " AUTHSERV_ID ";", sizeof(AUTHSERV_ID) + 1) == 0);
    return MI_SUCCESS;
}

int
smfi_chgheader(SMFICTX *ctx, char *name, int occurrence, char *value)
{
    (void)name;
    require(value == NULL && occurrence >= 1 && occurrence <= ctx->fields_seen);
    return MI_SUCCESS;
}

int
smfi_setreply(SMFICTX *ctx, char *code, char *dsn, char *text)
{
    (void)ctx;
    require(strlen(code) == 3 && code[0] == dsn[0] && (code[0] == '4' || code[0] == '5'));
    require(strlen(text) <= 980);
    for (const char *p = text; *p != '\0'; p++)
        require((unsigned char)*p >= ' ' && *p != 0x7f);
    return MI_SUCCESS;
}

/* ---- the daemon around it: two sets of options, a key, a DNS with that key under every name */

static struct dns_record key_record;
static struct dns_answer key_answer = {.result = DNS_FOUND, .count = 1, .records = &key_record};

static or_status
answer_always(struct dns *dns, enum dns_type type, struct span name, int64_t deadline_mono_ms,
              struct arena *mem, const struct dns_answer **answer_out, struct err *e)
{
    (void)dns, (void)type, (void)name, (void)deadline_mono_ms, (void)mem, (void)e;
    *answer_out = &key_answer;
    return OR_OK;
}

static or_status
build(void *state, const void *settings, bool check_only, void **built_out, struct err *e)
{
    static const struct dns_ops ops = {.query = answer_always};
    static struct dns dns = {.ops = &ops};
    or_status st = milter_build(state, settings, check_only, built_out, e);

    if (st == OR_OK) {
        dns_free(((struct milter_built *)*built_out)->dns);
        ((struct milter_built *)*built_out)->dns = &dns;
    }
    return st;
}

static void
make_key(const char *folder)
{
    static struct buf record;
    struct dkim_private *key;
    char path[PATH_MAX];

    buf_init(&record, 1024);
    require(dkim_private_generate(DKIM_KEY_ED25519, 0, &key, NULL) == OR_OK);
    require(dkim_private_format_record(key, &record) == OR_OK);
    require(dkim_keyfile_path(folder, "home.test", "s", path, NULL) == OR_OK);
    require(dkim_keyfile_create(path, key, DKIM_KEYFILE_KEEP_OWNER, (gid_t)getegid(), NULL) ==
            OR_OK);
    dkim_private_free(key);
    key_record.txt.joined = buf_span(&record);
}

static void
make_daemon(struct daemon *d, const struct daemon_spec *spec, const char *folder,
            const char *options)
{
    char path[PATH_MAX];
    void *settings;
    struct err e = {.text = ""};

    snprintf(path, sizeof(path), "%s/milter.conf", folder);
    FILE *f = fopen(path, "w");
    require(f != NULL);
    fprintf(f,
            "key-directory = \"%s\"\npolicyd = \"\"\nauthserv-id = \"" AUTHSERV_ID
            "\"\nmax-header-size = 64K\n%s\n",
            folder, options);
    fclose(f);
    *d = (struct daemon){
        .spec = spec, .config = path, .listener_fd = -1, .listener_service = "milter"};
    lock_init(&d->lock, LOCK_SETTINGS);
    if (daemon_snapshot_load(d, &settings, &e) != OR_OK ||
        daemon_snapshot_install(d, settings, &e) != OR_OK) {
        fprintf(stderr, "%s\n", e.text);
        abort();
    }
    d->config = NULL;
    require(unlink(path) == 0);
}

static struct daemon *
daemon_for(unsigned choice)
{
    static const struct daemon_spec spec = {
        .name = "milter", .schema = &milter_schema, .build = build, .destroy = milter_destroy};
    static struct daemon daemons[2];
    static bool made;
    char folder[TEMP_TREE_PATH_BYTES];

    if (!made) {
        log_open("fuzz", LOG_TARGET_STDERR, LOG_FORMAT_PLAIN, LOG_LEVEL_ERROR);
        temp_tree_make(folder);
        make_key(folder);
        make_daemon(&daemons[0], &spec, folder, "");
        make_daemon(
            &daemons[1], &spec, folder,
            "arc-seal = always\narc-seal-domain = \"home.test\"\narc-seal-selector = \"s\"\n"
            "length-tag = accept\nsingleton-headers = policy\non-fail = reject\n"
            "on-none = quarantine\nsign-subdomains = true");
        temp_tree_remove(folder);
        made = true;
    }
    return &daemons[choice % 2];
}

/* ---- the calls */

static void
call_connect(SMFICTX *ctx, const char *text)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    bool has_address = inet_pton(AF_INET, text, &in.sin_addr) == 1;

    if (ctx->priv == NULL)
        milter_callbacks.xxfi_connect(ctx, (char *)(uintptr_t)text,
                                      has_address ? (_SOCK_ADDR *)&in : NULL);
}

static void
call_header(SMFICTX *ctx, char *text)
{
    char *colon = strchr(text, ':');

    if (colon == NULL)
        return;
    *colon = '\0';
    ctx->fields_seen++;
    milter_callbacks.xxfi_header(ctx, text, colon + 1);
}

static void
call(SMFICTX *ctx, char *record)
{
    char *text = record + 1, *words[] = {text, NULL};

    switch (record[0]) {
    case 'C':
        call_connect(ctx, text);
        break;
    case 'H':
        milter_callbacks.xxfi_helo(ctx, text);
        break;
    case 'l':
        snprintf(ctx->login, sizeof(ctx->login), "%s", text);
        break;
    case 'i':
        snprintf(ctx->queue_id, sizeof(ctx->queue_id), "%s", text);
        break;
    case 'M':
        ctx->fields_seen = 0, milter_callbacks.xxfi_envfrom(ctx, words);
        break;
    case 'L':
        call_header(ctx, text);
        break;
    case 'N':
        milter_callbacks.xxfi_eoh(ctx);
        break;
    case 'B':
        milter_callbacks.xxfi_body(ctx, (unsigned char *)text, strlen(text));
        break;
    case 'E':
        milter_callbacks.xxfi_eom(ctx);
        break;
    case 'A':
        milter_callbacks.xxfi_abort(ctx);
        break;
    case 'Q':
        milter_callbacks.xxfi_close(ctx);
        break;
    default:
        break;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct smfi_str ctx = {0};
    char record[TEXT_MAX];
    struct span rest = span_make((const char *)data, size), part;

    if (size == 0)
        return 0;
    require(milter_session_serve(daemon_for(data[0])) == 0);
    rest = span_from(rest, 1);
    while (span_split(&rest, '\0', &part)) {
        part = span_slice(part, 0, sizeof(record) - 1);
        if (part.n == 0)
            continue;
        memcpy(record, part.p, part.n);
        record[part.n] = '\0';
        call(&ctx, record);
    }
    milter_callbacks.xxfi_close(&ctx);
    return 0;
}
