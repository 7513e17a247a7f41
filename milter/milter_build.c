/*
 * From settings to what a message needs: resolver, keys, our name.
 */
#include "milter/milter_build.h"

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/run/daemon.h"
#include "milter/milter_metrics.h"
#include "milter/milter_rotation.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOST_NAME_BYTES 256
#define PATTERNS_BYTES ((size_t)8 << 20)

/* The host's full name where the resolver knows it, else what gethostname() says. */
static char *
host_name(void)
{
    char name[HOST_NAME_BYTES] = "localhost";
    struct addrinfo hints = {.ai_flags = AI_CANONNAME, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;

    if (gethostname(name, sizeof(name) - 1) != 0)
        log_warning("gethostname: %s; set authserv-id", os_error_text(errno));
    if (span_contains_byte(span_cstr(name), '.') || getaddrinfo(name, NULL, &hints, &found) != 0)
        return xstrdup(name);
    char *full = xstrdup(found->ai_canonname != NULL ? found->ai_canonname : name);
    freeaddrinfo(found);
    return full;
}

/* The key directory and the `key` sections. */
static or_status
read_keys(const struct milter_settings *settings, struct dkim_keytable **keys_out, struct err *e)
{
    size_t count = settings->keys.count;
    struct dkim_keytable_entry *entries = xcalloc(count + 1, sizeof(*entries));

    for (size_t i = 0; i < count; i++) {
        const struct milter_key *key = milter_conf_key(settings, i);

        entries[i] = (struct dkim_keytable_entry){
            .domain = key->domain,
            .selector = key->selector[0] != '\0' ? key->selector : key->head.title,
            .path = key->file,
        };
    }
    or_status st = dkim_keytable_load_with(settings->key_directory, entries, count, keys_out, e);
    free(entries);
    return st;
}

/* RFC 8301 3.2: 1024 bits are still to be verified, signers should use 2048. */
static void
warn_of_short_keys(const struct dkim_keytable *keys)
{
    const struct dkim_keytable_row *row;

    for (size_t i = 0; (row = dkim_keytable_row_at(keys, i)) != NULL; i++)
        if (dkim_private_type(row->key) == DKIM_KEY_RSA && dkim_private_bits(row->key) < 2048)
            log_warning("key %s of %s has %u bits; 2048 are advised: make a new one with "
                        "\"outrider dkim keygen %s\"",
                        row->selector, row->domain, dkim_private_bits(row->key), row->domain);
}

/* A broken key must not defer other domains' mail: the daemon says so and goes on without it. */
static or_status
load_keys(const struct milter_settings *settings, bool check_only, struct dkim_keytable **keys_out,
          struct err *e)
{
    or_status st = read_keys(settings, keys_out, e);

    if (st == OR_ABSENT) {
        log_warning("%s: no such directory: nothing will be signed; make keys with "
                    "\"outrider dkim keygen DOMAIN\"",
                    settings->key_directory);
        *keys_out = NULL;
        return OR_OK;
    }
    if (st != OR_OK)
        return st;
    size_t problems = dkim_keytable_problem_count(*keys_out);
    if (check_only && problems != 0) {
        st = err_set(e, OR_CONFIG, "%s%s", dkim_keytable_problem(*keys_out, 0),
                     problems > 1 ? " (and more)" : "");
        dkim_keytable_free(*keys_out);
        return st;
    }
    milter_rotation_restore(*keys_out, settings->state_directory);
    const char *problem;
    for (size_t i = 0; (problem = dkim_keytable_problem(*keys_out, i)) != NULL; i++)
        log_error("key left out: %s", problem);
    warn_of_short_keys(*keys_out);
    log_info("%zu DKIM keys loaded from %s", dkim_keytable_key_count(*keys_out),
             settings->key_directory);
    return OR_OK;
}

/* The titles of sections `name`, in their order; `heads` are the sections' heads. */
static or_status
build_patterns(const struct milter_settings *s, const char *name, size_t count,
               const struct conf_item *(*head_of)(const struct milter_settings *, size_t),
               struct arena *mem, struct addrpattern **patterns_out, struct err *e)
{
    struct addrpattern *patterns = arena_alloc_array(mem, count, sizeof(*patterns));

    for (size_t i = 0; i < count && patterns != NULL; i++) {
        const struct conf_item *head = head_of(s, i);

        if (addrpattern_parse(span_cstr(head->title), mem, &patterns[i], e) != OR_OK)
            return err_wrap(e, OR_CONFIG, "%s:%u: %s", s->common.path, head->line, name);
    }
    *patterns_out = patterns;
    return patterns != NULL ? OR_OK : err_set(e, OR_CONFIG, "too many %s sections", name);
}

static const struct conf_item *
from_head(const struct milter_settings *s, size_t at)
{
    return &milter_conf_from(s, at)->head;
}

static const struct conf_item *
seal_head(const struct milter_settings *s, size_t at)
{
    return &milter_conf_seal(s, at)->head;
}

static or_status
build_signing(const struct milter_settings *s, struct milter_built *built, struct err *e)
{
    size_t count = s->signs.count;
    struct dkim_signrule *rules = xcalloc(count + 1, sizeof(*rules));

    for (size_t i = 0; i < count; i++) {
        const struct milter_sign *sign = milter_conf_sign(s, i);

        rules[i] = (struct dkim_signrule){
            .pattern = sign->head.title,
            .domain = sign->domain,
            .selectors = sign->selectors.items,
            .selector_count = sign->selectors.count,
            .never = sign->never,
            .line = sign->head.line,
        };
    }
    or_status st = dkim_signtable_new(rules, count, built->keys, &built->signing, e);
    free(rules);
    return st == OR_OK ? OR_OK : err_wrap(e, OR_CONFIG, "%s", s->common.path);
}

/* RFC 8617 allows Ed25519 as RFC 8463 does, but few validators know it: RSA unless one is named. */
static bool
is_seal_key(const char *selector, const struct dkim_keytable_row *row)
{
    if (selector[0] != '\0')
        return dkim_keytable_answers_to(row, selector);
    return dkim_private_type(row->key) == DKIM_KEY_RSA;
}

struct seal_choice {
    const char *domain;
    const char *selector; /* empty: the first RSA key */
};

static struct seal_choice
choose_seal(const struct milter_settings *s, const struct milter_seal *seal)
{
    struct seal_choice c = {s->arc_seal_domain, s->arc_seal_selector};

    if (seal != NULL && seal->domain[0] != '\0')
        c = (struct seal_choice){seal->domain, seal->selector};
    else if (seal != NULL && seal->selector[0] != '\0')
        c.selector = seal->selector;
    return c;
}

const struct dkim_keytable_row *
milter_build_seal_key(const struct milter_built *built, const struct milter_settings *s,
                      const struct milter_seal *seal)
{
    struct seal_choice choice = choose_seal(s, seal);
    const struct dkim_keytable_row *rows = NULL;
    size_t count = 0;

    if (s->arc_seal == MILTER_ARC_SEAL_NEVER || built->keys == NULL ||
        (seal != NULL && seal->never))
        return NULL;
    rows = dkim_keytable_find(built->keys, span_cstr(choice.domain), &count);
    for (size_t i = 0; i < count; i++)
        if (is_seal_key(choice.selector, &rows[i]))
            return &rows[i];
    return NULL;
}

static or_status
check_seal_key(const struct milter_settings *s, const struct milter_built *built,
               const struct milter_seal *seal, struct err *e)
{
    struct seal_choice choice = choose_seal(s, seal);

    if ((seal != NULL && seal->never) || milter_build_seal_key(built, s, seal) != NULL)
        return OR_OK;
    return err_set(e, OR_CONFIG, "arc-seal: no usable key %s/%s.pem in %s", choice.domain,
                   choice.selector[0] != '\0' ? choice.selector : "(RSA)", s->key_directory);
}

/* Sections alone may say who seals; otherwise arc-seal-domain must have its key. */
static or_status
check_seal_keys(const struct milter_settings *s, const struct milter_built *built, struct err *e)
{
    or_status st = OR_OK;

    if (s->arc_seal == MILTER_ARC_SEAL_NEVER)
        return OR_OK;
    if (!s->arc_verify)
        return err_set(e, OR_CONFIG, "arc-seal needs arc-verify");
    if (s->seals.count == 0 || s->arc_seal_domain[0] != '\0')
        st = check_seal_key(s, built, NULL, e);
    for (size_t i = 0; i < s->seals.count && st == OR_OK; i++) {
        const struct milter_seal *seal = milter_conf_seal(s, i);

        if (check_seal_key(s, built, seal, e) != OR_OK)
            st = err_wrap(e, OR_CONFIG, "seal \"%s\" (line %u)", seal->head.title, seal->head.line);
    }
    return st;
}

or_status
milter_build(void *state, const void *settings, bool check_only, void **built_out, struct err *e)
{
    const struct milter_settings *s = settings;
    struct dkim_keytable *keys;

    (void)state;
    or_status st = load_keys(s, check_only, &keys, e);
    if (st != OR_OK)
        return st;
    struct milter_built *built = xcalloc(1, sizeof(*built));
    built->keys = keys;
    built->public_keys = dkim_keycache_new();
    st = milter_conf_fields(s, &built->fields, e);
    if (st == OR_OK)
        st = build_signing(s, built, e);
    arena_init(&built->patterns_mem, PATTERNS_BYTES);
    if (st == OR_OK)
        st = build_patterns(s, "from", s->froms.count, from_head, &built->patterns_mem,
                            &built->froms, e);
    if (st == OR_OK)
        st = build_patterns(s, "seal", s->seals.count, seal_head, &built->patterns_mem,
                            &built->seals, e);
    if (st == OR_OK)
        st = check_seal_keys(s, built, e);
    if (st == OR_OK)
        st = daemon_dns_new(&s->common, &built->dns, e);
    if (st != OR_OK) {
        milter_destroy(built);
        return st;
    }
    if (!check_only)
        milter_metrics_keys(keys);
    built->authserv_id = s->authserv_id != NULL ? xstrdup(s->authserv_id) : host_name();
    *built_out = built;
    return OR_OK;
}

void
milter_destroy(void *built)
{
    struct milter_built *b = built;

    arena_fini(&b->patterns_mem);
    dkim_signtable_free(b->signing);
    dkim_keytable_free(b->keys);
    dns_free(b->dns);
    dkim_keycache_free(b->public_keys);
    free(b->authserv_id);
    free(b);
}
