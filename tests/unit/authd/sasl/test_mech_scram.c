/* SCRAM (RFC 5802, RFC 7677): the RFCs' exchanges, other people's, and what must not get through.
 */
#include "authd/accounts/password.h"
#include "authd/sasl/mech.h"
#include "tests/support/unit.h"

#include "common/base/crypto.h"
#include "common/text/base64.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* RFC 5802 5 and RFC 7677 3: user "user", password "pencil". */
static const struct {
    const char *mech, *salt, *own, *first, *server_first, *last, *server_last;
} examples[] = {
    {"SCRAM-SHA-1", "QSXCR+Q6sek8bf92", "3rfcNHYJY1ZVvWVs7j",
     "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
     "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
     "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
     "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="},
    {"SCRAM-SHA-256", "W22ZaJ0SNY7soEsUEjb6gQ==", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
     "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
     "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
     "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
     "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
     "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
};

static struct scram_keys
make_keys(const struct mech *mech, const char *salt, uint32_t iterations, struct span password)
{
    struct scram_keys keys = {.digest = mech->digest, .iterations = iterations};
    struct buf bytes;

    buf_init(&bytes, SCRAM_MAX_SALT_BYTES);
    ck_assert_int_eq(base64_decode(span_cstr(salt), BASE64_STRICT, &bytes), OR_OK);
    memcpy(keys.salt, bytes.p, bytes.n);
    keys.salt_bytes = bytes.n;
    buf_fini(&bytes);
    ck_assert_int_eq(scram_keys_derive(&keys, password), OR_OK);
    return keys;
}

/* Up to the server's first message; the step is MECH_CONTINUE when it got there. */
static enum mech_step
begin(struct mech_exchange *x, struct span first, const struct scram_keys *keys)
{
    const struct mech_keys all = {.scram = *keys};
    struct err e = {""};
    enum mech_step step = mech_exchange_step(x, first, &e);

    return step == MECH_NEED_KEYS ? mech_exchange_keys(x, &all, &e) : step;
}

static struct scram_keys
set_up(struct mech_exchange *x, size_t i)
{
    mech_exchange_init(x, mech_find(span_cstr(examples[i].mech)));
    x->server_nonce = span_cstr(examples[i].own);
    return make_keys(x->mech, examples[i].salt, 4096, SPAN_LIT("pencil"));
}

START_TEST(example)
{
    struct mech_exchange x;
    struct err e = {""};
    struct scram_keys keys = set_up(&x, (size_t)_i);

    ck_assert_int_eq(mech_exchange_step(&x, (struct span){NULL, 0}, &e), MECH_CONTINUE);
    ck_assert_uint_eq(x.challenge.n, 0);
    ck_assert_int_eq(begin(&x, span_cstr(examples[_i].first), &keys), MECH_CONTINUE);
    ck_assert_span_eq(buf_span(&x.authcid), "user");
    ck_assert_span_eq(x.challenge, examples[_i].server_first);
    ck_assert_int_eq(mech_exchange_step(&x, span_cstr(examples[_i].last), &e), MECH_CHECK);
    ck_assert_int_eq(x.proof, MECH_PROOF_RIGHT);
    ck_assert_span_eq(x.challenge, examples[_i].server_last);
    mech_exchange_fini(&x);
}
END_TEST

/* Without a nonce given ours is fresh: the recorded last message is refused. */
START_TEST(replay)
{
    struct mech_exchange x;
    struct err e = {""};
    struct scram_keys keys = set_up(&x, (size_t)_i);

    x.server_nonce = SPAN_EMPTY;
    ck_assert_int_eq(begin(&x, span_cstr(examples[_i].first), &keys), MECH_CONTINUE);
    ck_assert_int_eq(mech_exchange_step(&x, span_cstr(examples[_i].last), &e), MECH_FAIL);
    ck_assert_int_eq(x.proof, MECH_PROOF_NONE);
    mech_exchange_fini(&x);
}
END_TEST

/* First messages that go no further; the names that others give. */
static const struct {
    const char *first, *authcid, *authzid;
} firsts[] = {
    {"n,,n=user,r=abc", "user", ""},
    {"n,,n=user,r=abc,x=future", "user", ""},
    {"y,a=bob,n=user,r=abc", "user", "bob"},
    {"n,a=o=2Cther,n=us=3Der,r=abc", "us=er", "o,ther"},
    {"", NULL, NULL},
    {"n", NULL, NULL},
    {"n,", NULL, NULL},
    {"n,,", NULL, NULL},
    {"x,,n=user,r=abc", NULL, NULL},
    {"n,b=bob,n=user,r=abc", NULL, NULL},
    {"n,a=,n=user,r=abc", "user", ""}, /* GNU SASL */
    {"p=tls-exporter,,n=user,r=abc", NULL, NULL},
    {"n,,m=must,n=user,r=abc", NULL, NULL},
    {"n,,n=user", NULL, NULL},
    {"n,,n=user,r=", NULL, NULL},
    {"n,,n=user,r=a b", NULL, NULL},
    {"n,,n=user,r=\x7f", NULL, NULL},
    {"n,,n=,r=abc", NULL, NULL},
    {"n,,n=us=2cer,r=abc", NULL, NULL},
    {"n,,n=user=,r=abc", NULL, NULL},
    {"n,,n=user=3,r=abc", NULL, NULL},
    {"n,,n=us\xff"
     "er,r=abc",
     NULL, NULL},
    {"n,,r=abc,n=user", NULL, NULL},
};

START_TEST(first_message)
{
    struct mech_exchange x;
    struct scram_keys keys = set_up(&x, 0);
    enum mech_step step = begin(&x, span_cstr(firsts[_i].first), &keys);

    ck_assert_int_eq(step, firsts[_i].authcid != NULL ? MECH_CONTINUE : MECH_FAIL);
    if (step == MECH_CONTINUE) {
        ck_assert_span_eq(buf_span(&x.authcid), firsts[_i].authcid);
        ck_assert_span_eq(buf_span(&x.authzid), firsts[_i].authzid);
    }
    mech_exchange_fini(&x);
}
END_TEST

#define NONCE "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j"
#define PROOF "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="

/* Last messages to the example of RFC 5802: malformed, or wrong. */
static const struct {
    const char *last;
    enum mech_step step;
} lasts[] = {
    {"c=biws," NONCE ",p=w0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", MECH_CHECK},
    {"c=biws," NONCE ",x=y,p=" PROOF, MECH_CHECK}, /* what is signed is other than what came */
    {"c=biws," NONCE ",p=", MECH_CHECK},
    {"c=biws," NONCE ",p=AAAA", MECH_CHECK},
    {"c=biws," NONCE ",p=AAAAAAAAAAAAAAAAAAAAAAAAAAA=", MECH_CHECK},
    {"c=eSws," NONCE ",p=" PROOF, MECH_FAIL}, /* "y,,": it was changed on the way */
    {"c=," NONCE ",p=" PROOF, MECH_FAIL},
    {"c=biws,r=fyko+d2lbbFgONRv9qkxdawL,p=" PROOF, MECH_FAIL},
    {"c=biws," NONCE "x,p=" PROOF, MECH_FAIL},
    {"c=biws," NONCE, MECH_FAIL},
    {"c=biws," NONCE ",p=" PROOF ",x=y", MECH_FAIL},
    {"c=biws," NONCE ",p=not base64", MECH_FAIL},
    {"c=biws,p=" PROOF, MECH_FAIL},
    {"p=" PROOF, MECH_FAIL},
    {",", MECH_FAIL},
    {"", MECH_FAIL},
};

START_TEST(last_message)
{
    struct mech_exchange x;
    struct err e = {""};
    struct scram_keys keys = set_up(&x, 0);

    ck_assert_int_eq(begin(&x, span_cstr(examples[0].first), &keys), MECH_CONTINUE);
    ck_assert_int_eq(mech_exchange_step(&x, span_cstr(lasts[_i].last), &e), lasts[_i].step);
    ck_assert_int_eq(x.proof, lasts[_i].step == MECH_CHECK ? MECH_PROOF_WRONG : MECH_PROOF_NONE);
    if (lasts[_i].step == MECH_CHECK)
        ck_assert_uint_eq(x.challenge.n, 0); /* nothing is signed for whoever has proven nothing */
    mech_exchange_fini(&x);
}
END_TEST

START_TEST(lengths)
{
    static char text[4096];
    struct mech_exchange x;
    struct scram_keys keys = set_up(&x, 0);

    memset(text, 'a', sizeof(text));
    memcpy(text, "n,,n=user,r=", 12);
    ck_assert_int_eq(begin(&x, span_make(text, 12 + 256), &keys), MECH_CONTINUE);
    mech_exchange_fini(&x);
    keys = set_up(&x, 0);
    ck_assert_int_eq(begin(&x, span_make(text, 12 + 257), &keys), MECH_FAIL);
    mech_exchange_fini(&x);
    keys = set_up(&x, 0);
    ck_assert_int_eq(begin(&x, span_make(text, sizeof(text)), &keys), MECH_FAIL);
    mech_exchange_fini(&x);
}
END_TEST

/* RFC 5802 6 and 7, RFC 9266: what a client of SCRAM-SHA-256-PLUS says; its last message binds to
 * the bytes of `said`. */
static const struct {
    const char *mech, *first, *said; /* NULL: "n,," */
    bool offered;                    /* we have offered -PLUS */
    const char *known;               /* of the connection, as we were told */
    bool begins, proves;
} bindings[] = {
    {"SCRAM-SHA-256-PLUS", "p=tls-exporter,,n=user,r=abc", "0123", true, "0123", true, true},
    {"SCRAM-SHA-1-PLUS", "p=tls-exporter,,n=user,r=abc", "0123", true, "0123", true, true},
    /* Somebody in between has two connections, with different bindings. */
    {"SCRAM-SHA-256-PLUS", "p=tls-exporter,,n=user,r=abc", "0123", true, "4567", true, false},
    {"SCRAM-SHA-256-PLUS", "p=tls-exporter,,n=user,r=abc", "", true, "0123", true, false},
    {"SCRAM-SHA-256-PLUS", "p=tls-exporter,,n=user,r=abc", "", true, "", true, false},
    {"SCRAM-SHA-256-PLUS", "p=tls-unique,,n=user,r=abc", "0123", true, "0123", false, false},
    {"SCRAM-SHA-256-PLUS", "n,,n=user,r=abc", NULL, true, "0123", false, false},
    {"SCRAM-SHA-256-PLUS", "y,,n=user,r=abc", NULL, true, "0123", false, false},
    {"SCRAM-SHA-256", "p=tls-exporter,,n=user,r=abc", "0123", true, "0123", false, false},
    {"SCRAM-SHA-256", "n,,n=user,r=abc", NULL, true, "", true, true},
    {"SCRAM-SHA-256", "y,,n=user,r=abc", NULL, false, "", true, true},
    /* RFC 5802 6: the offer was taken out of the list on its way to the client. */
    {"SCRAM-SHA-256", "y,,n=user,r=abc", NULL, true, "", false, false},
};

/* The client's proof for `messages`. */
static void
add_client_proof(struct buf *out, const struct scram_keys *keys, struct span password,
                 struct span messages)
{
    unsigned char salted[SCRAM_MAX_KEY_BYTES], client[SCRAM_MAX_KEY_BYTES],
        signature[SCRAM_MAX_KEY_BYTES];
    size_t n = scram_digest_bytes(keys->digest);

    ck_assert_int_eq(
        PKCS5_PBKDF2_HMAC(password.p, (int)password.n, (const unsigned char *)keys->salt,
                          (int)keys->salt_bytes, (int)keys->iterations,
                          keys->digest == SCRAM_SHA1 ? EVP_sha1() : EVP_sha256(), (int)n, salted),
        1);
    ck_assert_int_eq(scram_hmac(keys->digest, span_make((const char *)salted, n),
                                SPAN_LIT("Client Key"), client),
                     OR_OK);
    ck_assert_int_eq(
        scram_hmac(keys->digest, span_make((const char *)keys->stored_key, n), messages, signature),
        OR_OK);
    for (size_t i = 0; i < n; i++)
        client[i] ^= signature[i];
    base64_encode(out, span_make((const char *)client, n));
}

START_TEST(binding)
{
    const char *first = bindings[_i].first, *bare = strstr(first, "n=user");
    struct mech_exchange x;
    struct buf channel, unproven, messages;
    struct err e = {""};

    mech_exchange_init(&x, mech_find(span_cstr(bindings[_i].mech)));
    x.binding_offered = bindings[_i].offered;
    struct scram_keys keys = make_keys(x.mech, examples[1].salt, 4096, SPAN_LIT("pencil"));
    enum mech_step step = begin(&x, span_cstr(first), &keys);
    ck_assert_int_eq(step, bindings[_i].begins ? MECH_CONTINUE : MECH_FAIL);
    if (step == MECH_CONTINUE) {
        ck_assert_pstr_eq(x.binding_wanted, bindings[_i].said != NULL ? "tls-exporter" : NULL);
        buf_add_cstr(&x.binding, bindings[_i].known);
        buf_init(&channel, 256);
        buf_init(&unproven, 1024);
        buf_init(&messages, 4096);
        buf_add_span(&channel, span_make(first, (size_t)(bare - first)));
        buf_add_cstr(&channel, bindings[_i].said != NULL ? bindings[_i].said : "");
        buf_add_cstr(&unproven, "c=");
        base64_encode(&unproven, buf_span(&channel));
        buf_add_char(&unproven, ',');
        buf_add_span(&unproven, span_slice(x.challenge, 0, span_find(x.challenge, ',')));
        buf_addf(&messages, "%s,%.*s,", bare, SPAN_ARG(x.challenge));
        buf_add_span(&messages, buf_span(&unproven));
        buf_add_cstr(&unproven, ",p=");
        add_client_proof(&unproven, &keys, SPAN_LIT("pencil"), buf_span(&messages));
        step = mech_exchange_step(&x, buf_span(&unproven), &e);
        ck_assert_int_eq(step, bindings[_i].proves ? MECH_CHECK : MECH_FAIL);
        ck_assert_int_eq(x.proof, bindings[_i].proves ? MECH_PROOF_RIGHT : MECH_PROOF_NONE);
        buf_fini(&channel);
        buf_fini(&unproven);
        buf_fini(&messages);
    }
    mech_exchange_fini(&x);
}
END_TEST

static json_t *
load_vectors(void)
{
    const char *folder = getenv("OUTRIDER_VECTORS");
    char path[512];

    snprintf(path, sizeof(path), "%s/sasl/scram.json", folder != NULL ? folder : "");
    return folder != NULL ? json_load_file(path, JSON_ALLOW_NUL, NULL) : NULL;
}

static struct span
field(const json_t *one, const char *key)
{
    const json_t *value = json_object_get(one, key);

    return span_make(json_string_value(value), json_string_length(value));
}

static void
run_case(const json_t *one)
{
    struct mech_exchange x;
    struct err e = {""};

    mech_exchange_init(&x, mech_find(field(one, "mechanism")));
    x.server_nonce = field(one, "server_nonce");
    struct scram_keys keys = make_keys(
        x.mech, field(one, "salt").p,
        (uint32_t)json_integer_value(json_object_get(one, "iterations")), field(one, "password"));
    enum mech_step step = begin(&x, field(one, "client_first"), &keys);
    if (step == MECH_CONTINUE && span_equal_cstr(field(one, "expect"), "success"))
        ck_assert(span_equal(x.challenge, field(one, "server_first")));
    if (step == MECH_CONTINUE)
        step = mech_exchange_step(&x, field(one, "client_final"), &e);
    bool good = step == MECH_CHECK && x.proof == MECH_PROOF_RIGHT &&
                span_equal(x.challenge, field(one, "server_final"));

    ck_assert_msg(good == span_equal_cstr(field(one, "expect"), "success"), "%s: %s",
                  field(one, "name").p, e.text);
    mech_exchange_fini(&x);
}

START_TEST(vectors)
{
    json_t *document = load_vectors(), *one;
    size_t i;

    ck_assert_uint_gt(json_array_size(json_object_get(document, "cases")), 0);
    json_array_foreach(json_object_get(document, "cases"), i, one) run_case(one);
    json_decref(document);
}
END_TEST

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

int
main(void)
{
    Suite *s = suite_create("mech_scram");
    TCase *c = tcase_create("all");
    json_t *document = load_vectors();

    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, example, 0, COUNT(examples));
    tcase_add_loop_test(c, replay, 0, COUNT(examples));
    tcase_add_loop_test(c, first_message, 0, COUNT(firsts));
    tcase_add_loop_test(c, last_message, 0, COUNT(lasts));
    tcase_add_loop_test(c, binding, 0, COUNT(bindings));
    tcase_add_test(c, lengths);
    if (document != NULL)
        tcase_add_test(c, vectors);
    else
        puts("skipped: SCRAM vectors: OUTRIDER_VECTORS has no sasl/scram.json");
    json_decref(document);
    suite_add_tcase(s, c);
    return unit_main(s);
}
