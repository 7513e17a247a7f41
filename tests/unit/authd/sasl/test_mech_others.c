/* CRAM-MD5 (RFC 2195), EXTERNAL (RFC 4422 appendix A), and everybody's first messages. */
#include "authd/sasl/mech.h"

#include "common/text/base64.h"
#include "tests/support/unit.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHALLENGE "<1896.697170952@postoffice.reston.mci.net>"
#define ABSENT ((struct span){NULL, 0})

static enum mech_step
cram(struct mech_exchange *x, struct span challenge, struct span response, struct span password)
{
    const struct mech_keys keys = {.password = password};
    struct err e = {""};

    mech_exchange_init(x, mech_find(SPAN_LIT("CRAM-MD5")));
    x->server_nonce = challenge;
    ck_assert_int_eq(mech_exchange_step(x, ABSENT, &e), MECH_CONTINUE);
    enum mech_step step = mech_exchange_step(x, response, &e);

    return step == MECH_NEED_KEYS ? mech_exchange_keys(x, &keys, &e) : step;
}

static const struct {
    const char *response, *password;
    enum mech_step step;
    enum mech_proof proof;
} crams[] = {
    /* RFC 2195 2 */
    {"tim b913a602c7eda7a495b4e6e7334d3890", "tanstaaftanstaaf", MECH_CHECK, MECH_PROOF_RIGHT},
    {"tim b913a602c7eda7a495b4e6e7334d3890", "else", MECH_CHECK, MECH_PROOF_WRONG},
    {"tim b913a602c7eda7a495b4e6e7334d3890", "", MECH_CHECK, MECH_PROOF_WRONG},
    {"tim b913a602c7eda7a495b4e6e7334d389", "tanstaaftanstaaf", MECH_FAIL, MECH_PROOF_NONE},
    {"tim b913a602c7eda7a495b4e6e7334d38900", "tanstaaftanstaaf", MECH_FAIL, MECH_PROOF_NONE},
    {" b913a602c7eda7a495b4e6e7334d3890", "tanstaaftanstaaf", MECH_FAIL, MECH_PROOF_NONE},
    {"b913a602c7eda7a495b4e6e7334d3890", "tanstaaftanstaaf", MECH_FAIL, MECH_PROOF_NONE},
    {"tim ", "tanstaaftanstaaf", MECH_FAIL, MECH_PROOF_NONE},
    {"", "tanstaaftanstaaf", MECH_FAIL, MECH_PROOF_NONE},
};

START_TEST(cram_md5)
{
    struct mech_exchange x;
    enum mech_step step =
        cram(&x, SPAN_LIT(CHALLENGE), span_cstr(crams[_i].response), span_cstr(crams[_i].password));

    ck_assert_int_eq(step, crams[_i].step);
    ck_assert_int_eq(x.proof, crams[_i].proof);
    if (step == MECH_CHECK) {
        ck_assert_span_eq(buf_span(&x.authcid), "tim");
        ck_assert_ptr_null(x.challenge.p); /* nothing more is said */
    }
    mech_exchange_fini(&x);
}
END_TEST

/* What was heard once is worth nothing. */
START_TEST(cram_md5_challenges)
{
    struct mech_exchange a, b;
    struct err e = {""};

    mech_exchange_init(&a, mech_find(SPAN_LIT("CRAM-MD5")));
    mech_exchange_init(&b, a.mech);
    ck_assert_int_eq(mech_exchange_step(&a, ABSENT, &e), MECH_CONTINUE);
    ck_assert_int_eq(mech_exchange_step(&b, ABSENT, &e), MECH_CONTINUE);
    ck_assert(!span_equal(a.challenge, b.challenge));
    mech_exchange_fini(&a);
    mech_exchange_fini(&b);
    mech_exchange_init(&a, mech_find(SPAN_LIT("CRAM-MD5")));
    ck_assert_int_eq(mech_exchange_step(&a, SPAN_LIT("tim x"), &e), MECH_FAIL);
    mech_exchange_fini(&a);
}
END_TEST

static const struct {
    const char *certificate;
    struct span response; /* p == NULL: asked for first */
    enum mech_step step;
    const char *authzid;
} externals[] = {
    {"bob@example.org", {NULL, 0}, MECH_CHECK, ""},
    {"bob@example.org", SPAN_INIT(""), MECH_CHECK, ""},
    {"bob@example.org", SPAN_INIT("eve@example.org"), MECH_CHECK, "eve@example.org"},
    {"bob@example.org", SPAN_INIT("eve\0"), MECH_FAIL, NULL},
    {"bob@example.org", SPAN_INIT("\xff"), MECH_FAIL, NULL},
    {"", SPAN_INIT("bob@example.org"), MECH_FAIL, NULL},
    {"", {NULL, 0}, MECH_FAIL, NULL},
};

START_TEST(external)
{
    struct mech_exchange x;
    struct err e = {""};

    mech_exchange_init(&x, mech_find(SPAN_LIT("EXTERNAL")));
    buf_add_cstr(&x.certificate, externals[_i].certificate);
    enum mech_step step = mech_exchange_step(&x, externals[_i].response, &e);
    if (externals[_i].response.p == NULL) {
        ck_assert_int_eq(step, MECH_CONTINUE);
        ck_assert_uint_eq(x.challenge.n, 0);
        step = mech_exchange_step(&x, SPAN_EMPTY, &e);
    }
    ck_assert_int_eq(step, externals[_i].step);
    ck_assert_int_eq(x.proof, step == MECH_CHECK ? MECH_PROOF_RIGHT : MECH_PROOF_NONE);
    if (step == MECH_CHECK) {
        ck_assert_span_eq(buf_span(&x.authcid), externals[_i].certificate);
        ck_assert_span_eq(buf_span(&x.authzid), externals[_i].authzid);
    }
    mech_exchange_fini(&x);
}
END_TEST

static json_t *
load_vectors(void)
{
    const char *folder = getenv("OUTRIDER_VECTORS");
    char path[512];

    snprintf(path, sizeof(path), "%s/sasl/initial.json", folder != NULL ? folder : "");
    return folder != NULL ? json_load_file(path, JSON_ALLOW_NUL, NULL) : NULL;
}

static struct span
field(const json_t *one, const char *key)
{
    const json_t *value = json_object_get(one, key);

    return span_make(json_string_value(value), json_string_length(value));
}

/* A token is its user's; it is wiped once that is known. */
static enum mech_step
show_token(struct mech_exchange *x, const json_t *one)
{
    const struct mech_keys keys = {.token = {.user = field(one, "authcid")}};
    struct err e = {""};

    ck_assert(span_equal(buf_span(&x->password), field(one, "token")));
    return mech_exchange_keys(x, &keys, &e);
}

/* Whoever he is, he is the account that stands for nobody; what he says is kept for the log. */
static enum mech_step
let_in(struct mech_exchange *x, const json_t *one)
{
    const struct mech_keys keys = {.anonymous = SPAN_LIT("public@home.test")};
    struct err e = {""};

    ck_assert(span_equal(buf_span(&x->trace), field(one, "trace")));
    enum mech_step step = mech_exchange_keys(x, &keys, &e);
    ck_assert_int_eq(x->proof, MECH_PROOF_RIGHT);
    ck_assert_span_eq(buf_span(&x->authcid), "public@home.test");
    return step;
}

static void
run_case(const json_t *one)
{
    struct mech_exchange x;
    struct err e = {""};
    struct buf client;
    bool is_cram = span_equal_cstr(field(one, "mechanism"), "CRAM-MD5");

    buf_init(&client, 4096);
    ck_assert_int_eq(base64_decode(field(one, "client"), BASE64_STRICT, &client), OR_OK);
    if (!is_cram)
        mech_exchange_init(&x, mech_find(field(one, "mechanism")));
    enum mech_step step =
        is_cram ? cram(&x, field(one, "challenge"), buf_span(&client), field(one, "password"))
                : mech_exchange_step(&x, buf_span(&client), &e);
    bool is_token = !is_cram && x.mech->needs == MECH_KEYS_TOKEN;
    if (is_token && step == MECH_NEED_KEYS)
        step = show_token(&x, one);
    bool is_nobody = !is_cram && x.mech->needs == MECH_KEYS_ANONYMOUS;
    if (is_nobody && step == MECH_NEED_KEYS)
        step = let_in(&x, one);
    bool good = step == MECH_CHECK && x.proof != MECH_PROOF_WRONG;

    ck_assert_msg(good == span_equal_cstr(field(one, "expect"), "success"), "%s",
                  field(one, "name").p);
    if (good && !is_nobody) {
        ck_assert(span_equal(buf_span(&x.authcid), field(one, "authcid")));
        ck_assert(span_equal(buf_span(&x.authzid), field(one, is_token ? "authcid" : "authzid")));
        ck_assert(is_cram || span_equal(buf_span(&x.password), field(one, "password")));
    }
    mech_exchange_fini(&x);
    buf_fini(&client);
}

START_TEST(vectors)
{
    json_t *document = load_vectors(), *one;
    size_t i, ran = 0;

    json_array_foreach(json_object_get(document, "cases"), i, one)
    {
        ck_assert_ptr_nonnull(mech_find(field(one, "mechanism")));
        run_case(one);
        ran++;
    }
    ck_assert_uint_gt(ran, 0);
    json_decref(document);
}
END_TEST

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

int
main(void)
{
    Suite *s = suite_create("mech_others");
    TCase *c = tcase_create("all");
    json_t *document = load_vectors();

    tcase_add_loop_test(c, cram_md5, 0, COUNT(crams));
    tcase_add_test(c, cram_md5_challenges);
    tcase_add_loop_test(c, external, 0, COUNT(externals));
    if (document != NULL)
        tcase_add_test(c, vectors);
    else
        puts("skipped: SASL vectors: OUTRIDER_VECTORS has no sasl/initial.json");
    json_decref(document);
    suite_add_tcase(s, c);
    return unit_main(s);
}
