/*
 * The secret, its hash, its scope. What the database keeps of it: app_password_db.c.
 */
#include "authd/accounts/app_password.h"

#include "common/base/crypto.h"
#include "common/text/utf8.h"

#include <stdio.h>
#include <string.h>

#define GROUP 4 /* characters between hyphens */
#define DIGEST_BYTES 32

/* Without 0, 1, l and o, which look like others. A power of two: each character is five bits of
 * the random source. */
static const char alphabet[] = "abcdefghijkmnpqrstuvwxyz23456789";

#define ALPHABET_CHARACTERS (sizeof(alphabet) - 1)

void
app_password_make(char out[APP_PASSWORD_TEXT_BYTES])
{
    unsigned char random[APP_PASSWORD_CHARACTERS];
    char *p = out;

    crypto_random(random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++) {
        if (i > 0 && i % GROUP == 0)
            *p++ = '-';
        *p++ = alphabet[random[i] % ALPHABET_CHARACTERS];
    }
    *p = '\0';
    crypto_wipe(random, sizeof(random));
}

/* The characters that count. False: more or fewer than there have to be, or others. */
static bool
normalise(struct span typed, char out[APP_PASSWORD_CHARACTERS])
{
    size_t n = 0;

    for (size_t i = 0; i < typed.n; i++) {
        char c = typed.p[i];

        if (c == '-' || c == ' ')
            continue;
        c = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
        if (n == APP_PASSWORD_CHARACTERS || memchr(alphabet, c, ALPHABET_CHARACTERS) == NULL)
            return false;
        out[n++] = c;
    }
    return n == APP_PASSWORD_CHARACTERS;
}

bool
app_password_hash(struct span typed, struct span address, char out[APP_PASSWORD_HASH_BYTES])
{
    char secret[APP_PASSWORD_CHARACTERS];
    unsigned char digest[CRYPTO_DIGEST_MAX_BYTES];
    bool has_form = normalise(typed, secret);

    if (has_form) {
        crypto_hmac(CRYPTO_SHA256, span_make(secret, sizeof(secret)), address, digest);
        for (size_t i = 0; i < DIGEST_BYTES; i++)
            snprintf(out + 2 * i, 3, "%02x", digest[i]);
    }
    crypto_wipe(secret, sizeof(secret));
    return has_form;
}

static const struct {
    const char *word;
    unsigned scope;
} scopes[] = {
    {"imap", APP_PASSWORD_IMAP},   {"pop3", APP_PASSWORD_POP3}, {"smtp", APP_PASSWORD_SMTP},
    {"sieve", APP_PASSWORD_SIEVE}, {"all", APP_PASSWORD_ALL},
};

#define SCOPES (sizeof(scopes) / sizeof(scopes[0]))

static unsigned
find_scope(struct span word)
{
    for (size_t i = 0; i < SCOPES; i++)
        if (span_equal_nocase_cstr(word, scopes[i].word))
            return scopes[i].scope;
    return 0;
}

or_status
app_password_parse_scope(struct span text, unsigned *scope_out, struct err *e)
{
    struct span word = SPAN_EMPTY;
    unsigned all = 0;

    while (span_split(&text, ',', &word)) {
        unsigned scope = find_scope(word);

        if (scope == 0)
            return err_set(e, OR_MALFORMED,
                           "the scope \"%.*s\" is none: imap, pop3, smtp, sieve, several of them "
                           "with commas, or all",
                           SPAN_ARG(word));
        all |= scope;
    }
    *scope_out = (all & APP_PASSWORD_ALL) != 0 ? (unsigned)APP_PASSWORD_ALL : all;
    return all != 0 ? OR_OK : err_set(e, OR_MALFORMED, "the scope is empty");
}

void
app_password_format_scope(unsigned scope, struct buf *out)
{
    const char *comma = "";

    for (size_t i = 0; i < SCOPES; i++)
        if ((scope & scopes[i].scope) != 0) {
            buf_addf(out, "%s%s", comma, scopes[i].word);
            comma = ",";
        }
}

/* How the programs that ask call what they do. */
static const struct {
    const char *name;
    unsigned scope;
} services[] = {
    {"imap", APP_PASSWORD_IMAP},       {"imaps", APP_PASSWORD_IMAP},
    {"pop3", APP_PASSWORD_POP3},       {"pop3s", APP_PASSWORD_POP3},
    {"pop", APP_PASSWORD_POP3},        {"smtp", APP_PASSWORD_SMTP},
    {"smtps", APP_PASSWORD_SMTP},      {"esmtp", APP_PASSWORD_SMTP}, /* Courier's */
    {"submission", APP_PASSWORD_SMTP}, {"submissions", APP_PASSWORD_SMTP},
    {"sieve", APP_PASSWORD_SIEVE},     {"managesieve", APP_PASSWORD_SIEVE},
};

bool
app_password_serves(unsigned scope, struct span service)
{
    if ((scope & APP_PASSWORD_ALL) != 0)
        return true;
    for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
        if (span_equal_nocase_cstr(service, services[i].name))
            return (scope & services[i].scope) != 0;
    return false;
}

bool
app_password_is_name(struct span name)
{
    bool bad = name.n == 0 || name.n > APP_PASSWORD_MAX_NAME_BYTES || !utf8_is_valid(name);

    for (size_t i = 0; i < name.n; i++)
        bad |= (unsigned char)name.p[i] < ' ' || name.p[i] == '\x7f';
    return !bad;
}
