/* The end of a message with a libmilter that only writes down what it is told: edits, answers, log.
 * Settings come from configuration text, so options are tested from the file to their effect. */
#include "milter/milter_eom.h"

#include "common/base/xalloc.h"
#include "milter/dkim/dkim_keyfile.h"

#include "tests/support/fake_dns.h"
#include "tests/support/temp_tree.h"
#include "tests/support/unit.h"

#include <libmilter/mfapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ARENA_BYTES ((size_t)1 << 20)
#define PATH_BYTES (TEMP_TREE_PATH_BYTES + 64)

static char folder[TEMP_TREE_PATH_BYTES];
static char zone[8192];
static char log_text[16384];
static struct buf told; /* one line per call: "insert NAME:VALUE", "delete NAME 1", "reply ..." */

/* ---- libmilter */

int
smfi_insheader(SMFICTX *ctx, int index, char *name, char *value)
{
    ck_assert_ptr_nonnull(ctx);
    ck_assert_int_eq(index, 0);
    buf_addf(&told, "insert %s:%s\n", name, value);
    return MI_SUCCESS;
}

int
smfi_chgheader(SMFICTX *ctx, char *name, int occurrence, char *value)
{
    ck_assert_ptr_nonnull(ctx);
    ck_assert_ptr_null(value);
    buf_addf(&told, "delete %s %d\n", name, occurrence);
    return MI_SUCCESS;
}

int
smfi_setreply(SMFICTX *ctx, char *code, char *dsn, char *text)
{
    ck_assert_ptr_nonnull(ctx);
    buf_addf(&told, "reply %s %s %s\n", code, dsn, text);
    return MI_SUCCESS;
}

static bool
was_told(const char *words)
{
    return strstr(told.p, words) != NULL;
}

/* ---- the surroundings: keys for example.org and home.test, published */

static void
make_key(const char *domain, const char *selector, enum dkim_key_type type)
{
    struct dkim_private *key;
    struct buf record;
    char path[PATH_MAX];
    size_t used = strlen(zone);
    struct err e;

    buf_init(&record, 2048);
    ck_assert_int_eq(dkim_private_generate(type, 1024, &key, &e), OR_OK);
    ck_assert_int_eq(dkim_keyfile_path(folder, domain, selector, path, &e), OR_OK);
    ck_assert_int_eq(dkim_keyfile_create(path, key, DKIM_KEYFILE_KEEP_OWNER, (gid_t)getegid(), &e),
                     OR_OK);
    ck_assert_int_eq(dkim_private_format_record(key, &record), OR_OK);
    snprintf(zone + used, sizeof(zone) - used, "%s._domainkey.%s TXT \"%.*s\"\n", selector, domain,
             SPAN_ARG(buf_span(&record)));
    buf_fini(&record);
    dkim_private_free(key);
}

static void
set_up(void)
{
    temp_tree_make(folder);
    zone[0] = '\0';
    make_key("example.org", "rsa", DKIM_KEY_RSA);
    make_key("example.org", "ed", DKIM_KEY_ED25519);
    make_key("home.test", "h", DKIM_KEY_ED25519);
    make_key("sub.home.test", "s", DKIM_KEY_ED25519);
    buf_init(&told, 1 << 20);
}

static void
tear_down(void)
{
    temp_tree_remove(folder);
    buf_fini(&told);
}

static void
write_settings(char path_out[PATH_BYTES], const char *text)
{
    snprintf(path_out, PATH_BYTES, "%s/milter.conf", folder);
    FILE *f = fopen(path_out, "w");
    fprintf(f, "key-directory = \"%s\"\n%s%s\n", folder,
            strstr(text, "policyd") == NULL ? "policyd = \"\"\n" : "", text);
    fclose(f);
}

static struct milter_settings *
load_settings(const char *text)
{
    char path[PATH_BYTES];
    void *settings = NULL;
    struct err e;

    write_settings(path, text);
    ck_assert_msg(conf_load(&milter_schema, path, &settings, &e) == OR_OK, "%s", e.text);
    ck_assert_int_eq(unlink(path), 0);
    return settings;
}

/* ---- one message */

static sfsistat
answer(struct milter_message *m)
{
    int memory = memfd_create("log", 0), err = dup(STDERR_FILENO);

    dup2(memory, STDERR_FILENO);
    sfsistat status = milter_eom_run(m, (SMFICTX *)m); /* any pointer: our libmilter ignores it */
    dup2(err, STDERR_FILENO);
    close(err);
    ssize_t n = pread(memory, log_text, sizeof(log_text) - 1, 0);
    log_text[n > 0 ? n : 0] = '\0';
    close(memory);
    return status;
}

static struct ip client_ip; /* of mail from outside; family 0: not known */

/* Runs a whole message under the given options. `login`: NULL for mail from outside. */
static sfsistat
run(const char *options, const char *login, const char *text)
{
    const struct milter_client client = {
        .name = {"mx.test", 7}, .helo = {"mx.test", 7}, .ip = client_ip};
    struct milter_settings *settings = load_settings(options);
    struct milter_built built = {.dns = fake_dns_new(zone), .authserv_id = (char *)"mx.home.test"};
    struct milter_message m = {.settings = settings, .built = &built, .client = &client};
    struct span body;
    struct err e;

    ck_assert_int_eq(milter_conf_fields(settings, &built.fields, &e), OR_OK);
    ck_assert_int_eq(dkim_keytable_load(folder, &built.keys, &e), OR_OK);
    ck_assert_int_eq(dkim_signtable_new(NULL, 0, built.keys, &built.signing, &e), OR_OK);
    arena_init(&m.mem, ARENA_BYTES);
    dkim_message_init(&m.dkim, &m.mem);
    m.login = login != NULL ? span_cstr(login) : SPAN_EMPTY;
    m.queue_id = SPAN_LIT("4bXk2");
    m.sender = SPAN_LIT("a@example.org");
    ck_assert_int_eq(dkim_message_add_text(&m.dkim, span_cstr(text), &body, &e), OR_OK);
    milter_message_end_of_header(&m, NULL);
    milter_message_body(&m, body);
    buf_reset(&told);
    sfsistat status = answer(&m);
    buf_add_char(&told, '\0');
    if (m.sign != NULL)
        dkim_sign_fini(m.sign);
    dkim_message_fini(&m.dkim);
    arena_fini(&m.mem);
    dkim_signtable_free(built.signing);
    dkim_keytable_free(built.keys);
    dns_free(built.dns);
    conf_free(&milter_schema, settings);
    return status;
}

#define OURS                                                                                       \
    "From: alice@example.org\r\nTo: bob@example.net\r\nSubject: hello\r\n"                         \
    "Authentication-Results: mx.home.test; dkim=pass\r\n\r\nhello\r\n"

/* The message with the signatures that we put on it, as others receive it: caller frees. */
static char *
signed_message(const char *options, const char *text)
{
    static const char insert[] = "insert DKIM-Signature:";
    struct buf out;

    ck_assert_int_eq(run(options, "alice", text), SMFIS_CONTINUE);
    buf_init(&out, ARENA_BYTES);
    for (const char *p = told.p; (p = strstr(p, insert)) != NULL;) {
        for (p += strlen("insert "); *p != '\n' || p[1] == '\t'; p++) {
            if (*p == '\n')
                buf_add_char(&out, '\r');
            buf_add_char(&out, *p);
        }
        buf_add_cstr(&out, "\r\n");
    }
    buf_add_cstr(&out, text);
    char *message = xmemdup0(out.p, out.n);
    buf_fini(&out);
    return message;
}

/* A copy in which every `from` is `to`. */
static char *
replaced(const char *text, const char *from, const char *to)
{
    struct buf out;

    buf_init(&out, ARENA_BYTES);
    for (; *text != '\0'; text++) {
        bool here = from[0] != '\0' && strncmp(text, from, strlen(from)) == 0;

        if (here)
            buf_add_cstr(&out, to);
        else
            buf_add_char(&out, *text);
        text += here ? strlen(from) - 1 : 0;
    }
    char *copy = xmemdup0(out.p, out.n);
    buf_fini(&out);
    return copy;
}

/* A message with a line more in front. */
static char *
prefixed(const char *line, const char *text)
{
    size_t n = strlen(line) + strlen(text) + 1;
    char *message = xmalloc(n);

    snprintf(message, n, "%s%s", line, text);
    return message;
}

/* ---- mode */

START_TEST(enforce_signs_and_removes)
{
    ck_assert_int_eq(run("", "alice", OURS), SMFIS_CONTINUE);
    ck_assert(was_told("delete Authentication-Results 1\n"));
    ck_assert(was_told("a=rsa-sha256") && was_told("a=ed25519-sha256"));
    ck_assert_ptr_nonnull(strstr(log_text, " removed=1 signed=\"d=example.org s=ed"));
    ck_assert_ptr_null(strstr(log_text, "mode="));
}
END_TEST

START_TEST(observe_touches_nothing_and_logs_the_same)
{
    ck_assert_int_eq(run("mode = observe", "alice", OURS), SMFIS_CONTINUE);
    ck_assert_str_eq(told.p, "");
    ck_assert_ptr_nonnull(strstr(log_text, " mode=observe removed=1 signed=\"d=example.org s=ed"));
}
END_TEST

#define THEIRS "From: alice@example.org\r\nX-Outrider-Quarantine: x\r\n\r\nhello\r\n"

START_TEST(observe_accepts_what_enforce_refuses)
{
    char options[256], observe[300];

    ck_assert_int_eq(run("", NULL, THEIRS), SMFIS_CONTINUE);
    ck_assert(was_told("delete X-Outrider-Quarantine 1\n"));
    ck_assert(was_told("insert Authentication-Results: mx.home.test;\n\tdkim=none"));
    snprintf(options, sizeof(options), "policyd = \"unix:%s/none\"\n", folder);
    ck_assert_int_eq(run(options, NULL, THEIRS), SMFIS_TEMPFAIL);
    ck_assert(was_told("reply 451 4.7.1 "));
    snprintf(observe, sizeof(observe), "%smode = observe\n", options);
    ck_assert_int_eq(run(observe, NULL, THEIRS), SMFIS_CONTINUE);
    ck_assert_str_eq(told.p, "");
    ck_assert_ptr_nonnull(strstr(log_text, " mode=observe removed=1 dkim=none "));
    ck_assert_ptr_nonnull(strstr(log_text, " action=tempfail reason=\"the policy service"));
}
END_TEST

/* ---- how our mail is signed */

#define PLAIN "From: alice@example.org\r\nSubject: hello\r\n\r\nhello\r\n"

static const struct {
    const char *options;
    const char *text;
    const char *told; /* what must be in the fields added; white space dense to one blank */
    const char *log;
} signings[] = {
    {"", "From: a@home.test\r\n\r\n", "h=From:From:To:Cc:Subject:", "d=home.test s=h"},
    {"sign-headers = {\"X-One\", \"From\"}", "X-One: 1\r\nX-One: 2\r\nFrom: a@home.test\r\n\r\n",
     "h=X-One:X-One:From:From;b=", "signed="},
    {"sign-headers = {\"From\"}\noversign-headers = {\"To\"}", "To: x\r\nFrom: a@home.test\r\n\r\n",
     "h=From;b=", "signed="},
    {"skip-headers = {\"to\", \"Cc\", \"X-Unknown\"}", "To: x\r\nFrom: a@home.test\r\n\r\n",
     "h=From:From:Subject:", "signed="},
    {"signature-lifetime = 7d", "From: a@home.test\r\n\r\n", ";x=", "signed="},
    {"sign-subdomains = true", "From: a@mail.home.test\r\n\r\n", ";d=home.test;s=h;",
     "d=home.test s=h"},
    {"sign-subdomains = true", "From: a@x.y.sub.home.test\r\n\r\n", ";d=sub.home.test;s=s;",
     "d=sub.home.test s=s"},
    {"sign-subdomains = true", "From: a@sub.home.test\r\n\r\n", ";d=sub.home.test;s=s;", "signed="},
    {"", "From: a@mail.home.test\r\n\r\n", "", "not-signed=\"no key for mail.home.test\""},
    {"sign-subdomains = true", "From: a@xhome.test\r\n\r\n", "",
     "not-signed=\"no key for xhome.test\""},
};

static void
drop_blanks(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++)
        if (*text != ' ' && *text != '\t' && *text != '\n')
            buf_add_char(out, *text);
    buf_add_char(out, '\0');
}

START_TEST(signing_options)
{
    struct buf dense;

    buf_init(&dense, ARENA_BYTES);
    ck_assert_int_eq(run(signings[_i].options, "alice", signings[_i].text), SMFIS_CONTINUE);
    drop_blanks(&dense, told.p);
    ck_assert_msg(strstr(dense.p, signings[_i].told) != NULL, "%s: %s", signings[_i].options,
                  dense.p);
    ck_assert_int_eq(signings[_i].told[0] == '\0', dense.p[0] == '\0');
    ck_assert_msg(strstr(log_text, signings[_i].log) != NULL, "%s", log_text);
    buf_fini(&dense);
}
END_TEST

START_TEST(lifetime_is_counted_from_the_signing)
{
    unsigned long long time_s, expires_s;

    ck_assert_int_eq(run("signature-lifetime = 7d", "alice", PLAIN), SMFIS_CONTINUE);
    ck_assert_int_eq(sscanf(strstr(told.p, " t="), " t=%llu; x=%llu;", &time_s, &expires_s), 2);
    ck_assert_uint_eq(expires_s, time_s + 7 * 86400);
    ck_assert_int_eq(run("", "alice", PLAIN), SMFIS_CONTINUE);
    ck_assert(!was_told(" x="));
}
END_TEST

static const struct {
    const char *text;
    const char *fault;
} refused[] = {
    {"sign-headers = {\"To\"}", "sign-headers: From is missing"},
    {"skip-headers = {\"FROM\"}", "skip-headers names it"},
    {"sign-headers = {\"From\", \"X Y\"}", "sign-headers: \"X Y\" is not a field's name"},
    {"skip-headers = {\"To:\"}", "skip-headers: \"To:\" is not"},
    {"oversign-headers = {\"a;b\"}", "oversign-headers: \"a;b\" is not"},
    {"signature-lifetime = 5s", "signature-lifetime: "},
    {"clock-skew = 2d", "clock-skew"},
    {"on-fail = discard", "on-fail"},
    {"mode = passive", "mode"},
    {"trusted-relays = {\"192.0.2.25\"}", "trusted-relays: name what"},
    {"arc-seal = forwarded", "arc-seal = forwarded needs local-domains"},
};

START_TEST(configuration_is_refused)
{
    char path[PATH_BYTES];
    void *settings = NULL;
    struct err e;

    write_settings(path, refused[_i].text);
    ck_assert_int_eq(conf_load(&milter_schema, path, &settings, &e), OR_CONFIG);
    ck_assert_msg(strstr(e.text, refused[_i].fault) != NULL, "%s", e.text);
}
END_TEST

/* ---- how strictly signatures are judged */

START_TEST(singleton_headers_option)
{
    char *message = signed_message("", PLAIN);
    /* Sender is signed where present, and not oversigned: a passing signature without it */
    char *twice = prefixed("Sender: a@b\r\nSender: c@d\r\n", message);

    ck_assert_int_eq(run("", NULL, twice), SMFIS_CONTINUE);
    ck_assert(was_told("dkim=pass header.d=example.org"));
    ck_assert_int_eq(run("singleton-headers = policy", NULL, twice), SMFIS_CONTINUE);
    ck_assert(was_told("dkim=policy"));
    ck_assert(!was_told("dkim=pass"));
    ck_assert_ptr_nonnull(strstr(log_text, "(field-twice)"));
    free(twice);
    free(message);
}
END_TEST

/* ---- actions on the DKIM result alone */

static const struct {
    const char *options;
    const char *from, *to; /* changed in the signed message; NULL: sent unsigned */
    sfsistat status;
    const char *told;
} actions[] = {
    {"on-none = reject", NULL, NULL, SMFIS_REJECT,
     "reply 550 5.7.20 no passing DKIM signature: the message is not signed\n"},
    {"on-none = tempfail", NULL, NULL, SMFIS_TEMPFAIL, "reply 451 4.7.20 "},
    {"on-none = quarantine", NULL, NULL, SMFIS_CONTINUE,
     "insert X-Outrider-Quarantine: no passing DKIM signature: the message is not signed\n"},
    {"on-none = accept", NULL, NULL, SMFIS_CONTINUE, "dkim=none"},
    {"on-fail = reject", NULL, NULL, SMFIS_CONTINUE, "dkim=none"},
    {"on-none = reject", "", "", SMFIS_CONTINUE, "dkim=pass"},
    {"on-fail = reject", "hello\r\n.", "jello\r\n.", SMFIS_REJECT,
     "reply 550 5.7.20 no passing DKIM signature: d=example.org: the body hash does not match"},
    {"on-none = reject", "hello\r\n.", "jello\r\n.", SMFIS_CONTINUE, "dkim=fail"},
    {"on-policy = reject\nsingleton-headers = policy", "Subject: s\r\n",
     "Sender: x\r\nSender: y\r\nSubject: s\r\n", SMFIS_REJECT,
     "reply 550 5.7.21 no acceptable DKIM signature: d=example.org: "},
    {"on-permerror = reject", "v=1;", "v=2;", SMFIS_REJECT,
     "reply 550 5.7.20 no passing DKIM signature: d=example.org: the signature's version"},
    {"on-permerror = reject", "v=1;", "v=1; %s", SMFIS_REJECT, "the signature field is malformed"},
    {"mode = observe\non-none = reject", NULL, NULL, SMFIS_CONTINUE, ""},
};

START_TEST(action_on_result)
{
    static const char text[] = "From: alice@example.org\r\nSubject: s\r\n\r\nhello\r\n.\r\n";
    char *message = prefixed("", text);

    if (actions[_i].from != NULL) {
        char *intact = signed_message("", text),
             *changed = replaced(intact, actions[_i].from, actions[_i].to);

        free(message);
        free(intact);
        message = changed;
    }
    sfsistat status = run(actions[_i].options, NULL, message);
    ck_assert_msg(was_told(actions[_i].told), "%s: %s", actions[_i].options, told.p);
    ck_assert_int_eq(status, actions[_i].status);
    free(message);
}
END_TEST

/* The stricter of DKIM's and DMARC's word counts; here the latter is policyd-failure's tempfail. */
START_TEST(stricter_action_counts)
{
    char options[256];

    snprintf(options, sizeof(options), "policyd = \"unix:%s/none\"\non-none = quarantine", folder);
    ck_assert_int_eq(run(options, NULL, PLAIN), SMFIS_TEMPFAIL);
    ck_assert(was_told("reply 451 4.7.1 the policy service"));
    snprintf(options, sizeof(options), "policyd = \"unix:%s/none\"\non-none = reject", folder);
    ck_assert_int_eq(run(options, NULL, PLAIN), SMFIS_REJECT);
    ck_assert(was_told("reply 550 5.7.20 "));
}
END_TEST

START_TEST(temperror_is_told_apart)
{
    char *message = signed_message("", PLAIN);

    snprintf(zone, sizeof(zone),
             "rsa._domainkey.example.org SERVFAIL\n"
             "ed._domainkey.example.org TXT \"v=DKIM1; k=ed25519; p=\"\n");
    ck_assert_int_eq(run("on-permerror = reject\non-temperror = tempfail", NULL, message),
                     SMFIS_TEMPFAIL);
    ck_assert(
        was_told("reply 451 4.7.20 no passing DKIM signature: d=example.org: the key could "));
    free(message);
}
END_TEST

START_TEST(testing_key_counts_like_no_signature)
{
    char *message = signed_message("", PLAIN);

    snprintf(zone, sizeof(zone),
             "rsa._domainkey.example.org TXT \"v=DKIM1; p=\"\n"
             "ed._domainkey.example.org TXT \"v=DKIM1; t=y; k=ed25519; "
             "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"\n");
    ck_assert_int_eq(run("on-fail = reject", NULL, message), SMFIS_CONTINUE);
    ck_assert_int_eq(run("on-permerror = reject", NULL, message), SMFIS_REJECT);
    ck_assert(was_told("the key was revoked"));
    snprintf(zone, sizeof(zone),
             "rsa._domainkey.example.org TXT \"v=DKIM1; t=y; k=ed25519; "
             "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"\n"
             "ed._domainkey.example.org TXT \"v=DKIM1; t=y; k=ed25519; "
             "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"\n");
    ck_assert_int_eq(run("on-none = reject", NULL, message), SMFIS_REJECT);
    ck_assert(was_told("only signatures under testing keys (t=y)"));
    free(message);
}
END_TEST

#define RELAYS                                                                                     \
    "trusted-relays = {\"192.0.2.25\"}\n"                                                          \
    "trusted-authserv-ids = {\"border.home.test\", \"other.home.test\"}\n"

static const struct {
    const char *client;
    const char *head;
    const char *written; /* in our field */
    const char *deleted; /* "" nothing */
} relayed[] = {
    {"192.0.2.25",
     "Authentication-Results: border.home.test; dkim=pass header.d=a.test header.s=s\r\n",
     "dkim=pass reason=\"reported by a relay of ours (border.home.test)\"", ""},
    {"192.0.2.25",
     "Received: by border\r\nAuthentication-Results: Border.Home.Test 1; dkim=fail "
     "header.d=a.test\r\n"
     "Received: from outside\r\n",
     "dkim=fail reason=\"reported by a relay of ours (Border.Home.Test)\"", ""},
    {"192.0.2.25", "Authentication-Results: border.home.test; dkim=none\r\nDKIM-Signature: v=1\r\n",
     "dkim=none", ""},
    /* a stranger's word is nothing, and a temporary error is tried again */
    {"192.0.2.25",
     "Authentication-Results: stranger.test; dkim=pass header.d=a.test\r\n"
     "Authentication-Results: border.home.test; dkim=temperror header.d=a.test\r\n",
     "dkim=none", ""},
    /* below the second Received: the sender's */
    {"192.0.2.25",
     "Received: by border\r\nReceived: from outside\r\n"
     "Authentication-Results: border.home.test; dkim=pass header.d=a.test\r\n",
     "dkim=none", "delete Authentication-Results 1\n"},
    {"192.0.2.26", "Authentication-Results: border.home.test; dkim=pass header.d=a.test\r\n",
     "dkim=none", "delete Authentication-Results 1\n"},
    {"192.0.2.26",
     "Authentication-Results: stranger.test; none\r\n"
     "Authentication-Results:\r\n (c)\r\n \"OTHER.home.test\" (c) 1\r\n ; dkim=pass\r\n",
     "dkim=none", "delete Authentication-Results 2\n"},
    {"192.0.2.25",
     "Authentication-Results: border.home.test; dkim=pass header.d=\"a.test;dmarc=pass\"\r\n",
     "dkim=pass reason=\"reported by a relay of ours (border.home.test)\"", ""},
};

START_TEST(results_of_relays)
{
    char *message = prefixed(relayed[_i].head, "From: a@a.test\r\n\r\nx\r\n");

    ck_assert_int_eq(ip_parse(span_cstr(relayed[_i].client), &client_ip), OR_OK);
    ck_assert_int_eq(run(RELAYS, NULL, message), SMFIS_CONTINUE);
    ck_assert_msg(was_told(relayed[_i].written), "%s", told.p);
    ck_assert(!was_told("dmarc=pass"));
    ck_assert_msg(relayed[_i].deleted[0] != '\0' ? was_told(relayed[_i].deleted)
                                                 : !was_told("delete"),
                  "%s", told.p);
    free(message);
}
END_TEST

START_TEST(hundreds_of_forged_results_go)
{
    static const char *const ids[] = {"\r\n (c)\r\n\tMX.home.test/1", " \"mx.home.test\" (c) 1",
                                      " other.test"};
    char text[32768];
    size_t n = 0;

    for (size_t i = 0; i < 300; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n,
                              "Authentication-Results:%s; dkim=pass\r\n", ids[i % 3]);
    snprintf(text + n, sizeof(text) - n, "From: a@a.test\r\n\r\nx\r\n");
    ck_assert_int_eq(run("", NULL, text), SMFIS_CONTINUE);
    ck_assert_ptr_nonnull(strstr(log_text, " removed=200 "));
}
END_TEST

START_TEST(a_relay_inside_our_networks_is_not_signed_for)
{
    ck_assert_int_eq(ip_parse(SPAN_LIT("192.0.2.25"), &client_ip), OR_OK);
    ck_assert_int_eq(run("internal-networks = {\"192.0.2.0/24\"}\n" RELAYS, NULL, OURS),
                     SMFIS_CONTINUE);
    ck_assert(!was_told("insert DKIM-Signature") && was_told("insert Authentication-Results"));
    ck_assert_int_eq(run("internal-networks = {\"192.0.2.0/24\"}", NULL, OURS), SMFIS_CONTINUE);
    ck_assert(was_told("insert DKIM-Signature"));
    client_ip.family = 0;
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("milter_eom");
    TCase *tc = tcase_create("all");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, enforce_signs_and_removes);
    tcase_add_test(tc, observe_touches_nothing_and_logs_the_same);
    tcase_add_test(tc, observe_accepts_what_enforce_refuses);
    tcase_add_test(tc, singleton_headers_option);
    tcase_add_loop_test(tc, action_on_result, 0, sizeof(actions) / sizeof(actions[0]));
    tcase_add_test(tc, stricter_action_counts);
    tcase_add_test(tc, temperror_is_told_apart);
    tcase_add_test(tc, testing_key_counts_like_no_signature);
    tcase_add_loop_test(tc, signing_options, 0, sizeof(signings) / sizeof(signings[0]));
    tcase_add_test(tc, lifetime_is_counted_from_the_signing);
    tcase_add_loop_test(tc, results_of_relays, 0, sizeof(relayed) / sizeof(relayed[0]));
    tcase_add_test(tc, hundreds_of_forged_results_go);
    tcase_add_test(tc, a_relay_inside_our_networks_is_not_signed_for);
    tcase_add_loop_test(tc, configuration_is_refused, 0, sizeof(refused) / sizeof(refused[0]));
    suite_add_tcase(suite, tc);
    return unit_main(suite);
}
