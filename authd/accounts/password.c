/*
 * Checks and makes password hashes with libcrypt. What is stored is looked at closely before it is
 * computed: libcrypt would take schemes that nobody should log in with, and costs that would hold a
 * thread for minutes.
 */
#include "authd/accounts/password.h"

#include "authd/accounts/password_scheme.h"
#include "common/base/crypto.h"
#include "common/base/locks.h"
#include "common/base/xalloc.h"

#include <crypt.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Static_assert(PASSWORD_MAX_BYTES < CRYPT_MAX_PASSPHRASE_SIZE, "libcrypt counts the NUL");

#define PASSWORD_NEW_ROUNDS 100000 /* of hashes made here */
#define PASSWORD_NEW_COST 5        /* yescrypt as Debian's passwd makes it: 16 MiB, $y$j9T$ */

/* What one hashing needs: 32 KiB, too much for a stack, and full of what must be wiped. */
struct hashing {
    struct crypt_data data;
    char phrase[PASSWORD_MAX_BYTES + 1];
    char setting[CRYPT_OUTPUT_SIZE];
};

/* Turns at hashing. The one thing in authd that all logins share besides the database: the
 * processor belongs to the machine, not to a configuration. */
static struct {
    struct lock lock;
    pthread_cond_t freed;
    pthread_once_t once;
    long turns; /* in all */
    long taken;
    char nobody[CRYPT_GENSALT_OUTPUT_SIZE]; /* the setting that unknown users are checked against */
} gate = {.lock = LOCK_INIT(LOCK_PASSWORD_GATE), .once = PTHREAD_ONCE_INIT};

static void
gate_set_up(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    char salt[16];

    gate.turns = processors < 2 ? 2 : processors;
    lock_cond_init(&gate.freed);
    /* The salt does not matter, only that the cost is the default's. */
    crypto_random(salt, sizeof(salt));
    (void)crypt_gensalt_rn("$y$", PASSWORD_NEW_COST, salt, sizeof(salt), gate.nobody,
                           sizeof(gate.nobody));
}

/* OR_OK: a turn is taken; OR_TIMEOUT. */
static or_status
gate_enter(int64_t deadline_mono_ms)
{
    pthread_once(&gate.once, gate_set_up);
    lock_take(&gate.lock);
    int waited = 0;

    while (gate.taken >= gate.turns && waited == 0)
        waited = lock_wait(&gate.lock, &gate.freed, deadline_mono_ms);
    /* A turn freed at the last moment is taken: nobody else was woken for it. */
    bool mine = gate.taken < gate.turns;

    gate.taken += mine;
    lock_drop(&gate.lock);
    return mine ? OR_OK : OR_TIMEOUT;
}

static void
gate_leave(void)
{
    lock_take(&gate.lock);
    gate.taken--;
    pthread_cond_signal(&gate.freed);
    lock_drop(&gate.lock);
}

bool
password_is_supported(struct span stored)
{
    struct span text = SPAN_EMPTY;
    const struct password_kind *scheme = password_scheme_find(stored, &text, NULL);

    return scheme != NULL && (scheme->check == NULL || scheme->check(text, NULL) == OR_OK);
}

static bool
is_hashable(struct span password)
{
    return password.n > 0 && password.n <= PASSWORD_MAX_BYTES &&
           !span_contains_byte(password, '\0');
}

static struct hashing *
hashing_new(struct span password, struct span setting)
{
    struct hashing *h = xcalloc(1, sizeof(*h));

    memcpy(h->phrase, password.p, password.n);
    memcpy(h->setting, setting.p, setting.n);
    return h;
}

static void
hashing_free(struct hashing *h)
{
    crypto_wipe(h, sizeof(*h));
    free(h);
}

/* Whether `password` gives `crypt_text` (which for nobody is a setting alone, and never equal). */
static or_status
compare(struct span crypt_text, struct span password, int64_t deadline_mono_ms, struct err *e)
{
    or_status st = gate_enter(deadline_mono_ms);

    if (st != OR_OK)
        return err_set(e, st, "no turn at hashing before the deadline");
    struct hashing *h = hashing_new(password, crypt_text);
    const char *made = crypt_rn(h->phrase, h->setting, &h->data, (int)sizeof(h->data));

    /* The hash was looked at before; what is left is memory, for which libcrypt says EINVAL too. */
    if (made == NULL)
        st = err_set(e, OR_TEMPFAIL, "libcrypt cannot hash, most likely for lack of memory");
    else
        st = crypto_equal(span_cstr(made), crypt_text) ? OR_OK : OR_ABSENT;
    hashing_free(h);
    gate_leave();
    return st;
}

/* Not crypt(3)'s: cheap or dear, each takes a turn. */
static or_status
verify(const struct password_kind *scheme, struct span text, struct span password,
       int64_t deadline_mono_ms, struct err *e)
{
    or_status st = gate_enter(deadline_mono_ms);

    if (st != OR_OK)
        return err_set(e, st, "no turn at hashing before the deadline");
    st = scheme->verify(text, password, e);
    gate_leave();
    return st;
}

or_status
password_check(const struct password_question *q, struct err *e)
{
    struct span text = SPAN_EMPTY;
    const struct password_kind *scheme = password_scheme_find(q->stored, &text, e);

    if (scheme == NULL)
        return OR_MALFORMED;
    if (scheme->weak && !q->allow_weak)
        return err_set(e, OR_MALFORMED,
                       "the stored password's scheme %.*s is weak: see allow-weak-schemes",
                       SPAN_ARG(scheme->name));
    if (text.n >= PASSWORD_MAX_HASH_BYTES)
        return err_set(e, OR_MALFORMED, "the stored password is too long");
    or_status st = scheme->check != NULL ? scheme->check(text, e) : OR_OK;
    if (st != OR_OK)
        return st;
    if (!is_hashable(q->password))
        return OR_ABSENT;
    return scheme->verify != NULL ? verify(scheme, text, q->password, q->deadline_mono_ms, e)
                                  : compare(text, q->password, q->deadline_mono_ms, e);
}

or_status
password_check_nobody(struct span password, int64_t deadline_mono_ms)
{
    /* As quick as password_check() is then. */
    if (!is_hashable(password))
        return OR_ABSENT;
    pthread_once(&gate.once, gate_set_up);
    or_status st = compare(span_cstr(gate.nobody), password, deadline_mono_ms, NULL);

    return st == OR_OK ? OR_ABSENT : st;
}

/* How hashes are made, by enum password_scheme. */
static const struct {
    const char *scheme;
    const char *mark;
    unsigned long cost;
} makers[] = {
    [PASSWORD_YESCRYPT] = {"{CRYPT}", "$y$", PASSWORD_NEW_COST},
    [PASSWORD_SHA512_CRYPT] = {"{SHA512-CRYPT}", "$6$", PASSWORD_NEW_ROUNDS},
};

or_status
password_hash(enum password_scheme scheme, struct span password, char out[PASSWORD_MAX_HASH_BYTES],
              struct err *e)
{
    or_status st = OR_OK;

    if (!is_hashable(password))
        return err_set(e, OR_MALFORMED, "a password has 1 to %d bytes, none of them NUL",
                       PASSWORD_MAX_BYTES);
    struct hashing *h = hashing_new(password, SPAN_EMPTY);
    const char *made = NULL;

    /* No random bytes given: libcrypt asks the kernel. */
    if (crypt_gensalt_rn(makers[scheme].mark, makers[scheme].cost, NULL, 0, h->setting,
                         (int)sizeof(h->setting)) != NULL)
        made = crypt_rn(h->phrase, h->setting, &h->data, (int)sizeof(h->data));
    if (made == NULL)
        st = err_set(e, OR_TEMPFAIL, "libcrypt cannot hash: %s", os_error_text(errno));
    else
        snprintf(out, PASSWORD_MAX_HASH_BYTES, "%s%s", makers[scheme].scheme, made);
    hashing_free(h);
    return st;
}
