/*
 * When to, and at most one at a time: many users log in for the first time after a change of the
 * configuration, and hashing for each of them must not keep the others waiting.
 */
#include "authd/login_rehash.h"

#include "authd/accounts/password_make.h"
#include "authd/sasl/mech.h"
#include "common/base/crypto.h"
#include "common/base/log.h"

static bool
offers(const struct authd_settings *settings, enum mech_keys_kind kind)
{
    for (size_t i = 0; i < settings->mechanisms.count; i++) {
        const struct mech *mech = mech_find(span_cstr(settings->mechanisms.items[i]));

        if (mech != NULL && mech->needs == kind)
            return true;
    }
    return false;
}

static bool
is_due(const struct authd_settings *settings, const struct account_row *row)
{
    enum password_scheme scheme = (enum password_scheme)settings->password_scheme;
    struct span plain = SPAN_EMPTY;

    if (!settings->rehash || row->source->type->replace_password == NULL)
        return false;
    /* CRAM-MD5 could no longer be done with it. */
    if (offers(settings, MECH_KEYS_PASSWORD) && password_is_plain(row->password, &plain))
        return false;
    return password_is_weaker(row->password, scheme) ||
           (row->scram_keys.n == 0 && offers(settings, MECH_KEYS_SCRAM));
}

static or_status
store(const struct authd_settings *settings, const struct account_row *row, struct span password,
      struct err *e)
{
    struct password_made made;
    or_status st =
        password_make((enum password_scheme)settings->password_scheme, password, &made, e);

    if (st == OR_OK)
        st = row->source->type->replace_password(row->source->self, row, span_cstr(made.stored),
                                                 span_cstr(made.scram_keys), e);
    crypto_wipe(&made, sizeof(made));
    return st;
}

void
login_rehash(const struct daemon_snapshot *snapshot, const struct account_row *row,
             struct span password)
{
    atomic_flag *busy = ((const struct authd_built *)snapshot->built)->rehashing;
    const struct authd_settings *settings = snapshot->settings;
    struct err e = {""};

    if (!is_due(settings, row) || atomic_flag_test_and_set(busy))
        return;
    or_status st = store(settings, row, password, &e);
    atomic_flag_clear(busy);
    if (st == OR_OK)
        log_info("the password of %.*s is stored anew, as %s", SPAN_ARG(row->address.whole),
                 password_scheme_words[settings->password_scheme]);
    else if (st != OR_ABSENT) /* somebody has just changed it */
        log_warning("the password of %.*s stays as it is stored: %s", SPAN_ARG(row->address.whole),
                    e.text);
}
