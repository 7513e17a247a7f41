/*
 * Asked before the account's own password: it costs one look-up, and only what has the form of an
 * application password is looked up at all. What that look-up takes more than nothing drowns in the
 * hashing that follows a miss.
 */
#include "authd/login_app.h"

#include "common/base/clock.h"
#include "common/base/crypto.h"
#include "common/base/log.h"

enum login_result
login_app_check(const struct account_row *row, const struct mech_exchange *x, struct arena *mem,
                struct app_password *app_out, struct err *e)
{
    const struct account_source *source = row->source;
    struct app_password app;
    char hash[APP_PASSWORD_HASH_BYTES];

    if (source == NULL || source->type->find_app_password == NULL || x->proof != MECH_PROOF_NONE ||
        !app_password_hash(buf_span(&x->password), row->address.whole, hash))
        return LOGIN_WRONG;
    or_status st = source->type->find_app_password(source->self, &row->address, hash, mem, &app, e);
    crypto_wipe(hash, sizeof(hash));
    if (st != OR_OK)
        return st == OR_ABSENT ? LOGIN_WRONG : LOGIN_UNKNOWN_NOW;
    if (app.expires_s != 0 && clock_now() >= app.expires_s)
        return LOGIN_EXPIRED;
    if (!app_password_serves(app.scope, x->service))
        return LOGIN_OUT_OF_SCOPE;
    *app_out = app;
    return LOGIN_GOOD;
}

void
login_app_used(const struct account_row *row, const struct app_password *app)
{
    struct err e = {""};

    if (app->name.n == 0)
        return;
    /* Nobody is kept out because this cannot be written. */
    if (row->source->type->app_password_used(row->source->self, &row->address, app, clock_now(),
                                             &e) != OR_OK)
        log_warning("the last use of an application password was not written: %s", e.text);
}
