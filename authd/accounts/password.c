/*
 * Checks passwords. What is stored is looked at closely before it is
 * computed: libcrypt would take schemes that nobody should log in with, and costs that would hold a
 * thread for minutes.
 */
#include "authd/accounts/password.h"

#include "authd/accounts/password_scheme.h"
#include "authd/accounts/saslprep.h"
#include "common/base/crypto.h"
#include "common/base/locks.h"
#include "common/base/xalloc.h"

#include <crypt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Static_assert(PASSWORD_MAX_BYTES < CRYPT_MAX_PASSPHRASE_SIZE, "libcrypt counts the NUL");

#define NOBODY_COST 5 /* yescrypt as Debian's passwd makes it: 16 MiB, $y$j9T$ */

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
    pthread_cond_t freed, freed_first;
    pthread_once_t once;
    long turns; /* in all */
    long taken;
    long first;                             /* of those that go first, how many wait */
    char nobody[CRYPT_GENSALT_OUTPUT_SIZE]; /* the setting that unknown users are checked against */
} gate = {.lock = LOCK_INIT(LOCK_PASSWORD_GATE), .once = PTHREAD_ONCE_INIT};

static void
gate_set_up(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    char salt[16];

    gate.turns = processors < 2 ? 2 : processors;
    lock_cond_init(&gate.freed);
    lock_cond_init(&gate.freed_first);
    /* The salt does not matter, only that the cost is the default's. */
    crypto_random(salt, sizeof(salt));
    (void)crypt_gensalt_rn("$y$", NOBODY_COST, salt, sizeof(salt), gate.nobody,
                           sizeof(gate.nobody));
}

/* Under the lock. Who goes first has one turn more than there are processors: guesses that are
 * being hashed on all of them do not keep him waiting. */
static bool
may_enter(bool goes_first)
{
    return goes_first ? gate.taken <= gate.turns : gate.taken < gate.turns && gate.first == 0;
}

/* Under the lock. */
static void
wake_next(void)
{
    pthread_cond_signal(gate.first > 0 ? &gate.freed_first : &gate.freed);
}

/* OR_OK: a turn is taken; OR_TIMEOUT. */
static or_status
gate_enter(const struct password_question *q)
{
    pthread_once(&gate.once, gate_set_up);
    lock_take(&gate.lock);
    pthread_cond_t *freed = q->goes_first ? &gate.freed_first : &gate.freed;
    int waited = 0;

    gate.first += q->goes_first;
    while (!may_enter(q->goes_first) && waited == 0)
        waited = lock_wait(&gate.lock, freed, q->deadline_mono_ms);
    gate.first -= q->goes_first;
    /* A turn freed at the last moment is taken: nobody else was woken for it. */
    bool mine = may_enter(q->goes_first);

    gate.taken += mine;
    if (may_enter(false) || (!mine && gate.first > 0))
        wake_next();
    lock_drop(&gate.lock);
    return mine ? OR_OK : OR_TIMEOUT;
}

static void
gate_leave(void)
{
    lock_take(&gate.lock);
    gate.taken--;
    wake_next();
    lock_drop(&gate.lock);
}

bool
password_is_supported(struct span stored)
{
    struct span text = SPAN_EMPTY;
    const struct password_kind *scheme = password_scheme_find(stored, &text, NULL);

    return scheme != NULL && (scheme->check == NULL || scheme->check(text, NULL) == OR_OK);
}

bool
password_is_plain(struct span stored, struct span *password_out)
{
    const struct password_kind *scheme = password_scheme_find(stored, password_out, NULL);

    return scheme != NULL && scheme->verify == password_digest_plain;
}

bool
password_is_hashable(struct span password)
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
compare(const struct password_kind *scheme, struct span crypt_text, struct span password,
        const struct password_question *q, struct err *e)
{
    (void)scheme; /* libcrypt knows it by its mark */
    or_status st = gate_enter(q);

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
       const struct password_question *q, struct err *e)
{
    or_status st = gate_enter(q);

    if (st != OR_OK)
        return err_set(e, st, "no turn at hashing before the deadline");
    st = scheme->verify(text, password, e);
    gate_leave();
    return st;
}

/* The bytes that were typed, then, where that differs, what SASLprep makes of them: the password
 * may have been set on a system that writes the same characters in other bytes. */
static or_status
check_forms(const struct password_kind *scheme, struct span text, const struct password_question *q,
            struct err *e)
{
    or_status (*const check)(const struct password_kind *, struct span, struct span,
                             const struct password_question *, struct err *) =
        scheme->verify != NULL ? verify : compare;
    struct buf prepared;
    or_status st = check(scheme, text, q->password, q, e);

    if (st != OR_ABSENT)
        return st;
    buf_init(&prepared, PASSWORD_MAX_BYTES);
    if (saslprep(q->password, &prepared) == OR_OK && !span_equal(buf_span(&prepared), q->password))
        st = check(scheme, text, buf_span(&prepared), q, e);
    buf_fini_wiped(&prepared);
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
    if (!password_is_hashable(q->password))
        return OR_ABSENT;
    return check_forms(scheme, text, q, e);
}

or_status
password_check_nobody(const struct password_question *q)
{
    struct span password = q->password;

    /* As quick as password_check() is then. */
    if (!password_is_hashable(password))
        return OR_ABSENT;
    pthread_once(&gate.once, gate_set_up);
    or_status st = compare(NULL, span_cstr(gate.nobody), password, q, NULL);

    return st == OR_OK ? OR_ABSENT : st;
}
