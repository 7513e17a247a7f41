/*
 * One row for each scheme that new passwords can be stored as.
 */
#include "authd/accounts/password_make.h"

#include "authd/accounts/password_scheme.h"
#include "authd/accounts/saslprep.h"
#include "common/base/crypto.h"
#include "common/base/xalloc.h"

#include <crypt.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHA512_ROUNDS 100000
#define YESCRYPT_COST 5 /* as Debian's passwd makes it: 16 MiB, $y$j9T$ */
#define BCRYPT_COST 12  /* about what the others cost */
#define BCRYPT_MAX_BYTES 72

struct maker {
    /* `password` ends with NUL. */
    or_status (*make)(const struct maker *m, struct span password,
                      char out[PASSWORD_MAX_HASH_BYTES], struct err *e);
    const char *scheme;
    const char *mark; /* crypt(3)'s */
    unsigned long cost;
    enum scram_digest digest;
    size_t most_bytes; /* 0: all count */
};

/* What crypt(3) needs: 32 KiB, too much for a stack, and full of what must be wiped. */
struct crypting {
    struct crypt_data data;
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
};

static or_status
make_crypt(const struct maker *m, struct span password, char out[PASSWORD_MAX_HASH_BYTES],
           struct err *e)
{
    struct crypting *c;
    const char *made = NULL;
    or_status st = OR_OK;

    if (m->most_bytes > 0 && password.n > m->most_bytes)
        return err_set(e, OR_MALFORMED, "%s looks at the first %zu bytes of a password only",
                       m->scheme, m->most_bytes);
    c = xcalloc(1, sizeof(*c));
    /* No random bytes given: libcrypt asks the kernel. */
    if (crypt_gensalt_rn(m->mark, m->cost, NULL, 0, c->setting, (int)sizeof(c->setting)) != NULL)
        made = crypt_rn(password.p, c->setting, &c->data, (int)sizeof(c->data));
    if (made == NULL)
        st = err_set(e, OR_TEMPFAIL, "libcrypt cannot hash: %s", os_error_text(errno));
    else
        snprintf(out, PASSWORD_MAX_HASH_BYTES, "%s%s", m->scheme, made);
    crypto_wipe(c, sizeof(*c));
    free(c);
    return st;
}

static or_status
make_argon2(const struct maker *m, struct span password, char out[PASSWORD_MAX_HASH_BYTES],
            struct err *e)
{
    char text[PASSWORD_ARGON2_TEXT_BYTES];
    or_status st = password_argon2_make(password, text, e);

    if (st == OR_OK)
        snprintf(out, PASSWORD_MAX_HASH_BYTES, "%s%s", m->scheme, text);
    crypto_wipe(text, sizeof(text));
    return st;
}

static or_status
make_scram(const struct maker *m, struct span password, char out[PASSWORD_MAX_HASH_BYTES],
           struct err *e)
{
    struct buf text;

    buf_init(&text, PASSWORD_MAX_HASH_BYTES - 1);
    or_status st = password_scram_make(m->digest, password, &text, e);
    if (st == OR_OK) {
        memcpy(out, text.p, text.n);
        out[text.n] = '\0';
    }
    buf_fini_wiped(&text);
    return st;
}

const char *const password_scheme_words[] = {"yescrypt",      "ARGON2ID",    "BLF-CRYPT",
                                             "SHA512-CRYPT",  "SCRAM-SHA-1", "SCRAM-SHA-256",
                                             "SCRAM-SHA-512", NULL};

/* By enum password_scheme. */
static const struct maker makers[] = {
    [PASSWORD_YESCRYPT] = {make_crypt, "{CRYPT}", "$y$", YESCRYPT_COST, 0, 0},
    [PASSWORD_ARGON2ID] = {make_argon2, "{ARGON2ID}", "$argon2id$", 0, 0, 0},
    [PASSWORD_BLF_CRYPT] = {make_crypt, "{BLF-CRYPT}", "$2b$", BCRYPT_COST, 0, BCRYPT_MAX_BYTES},
    [PASSWORD_SHA512_CRYPT] = {make_crypt, "{SHA512-CRYPT}", "$6$", SHA512_ROUNDS, 0, 0},
    [PASSWORD_SCRAM_SHA1] = {make_scram, "{SCRAM-SHA-1}", "", 0, SCRAM_SHA1, 0},
    [PASSWORD_SCRAM_SHA256] = {make_scram, "{SCRAM-SHA-256}", "", 0, SCRAM_SHA256, 0},
    [PASSWORD_SCRAM_SHA512] = {make_scram, "{SCRAM-SHA-512}", "", 0, SCRAM_SHA512, 0},
};

/* Keys of each digest, a blank between them. */
static or_status
make_all_scram(struct span password, char out[PASSWORD_SCRAM_ALL_MAX_BYTES], struct err *e)
{
    static const enum scram_digest digests[] = {SCRAM_SHA1, SCRAM_SHA256, SCRAM_SHA512};
    struct buf text;
    or_status st = OR_OK;

    buf_init(&text, PASSWORD_SCRAM_ALL_MAX_BYTES - 1);
    for (size_t i = 0; st == OR_OK && i < sizeof(digests) / sizeof(digests[0]); i++) {
        if (i > 0)
            buf_add_char(&text, ' ');
        st = password_scram_make(digests[i], password, &text, e);
    }
    if (st == OR_OK) {
        memcpy(out, text.p, text.n);
        out[text.n] = '\0';
    }
    buf_fini_wiped(&text);
    return st;
}

/* As SCRAM's clients have it; what cannot be prepared is taken as it was typed. */
static void
prepare(struct span password, struct buf *out)
{
    if (saslprep(password, out) != OR_OK || out->n > PASSWORD_MAX_BYTES) {
        buf_fini_wiped(out);
        buf_init(out, SASLPREP_MAX_BYTES + 1);
        buf_add_span(out, password);
    }
}

or_status
password_make(enum password_scheme scheme, struct span password, struct password_made *made_out,
              struct err *e)
{
    const struct maker *m = &makers[scheme];
    struct buf prepared;

    if (!password_is_hashable(password))
        return err_set(e, OR_MALFORMED, "a password has 1 to %d bytes, none of them NUL",
                       PASSWORD_MAX_BYTES);
    buf_init(&prepared, SASLPREP_MAX_BYTES + 1);
    prepare(password, &prepared);
    struct span text = buf_span(&prepared);

    buf_add_char(&prepared, '\0');
    text.p = prepared.p;
    or_status st = m->make(m, text, made_out->stored, e);
    if (st == OR_OK)
        st = make_all_scram(text, made_out->scram_keys, e);
    buf_fini_wiped(&prepared);
    return st;
}

bool
password_is_weaker(struct span stored, enum password_scheme scheme)
{
    struct span text = SPAN_EMPTY;
    char made[PASSWORD_MAX_HASH_BYTES];
    const struct maker *m = &makers[scheme];
    const struct password_kind *old = password_scheme_find(stored, &text, NULL);

    snprintf(made, sizeof(made), "%s%s", m->scheme, m->mark);
    const struct password_kind *new = password_scheme_find(span_cstr(made), &text, NULL);
    return old != NULL && new != NULL && old->strength < new->strength;
}
