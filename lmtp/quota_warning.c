/*
 * Which threshold was reached, the words of the warning, and where they go.
 */
#include "lmtp/quota_warning.h"

#include "common/base/log.h"
#include "common/run/hook.h"
#include "common/text/encoded_word.h"
#include "common/text/header.h"
#include "common/text/utf8.h"
#include "lmtp/own_message.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SUBJECT_MAX_BYTES 200 /* as configured */
#define TEXT_MAX_BYTES 16384
#define AMOUNT_BYTES 40
#define ADDED_ARGUMENTS 2 /* account and percentage */

/* ---- thresholds */

/* "80%"; 0: the title is no threshold. */
static int64_t
percent_of_title(const struct lmtp_quota_warning *w)
{
    struct span title = span_cstr(w->item.title);
    uint64_t percent = 0;

    if (title.n < 2 || title.p[title.n - 1] != '%' ||
        span_parse_u64(span_slice(title, 0, title.n - 1), 100, &percent) != OR_OK)
        return 0;
    return (int64_t)percent;
}

/* Whether the last `by` of `after` has taken it to the threshold. */
static bool
has_reached(int64_t limit, int64_t percent, int64_t after, int64_t by)
{
    int64_t part = quota_percent_of(limit, percent), threshold = part > 0 ? part : 1;

    return limit > 0 && after >= threshold && after - by < threshold;
}

struct quota_alarm
quota_warning_find(const struct lmtp_settings *settings, const struct quota_limits *limits,
                   const struct maildir_usage *after, const struct maildir_usage *change)
{
    struct quota_alarm alarm = {.warning = NULL};
    int64_t highest = 0;

    for (size_t i = 0; i < settings->quota_warnings.count; i++) {
        const struct lmtp_quota_warning *w = lmtp_conf_quota_warning(settings, i);
        int64_t percent = percent_of_title(w);
        bool bytes = has_reached(limits->bytes, percent, after->bytes, change->bytes);

        if (percent <= highest ||
            !(bytes || has_reached(limits->messages, percent, after->messages, change->messages)))
            continue;
        highest = percent;
        alarm = (struct quota_alarm){.warning = w,
                                     .used = bytes ? after->bytes : after->messages,
                                     .limit = bytes ? limits->bytes : limits->messages,
                                     .messages = !bytes};
    }
    return alarm;
}

/* ---- words */

struct amount {
    char text[AMOUNT_BYTES];
};

/* As people say it: "4.1 GB", "5 GB", "312 bytes", "150 messages". */
static struct amount
amount_in_words(int64_t n, bool messages)
{
    static const struct {
        const char *name;
        int shift;
    } units[] = {{"TB", 40}, {"GB", 30}, {"MB", 20}, {"kB", 10}};
    struct amount a;
    size_t i = 0;

    while (i < sizeof(units) / sizeof(units[0]) && n >> units[i].shift == 0)
        i++;
    if (messages || i == sizeof(units) / sizeof(units[0])) {
        snprintf(a.text, sizeof(a.text), "%" PRId64 " %s", n, messages ? "messages" : "bytes");
        return a;
    }
    int64_t unit = INT64_C(1) << units[i].shift, tenths = n % unit * 10 / unit;
    if (tenths == 0)
        snprintf(a.text, sizeof(a.text), "%" PRId64 " %s", n / unit, units[i].name);
    else
        snprintf(a.text, sizeof(a.text), "%" PRId64 ".%" PRId64 " %s", n / unit, tenths,
                 units[i].name);
    return a;
}

/* Replaces {user} and the like; other braces stay as they are. */
static void
expand(struct buf *out, const char *pattern, const struct quota_alarm *alarm, struct span user)
{
    const struct amount used = amount_in_words(alarm->used, alarm->messages),
                        limit = amount_in_words(alarm->limit, alarm->messages);
    const struct {
        struct span name, value;
    } words[] = {{SPAN_LIT("{user}"), user},
                 {SPAN_LIT("{percent}"), span_cstr(alarm->warning->item.title)},
                 {SPAN_LIT("{used}"), span_cstr(used.text)},
                 {SPAN_LIT("{limit}"), span_cstr(limit.text)}};
    const size_t count = sizeof(words) / sizeof(words[0]);
    struct span rest = span_cstr(pattern);

    while (rest.n > 0) {
        size_t i = 0;

        while (i < count && !span_has_prefix(rest, words[i].name))
            i++;
        if (i < count)
            own_message_name(out, words[i].value);
        else
            buf_add_char(out, rest.p[0]);
        rest = span_from(rest, i < count ? words[i].name.n : 1);
    }
}

/* ---- the message */

void
quota_warning_format(struct buf *out, const struct quota_alarm *alarm, const struct recipient *r,
                     const struct lmtp_settings *settings, const struct maildir_name *name)
{
    struct buf subject, text;

    buf_init(&subject, OWN_MESSAGE_MAX_BYTES);
    buf_init(&text, OWN_MESSAGE_MAX_BYTES);
    expand(&subject, alarm->warning->subject, alarm, r->account_name);
    expand(&text, alarm->warning->text, alarm, r->account_name);
    const struct own_notice notice = {
        .kind = "quota",
        .account = r->account_name,
        .subject = buf_span(&subject),
        .text = buf_span(&text),
    };
    own_message_notice(out, &notice, name, settings);
    buf_fini(&text);
    buf_fini(&subject);
}

/* ---- where it goes */

int64_t
quota_warning_deliver(const struct quota_alarm *alarm, const struct recipient *r,
                      const struct lmtp_settings *settings, const struct maildir_name *name)
{
    struct maildir box = MAILDIR_CLOSED;
    struct maildir_fault fault = {0};
    struct buf text;
    int64_t added = 0;

    buf_init(&text, OWN_MESSAGE_MAX_BYTES);
    quota_warning_format(&text, alarm, r, settings, name);
    or_status st = maildir_open(r->root, &box, &fault);
    if (st == OR_OK)
        st = own_message_put(&box, name, buf_span(&text), settings, &added, &fault);
    maildir_close(&box);
    buf_fini(&text);
    if (st != OR_OK)
        log_warning("%.*s: no warning at %s of the quota: %s", SPAN_ARG(r->account_name),
                    alarm->warning->item.title, fault.err.text);
    return added;
}

void
quota_warning_command(const struct quota_alarm *alarm, const struct recipient *r)
{
    const struct conf_list *command = &alarm->warning->command;
    const char *argv[HOOK_MAX_ARGUMENTS + 1] = {NULL};
    char percent[8];
    struct buf user;
    struct err e = {""};

    if (command->count == 0)
        return;
    for (size_t i = 0; i < command->count; i++)
        argv[i] = command->items[i];
    buf_init(&user, OWN_MESSAGE_MAX_BYTES);
    own_message_name(&user, r->account_name);
    buf_add_char(&user, '\0');
    snprintf(percent, sizeof(percent), "%" PRId64, percent_of_title(alarm->warning));
    argv[command->count] = buf_span(&user).p;
    argv[command->count + 1] = percent;
    if (hook_run(argv, &e) != OR_OK)
        log_error("quota-warning \"%s\": %s", alarm->warning->item.title, e.text);
    buf_fini(&user);
}

/* ---- configuration */

/* Characters that may stand in a message as they are; `ends`: so may line ends and tabs. */
static bool
is_text(const char *text, bool ends)
{
    for (const char *p = text; *p != '\0'; p++)
        if (((unsigned char)*p < ' ' && !(ends && (*p == '\n' || *p == '\t'))) || *p == 0x7f)
            return false;
    return utf8_is_valid(span_cstr(text));
}

static or_status
check_command(const struct conf_list *command, struct err *e)
{
    if (command->count == 0)
        return OR_OK;
    if (command->count > HOOK_MAX_ARGUMENTS - ADDED_ARGUMENTS)
        return err_set(e, OR_CONFIG, "command: more than %d words",
                       HOOK_MAX_ARGUMENTS - ADDED_ARGUMENTS);
    if (command->items[0][0] != '/' || access(command->items[0], X_OK) != 0)
        return err_set(e, OR_CONFIG,
                       "command: %s is no program that can be started (its whole path)",
                       command->items[0]);
    return OR_OK;
}

or_status
quota_warning_check(const struct lmtp_quota_warning *w, struct err *e)
{
    if (percent_of_title(w) == 0)
        return err_set(e, OR_CONFIG, "the title is no threshold; write \"1%%\" to \"100%%\"");
    if (!is_text(w->subject, false) || strlen(w->subject) > SUBJECT_MAX_BYTES)
        return err_set(e, OR_CONFIG, "subject: one line of UTF-8, at most %d bytes",
                       SUBJECT_MAX_BYTES);
    if (!is_text(w->text, true) || strlen(w->text) > TEXT_MAX_BYTES)
        return err_set(e, OR_CONFIG, "text: UTF-8 without control characters, at most %d bytes",
                       TEXT_MAX_BYTES);
    if (!w->message && w->command.count == 0)
        return err_set(e, OR_CONFIG, "neither message nor command: nobody would be warned");
    return check_command(&w->command, e);
}
