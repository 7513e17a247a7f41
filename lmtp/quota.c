/*
 * From rules and maildirsize to a decision.
 */
#include "lmtp/quota.h"

#include "common/base/log.h"

#include <inttypes.h>

static bool
ignore(const void *context, const char *dirname)
{
    return quota_rules_ignore(context, dirname);
}

/* The limit with its grace. */
static int64_t
stretched(int64_t limit, const char *grace)
{
    int64_t by = 0, sum;
    bool percent = false;

    if (quota_amount_parse(span_cstr(grace), 1, &by, &percent) != OR_OK)
        return limit; /* the configuration was checked */
    if (percent)
        by = limit > INT64_MAX / 10000 ? 0 : limit * by / 100;
    return __builtin_add_overflow(limit, by, &sum) ? INT64_MAX : sum;
}

static or_status
decide(const struct maildir_usage *usage, const struct quota_limits *limits, int64_t bytes,
       const char *grace, struct err *e)
{
    int64_t after;

    if (limits->messages > 0 && usage->messages >= limits->messages)
        return err_set(e, OR_LIMIT, "%" PRId64 " of %" PRId64 " messages", usage->messages,
                       limits->messages);
    if (limits->bytes <= 0)
        return OR_OK;
    if (usage->bytes < limits->bytes && !__builtin_add_overflow(usage->bytes, bytes, &after) &&
        after <= stretched(limits->bytes, grace))
        return OR_OK;
    return err_set(e, OR_LIMIT, "%" PRId64 " and %" PRId64 " of %" PRId64 " bytes", usage->bytes,
                   bytes, limits->bytes);
}

typedef or_status (*usage_reader)(const char *path, const struct maildir_size_rules *rules,
                                  struct maildir_usage *usage_out, struct maildir_fault *f);

static or_status
read_usage(const struct recipient *r, const struct lmtp_settings *settings, usage_reader reader,
           struct maildir_usage *usage_out, struct err *e)
{
    const struct quota_limits none = {0, 0};
    const struct quota_limits *limits = r->quota != NULL ? &r->quota->limits : &none;
    const struct maildir_size_rules rules = {
        .limits = {.bytes = limits->bytes, .messages = limits->messages},
        .virtual_sizes = settings->quota_virtual_sizes,
        .ignore = r->quota != NULL ? ignore : NULL,
        .context = r->quota,
    };
    struct maildir_fault fault = {0};
    or_status st = reader(r->root, &rules, usage_out, &fault);

    if (st != OR_OK)
        *e = fault.err;
    return st;
}

or_status
quota_usage(const struct recipient *r, const struct lmtp_settings *settings, bool anew,
            struct maildir_usage *usage_out, struct err *e)
{
    bool count = anew || r->quota == NULL;

    return read_usage(r, settings, count ? maildir_size_count : maildir_size_read, usage_out, e);
}

/* False: nobody can say; that has been logged. */
static bool
find_usage(const struct recipient *r, const struct lmtp_settings *settings, usage_reader reader,
           struct maildir_usage *usage_out)
{
    struct err e = {""};

    if (read_usage(r, settings, reader, usage_out, &e) == OR_OK)
        return true;
    log_warning("%.*s: how full the mailbox is cannot be said: %s", SPAN_ARG(r->account_name),
                e.text);
    return false;
}

or_status
quota_check(const struct recipient *r, const struct lmtp_settings *settings, const char *dirname,
            int64_t bytes, struct err *e)
{
    struct maildir_usage usage;

    if (r->quota == NULL)
        return OR_OK;
    const struct quota_limits limits = quota_rules_for(r->quota, dirname);
    if (limits.bytes <= 0 && limits.messages <= 0)
        return OR_OK;
    if (!find_usage(r, settings, maildir_size_read, &usage) ||
        decide(&usage, &limits, bytes, settings->quota_grace, e) == OR_OK)
        return OR_OK;
    /* With Dovecot's backend "count" the sum may be of mail that is long gone. */
    return find_usage(r, settings, maildir_size_recheck, &usage)
               ? decide(&usage, &limits, bytes, settings->quota_grace, e)
               : OR_OK;
}

void
quota_note(const struct recipient *r, const struct lmtp_settings *settings, const char *dirname,
           int64_t bytes, struct quota_alarm *alarm_out)
{
    const struct maildir_usage change = {.bytes = bytes, .messages = 1};
    bool may_warn = r->quota != NULL && settings->quota_warnings.count > 0;
    struct maildir_usage after = {0, 0};
    struct maildir_fault fault = {0};

    *alarm_out = (struct quota_alarm){.warning = NULL};
    if (r->quota != NULL && quota_rules_ignore(r->quota, dirname))
        return;
    /* It counts itself anew sooner or later. */
    if (maildir_size_add(r->root, &change, may_warn ? &after : NULL, &fault) != OR_OK)
        log_warning("%.*s: %s", SPAN_ARG(r->account_name), fault.err.text);
    if (may_warn)
        *alarm_out = quota_warning_find(settings, &r->quota->limits, &after, &change);
}

struct lmtp_reply
quota_full_reply(const struct lmtp_settings *settings, struct span address, struct arena *mem)
{
    bool later = settings->quota_full == LMTP_QUOTA_TEMPFAIL;

    return lmtp_reply_about(later ? 452 : 552, later ? "4.2.2" : "5.2.2", address,
                            "mailbox is full", mem);
}
