/* local-hosts says which addresses are this machine's. */
#include "authd/authd_host.h"

static bool
is_local(const struct authd_settings *settings, struct span host)
{
    for (size_t i = 0; i < settings->local_hosts.count; i++)
        if (span_equal_nocase_cstr(host, settings->local_hosts.items[i]))
            return true;
    return false;
}

or_status
authd_host_of(const struct authd_settings *settings, const struct account_row *row,
              struct arena *mem, struct account_host *host_out, struct err *e)
{
    if (row->host.n == 0)
        return OR_ABSENT;
    if (account_host_parse(row->host, mem, host_out, e) != OR_OK || !host_out->is_address)
        return err_set(e, OR_TEMPFAIL, "the account %.*s has no IP address as host: \"%.*s\"",
                       SPAN_ARG(row->address.whole), SPAN_ARG(span_slice(row->host, 0, 80)));
    return is_local(settings, host_out->host) ? OR_ABSENT : OR_OK;
}
