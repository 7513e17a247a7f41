/*
 * The mechanisms we know.
 */
#include "authd/sasl/mech_table.h"

static const struct mech *const table[] = {
    &mech_plain,
    &mech_login,
    &mech_scram_sha1,
    &mech_scram_sha256,
    &mech_scram_sha512,
    &mech_scram_sha1_plus,
    &mech_scram_sha256_plus,
    &mech_cram_md5,
    &mech_external,
    &mech_oauthbearer,
    &mech_xoauth2,
    &mech_anonymous,
    NULL,
};

const struct mech *
mech_find(struct span name)
{
    for (const struct mech *const *m = table; *m != NULL; m++)
        if (span_equal_nocase_cstr(name, (*m)->name))
            return *m;
    return NULL;
}

const struct mech *const *
mech_all(void)
{
    return table;
}
