/*
 * Checks and makes password hashes with libcrypt. What is stored is looked at closely before it is
 * computed: libcrypt would take schemes that nobody should log in with, and costs that would hold a
 * thread for minutes.
 */
#include "authd/accounts/password.h"

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

#define PASSWORD_MAX_ROUNDS 1000000 /* SHA-512: about a second */
#define PASSWORD_MIN_ROUNDS 1000    /* below it libcrypt refuses */
#define PASSWORD_NEW_ROUNDS 100000  /* of hashes made here */
#define PASSWORD_NEW_COST 5         /* yescrypt as Debian's passwd makes it: 16 MiB, $y$j9T$ */

/* yescrypt's parameters as libcrypt's costs 1 to 11 write them: flags, log2 of the blocks, size of
 * a block, one character each. Eleven, the most, is "jFT": 2^18 blocks of 32, 1 GiB. */
#define YESCRYPT_FLAGS 'j'
#define YESCRYPT_MAX_LOG2_BLOCKS 18
#define YESCRYPT_MAX_BLOCK 32

#define SHA512_MAX_SALT 16
#define SHA512_HASH_CHARS 86
#define YESCRYPT_MAX_SALT 86 /* 64 bytes */
#define YESCRYPT_HASH_CHARS 43

/* crypt(3)'s digits in order of value. */
static const char digits[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

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

static bool
is_all_digits(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '\0' || strchr(digits, s.p[i]) == NULL)
            return false;
    return true;
}

/* "salt$hash" at the end of a crypt string. */
static or_status
check_salt_and_hash(struct span s, size_t max_salt, size_t hash_chars, struct err *e)
{
    size_t end = span_find(s, '$');
    struct span hash = span_from(s, end + 1);

    if (end == 0 || end > max_salt || hash.n != hash_chars || !is_all_digits(hash) ||
        !is_all_digits(span_slice(s, 0, end)))
        return err_set(e, OR_MALFORMED, "the stored password is not a complete hash");
    return OR_OK;
}

/* "$6$[rounds=N$]salt$hash" */
static or_status
check_sha512(struct span crypt_text, struct err *e)
{
    struct span s = span_from(crypt_text, strlen("$6$"));
    const struct span prefix = SPAN_LIT("rounds=");
    uint64_t rounds = 0;

    if (span_has_prefix(s, prefix)) {
        size_t end = span_find(s, '$');

        /* Leading zeros: libcrypt refuses them. */
        if (span_parse_u64(span_slice(s, prefix.n, end), PASSWORD_MAX_ROUNDS, &rounds) != OR_OK ||
            rounds < PASSWORD_MIN_ROUNDS || s.p[prefix.n] == '0')
            return err_set(e, OR_MALFORMED, "the stored password's rounds are not in %d to %d",
                           PASSWORD_MIN_ROUNDS, PASSWORD_MAX_ROUNDS);
        s = span_from(s, end + 1);
    }
    return check_salt_and_hash(s, SHA512_MAX_SALT, SHA512_HASH_CHARS, e);
}

/* The value of a digit plus one, as yescrypt writes what cannot be zero; 0: no digit. */
static size_t
yescrypt_value(char c)
{
    const char *at = c == '\0' ? NULL : strchr(digits, c);

    return at == NULL ? 0 : (size_t)(at - digits) + 1;
}

/* "$y$jNr$salt$hash" */
static or_status
check_yescrypt(struct span crypt_text, struct err *e)
{
    struct span s = span_from(crypt_text, strlen("$y$"));

    if (span_find(s, '$') != 3 || s.p[0] != YESCRYPT_FLAGS)
        return err_set(e, OR_MALFORMED, "the stored password has yescrypt parameters of its own");
    size_t log2_blocks = yescrypt_value(s.p[1]), block = yescrypt_value(s.p[2]);

    if (log2_blocks == 0 || log2_blocks > YESCRYPT_MAX_LOG2_BLOCKS || block == 0 ||
        block > YESCRYPT_MAX_BLOCK)
        return err_set(e, OR_MALFORMED, "the stored password costs more than yescrypt's cost 11");
    return check_salt_and_hash(span_from(s, 4), YESCRYPT_MAX_SALT, YESCRYPT_HASH_CHARS, e);
}

/* What is taken: scheme as Dovecot names it, then crypt(3)'s own mark. The first row of a scheme
 * is how its hashes are made. */
static const struct {
    struct span scheme;
    struct span mark;
    or_status (*check)(struct span crypt_text, struct err *e);
} forms[] = {
    {SPAN_INIT("{CRYPT}"), SPAN_INIT("$y$"), check_yescrypt},
    {SPAN_INIT("{CRYPT}"), SPAN_INIT("$6$"), check_sha512},
    {SPAN_INIT("{SHA512-CRYPT}"), SPAN_INIT("$6$"), check_sha512},
};

/* What cannot be taken, without the hash itself: it goes into logs. */
static or_status
unknown_scheme(struct span stored, struct err *e)
{
    size_t brace = span_find(stored, '}');

    if (stored.n == 0)
        return err_set(e, OR_MALFORMED, "the account has no password");
    if (stored.p[0] != '{' || brace == stored.n)
        return err_set(e, OR_MALFORMED, "the stored password has no {SCHEME} in front");
    return err_set(e, OR_MALFORMED,
                   "the stored password's scheme %.*s is not taken, or not with this kind of hash",
                   SPAN_ARG(span_slice(stored, 0, brace + 1)));
}

/* The part that crypt(3) understands. */
static or_status
parse_stored(struct span stored, struct span *crypt_text_out, struct err *e)
{
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct span text = span_from(stored, forms[i].scheme.n);

        if (!span_has_prefix_nocase(stored, forms[i].scheme) ||
            !span_has_prefix(text, forms[i].mark))
            continue;
        or_status st = text.n < CRYPT_OUTPUT_SIZE ? forms[i].check(text, e)
                                                  : err_set(e, OR_MALFORMED, "hash too long");

        if (st == OR_OK)
            *crypt_text_out = text;
        return st;
    }
    return unknown_scheme(stored, e);
}

bool
password_is_supported(struct span stored)
{
    struct span crypt_text = SPAN_EMPTY;

    return parse_stored(stored, &crypt_text, NULL) == OR_OK;
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

or_status
password_check(struct span stored, struct span password, int64_t deadline_mono_ms, struct err *e)
{
    struct span crypt_text = SPAN_EMPTY;
    or_status st = parse_stored(stored, &crypt_text, e);

    if (st != OR_OK)
        return st;
    return is_hashable(password) ? compare(crypt_text, password, deadline_mono_ms, e) : OR_ABSENT;
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
