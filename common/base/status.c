/*
 * Failure texts. Whatever stood in the input, the text stays one printable line: it goes into logs
 * and SMTP replies.
 */
#include "common/base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void
err_clean(char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c < 0x20 || c == 0x7f)
            *text = '?';
    }
}

or_status
err_set(struct err *e, or_status st, const char *fmt, ...)
{
    if (e != NULL) {
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(e->text, sizeof(e->text), fmt, ap);
        va_end(ap);
        err_clean(e->text);
    }
    return st;
}

or_status
err_wrap(struct err *e, or_status st, const char *fmt, ...)
{
    if (e != NULL) {
        struct err inner = *e;
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(e->text, sizeof(e->text), fmt, ap);
        va_end(ap);
        err_clean(e->text);
        size_t used = strlen(e->text);
        snprintf(e->text + used, sizeof(e->text) - used, ": %s", inner.text);
    }
    return st;
}

const char *
os_error_text(int errnum)
{
    const char *text = strerrordesc_np(errnum);

    return text != NULL ? text : "unknown system error";
}

const char *
or_status_name(or_status st)
{
    static const char *const names[] = {
        [OR_OK] = "ok",         [OR_ABSENT] = "absent",     [OR_MALFORMED] = "malformed",
        [OR_LIMIT] = "limit",   [OR_TEMPFAIL] = "tempfail", [OR_TIMEOUT] = "timeout",
        [OR_CLOSED] = "closed", [OR_CONFIG] = "config",     [OR_BUG] = "bug",
    };

    return (size_t)st < sizeof(names) / sizeof(names[0]) ? names[st] : "unknown";
}
