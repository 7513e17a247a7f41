/* The words of the table are those of lmtp_reply_action(). */
#include "lmtp/lmtp_metrics.h"

#include "lmtp/lmtp_reply.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

START_TEST(deliveries_by_reply)
{
    static const unsigned codes[] = {250, 452, 550};
    char wanted[128];
    struct buf out;

    metrics_start(&lmtp_metrics, false);
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        const struct lmtp_reply reply = {codes[i], "", ""};
        const char *action = lmtp_reply_action(&reply);

        metrics_inc(LMTP_METRIC_DELIVERIES, lmtp_metrics_delivery(action));
        buf_init(&out, METRICS_MAX_TEXT_BYTES);
        metrics_format(&out);
        buf_add_char(&out, '\0');
        snprintf(wanted, sizeof(wanted), "\noutrider_lmtpd_deliveries_total{result=\"%s\"} 1\n",
                 action);
        ck_assert_msg(strstr(out.p, wanted) != NULL, "no %s", wanted);
        buf_fini(&out);
    }
    ck_assert_uint_ne(lmtp_metrics_delivery("duplicate"), lmtp_metrics_delivery("delivered"));
    ck_assert_uint_ne(lmtp_metrics_delivery("duplicate"), lmtp_metrics_delivery("unheard of"));
    metrics_stop();
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("lmtp_metrics");
    TCase *t = tcase_create("lmtp_metrics");

    tcase_add_test(t, deliveries_by_reply);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
