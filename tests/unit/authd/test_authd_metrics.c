/* The words of the table are those of the mechanisms and tables that there are. */
#include "authd/authd_metrics.h"

#include "authd/sasl/mech_table.h"
#include "authd/socketmap_maps.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

static void
expect(const char *series, long value)
{
    struct buf out;
    char wanted[256];

    snprintf(wanted, sizeof(wanted), "\n%s %ld\n", series, value);
    buf_init(&out, METRICS_MAX_TEXT_BYTES);
    metrics_format(&out);
    buf_add_char(&out, '\0');
    ck_assert_msg(strstr(out.p, wanted) != NULL, "no %s", wanted);
    buf_fini(&out);
}

static void
set_up(void)
{
    metrics_start(&authd_metrics, false);
}

START_TEST(every_mechanism_has_its_word)
{
    char series[200];

    for (const struct mech *const *m = mech_all(); *m != NULL; m++) {
        metrics_add(AUTHD_METRIC_LOGINS, authd_metrics_mechanism((*m)->name), AUTHD_LOGIN_NO_TLS,
                    1);
        snprintf(series, sizeof(series),
                 "outrider_authd_logins_total{mechanism=\"%s\",result=\"no-tls\"}", (*m)->name);
        expect(series, 1);
    }
    metrics_add(AUTHD_METRIC_LOGINS, authd_metrics_mechanism("X"), AUTHD_LOGIN_ACCEPTED, 1);
    expect("outrider_authd_logins_total{mechanism=\"other\",result=\"accepted\"}", 1);
}
END_TEST

START_TEST(every_table_has_its_word)
{
    static const char *const tables[] = {"mailbox-domains", "mailboxes", "aliases", "senders"};
    char series[200];

    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        ck_assert_ptr_nonnull(socketmap_maps_find(span_cstr(tables[i])));
        authd_metrics_lookup(tables[i], OR_OK);
        snprintf(series, sizeof(series),
                 "outrider_authd_lookups_total{kind=\"%s\",result=\"found\"}", tables[i]);
        expect(series, 1);
    }
}
END_TEST

START_TEST(look_ups_by_result)
{
    authd_metrics_lookup("userdb", OR_OK);
    authd_metrics_lookup("userdb", OR_ABSENT);
    authd_metrics_lookup("userdb", OR_TEMPFAIL);
    authd_metrics_lookup("userdb", OR_LIMIT);
    expect("outrider_authd_lookups_total{kind=\"userdb\",result=\"found\"}", 1);
    expect("outrider_authd_lookups_total{kind=\"userdb\",result=\"absent\"}", 1);
    expect("outrider_authd_lookups_total{kind=\"userdb\",result=\"failed\"}", 2);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("authd_metrics");
    TCase *t = tcase_create("authd_metrics");

    tcase_add_checked_fixture(t, set_up, metrics_stop);
    tcase_add_test(t, every_mechanism_has_its_word);
    tcase_add_test(t, every_table_has_its_word);
    tcase_add_test(t, look_ups_by_result);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
