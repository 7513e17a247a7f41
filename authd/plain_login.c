/*
 * A SASL exchange that is over before it began.
 */
#include "authd/plain_login.h"

#include "authd/login_attempt.h"
#include "common/base/clock.h"

#include <time.h>

static void
sleep_until(int64_t due_mono_ms)
{
    int64_t ms = due_mono_ms - clock_mono_ms();
    struct timespec rest = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    if (ms > 0)
        nanosleep(&rest, NULL);
}

enum login_result
plain_login_check(struct daemon *d, const struct plain_login *l, struct arena *mem,
                  struct span *user_out)
{
    const struct login_origin origin = {.client = l->client, .service = l->service};
    int64_t came = clock_mono_ms();
    struct login_answer answer;
    struct mech_exchange x;

    mech_exchange_init(&x, mech_find(SPAN_LIT("PLAIN")));
    buf_add_span(&x.authcid, l->name);
    buf_add_span(&x.password, l->password);
    x.service = l->service;
    x.client = l->client;
    login_attempt(d, &x, &origin, mem, &answer);
    mech_exchange_fini(&x);
    *user_out = answer.user;
    if (answer.result != LOGIN_GOOD && answer.result != LOGIN_UNKNOWN_NOW)
        sleep_until(came + answer.delay_ms);
    return answer.result;
}
