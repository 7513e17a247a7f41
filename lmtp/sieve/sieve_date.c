/* The calendar is timegm(3)'s and gmtime_r(3)'s: zones are added by hand. */
#include "lmtp/sieve/sieve_date.h"

#include "common/text/header.h"

#include <stdio.h>
#include <string.h>

#define MJD_OF_EPOCH 40587 /* RFC 5260 4.2: Modified Julian Day of 1970-01-01 */
#define DAY_S 86400
#define MAX_YEAR 9999

static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char weekdays[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

/* RFC 5322 4.3: others, the military ones included, mean nothing. */
static const struct {
    const char *name;
    int hours;
} zones[] = {
    {"EST", -5}, {"EDT", -4}, {"CST", -6}, {"CDT", -5},
    {"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7},
};

/* Blanks and comments go; a comment that does not end is no number either. */
static void
skip(struct span *s)
{
    if (header_skip_cfws(s) != OR_OK)
        *s = SPAN_EMPTY;
}

static or_status
take_number(struct span *s, size_t min_digits, size_t max_digits, int *value_out)
{
    size_t n = 0;
    uint64_t value = 0;

    skip(s);
    while (n < s->n && n <= max_digits && s->p[n] >= '0' && s->p[n] <= '9')
        n++;
    if (n < min_digits || n > max_digits ||
        span_parse_u64(span_slice(*s, 0, n), MAX_YEAR, &value) != OR_OK)
        return OR_MALFORMED;
    *s = span_from(*s, n);
    *value_out = (int)value;
    return OR_OK;
}

static bool
take_char(struct span *s, char c)
{
    skip(s);
    if (s->n == 0 || s->p[0] != c)
        return false;
    *s = span_from(*s, 1);
    return true;
}

static or_status
take_month(struct span *s, struct tm *tm)
{
    skip(s);
    for (int i = 0; i < 12; i++) {
        if (!span_has_prefix_nocase(*s, span_cstr(months[i])))
            continue;
        tm->tm_mon = i;
        *s = span_from(*s, 3);
        return OR_OK;
    }
    return OR_MALFORMED;
}

static or_status
take_day(struct span *s, struct tm *tm)
{
    size_t comma = span_find(*s, ',');
    int year = 0;

    if (comma < s->n)
        *s = span_from(*s, comma + 1); /* the weekday follows from the rest */
    if (take_number(s, 1, 2, &tm->tm_mday) != OR_OK || take_month(s, tm) != OR_OK)
        return OR_MALFORMED;
    skip(s);
    size_t before = s->n;
    if (take_number(s, 2, 4, &year) != OR_OK)
        return OR_MALFORMED;
    size_t digits = before - s->n;
    /* RFC 5322 4.3: years of two and three digits. */
    if (digits < 4)
        year += digits == 2 && year < 50 ? 2000 : 1900;
    tm->tm_year = year - 1900;
    return tm->tm_mday >= 1 && tm->tm_mday <= 31 ? OR_OK : OR_MALFORMED;
}

static or_status
take_time(struct span *s, struct tm *tm)
{
    if (take_number(s, 1, 2, &tm->tm_hour) != OR_OK || !take_char(s, ':') ||
        take_number(s, 2, 2, &tm->tm_min) != OR_OK)
        return OR_MALFORMED;
    if (take_char(s, ':') && take_number(s, 2, 2, &tm->tm_sec) != OR_OK)
        return OR_MALFORMED;
    return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec <= 60 ? OR_OK : OR_MALFORMED;
}

or_status
sieve_date_parse_zone(struct span text, long *offset_s_out)
{
    int value = 0;
    struct span digits = span_from(text, text.n > 0 ? 1 : 0);

    if (text.n != 5 || (text.p[0] != '+' && text.p[0] != '-') ||
        take_number(&digits, 4, 4, &value) != OR_OK || value % 100 >= 60 || value / 100 >= 24)
        return OR_MALFORMED;
    long offset = (value / 100 * 60L + value % 100) * 60;
    *offset_s_out = text.p[0] == '-' ? -offset : offset;
    return OR_OK;
}

static long
read_zone(struct span s)
{
    long offset = 0;
    size_t n = 0;

    skip(&s);
    while (n < s.n && s.p[n] != ' ' && s.p[n] != '\t' && s.p[n] != '(')
        n++;
    struct span name = span_slice(s, 0, n);
    for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++)
        if (span_equal_nocase_cstr(name, zones[i].name))
            return zones[i].hours * 3600L;
    return sieve_date_parse_zone(name, &offset) == OR_OK ? offset : 0;
}

or_status
sieve_date_parse(struct span text, struct sieve_date *date_out)
{
    size_t semicolon = span_rfind(text, ';');
    struct span s = semicolon < text.n ? span_from(text, semicolon + 1) : text;
    struct tm tm = {0};

    if (take_day(&s, &tm) != OR_OK || take_time(&s, &tm) != OR_OK)
        return OR_MALFORMED;
    date_out->offset_s = read_zone(s);
    date_out->when = timegm(&tm) - date_out->offset_s;
    return OR_OK;
}

static int
part_julian(const struct sieve_date *d, char *out)
{
    long long local = (long long)d->when + d->offset_s;
    long long days = local / DAY_S - (local % DAY_S < 0);

    return snprintf(out, SIEVE_DATE_BYTES, "%lld", days + MJD_OF_EPOCH);
}

/* "+hhmm" or, with a colon between, "+hh:mm". */
static int
part_zone(const struct sieve_date *d, const char *colon, char *out)
{
    unsigned minutes = (unsigned)(d->offset_s < 0 ? -d->offset_s : d->offset_s) / 60;

    return snprintf(out, SIEVE_DATE_BYTES, "%c%02u%s%02u", d->offset_s < 0 ? '-' : '+',
                    minutes / 60 % 24, colon, minutes % 60);
}

static int
part_std11(const struct sieve_date *d, const struct tm *tm, char *out)
{
    char zone[SIEVE_DATE_BYTES];

    (void)part_zone(d, "", zone);
    return snprintf(out, SIEVE_DATE_BYTES, "%s, %02d %s %04d %02d:%02d:%02d %.8s",
                    weekdays[tm->tm_wday], tm->tm_mday, months[tm->tm_mon], tm->tm_year + 1900,
                    tm->tm_hour, tm->tm_min, tm->tm_sec, zone);
}

static int
part_iso8601(const struct sieve_date *d, const struct tm *tm, char *out)
{
    char zone[SIEVE_DATE_BYTES];

    (void)part_zone(d, ":", zone);
    return snprintf(out, SIEVE_DATE_BYTES, "%04d-%02d-%02dT%02d:%02d:%02d%.8s", tm->tm_year + 1900,
                    tm->tm_mon + 1, tm->tm_mday, tm->tm_hour, tm->tm_min, tm->tm_sec, zone);
}

enum part {
    YEAR,
    MONTH,
    DAY,
    DATE,
    JULIAN,
    HOUR,
    MINUTE,
    SECOND,
    TIME,
    ISO8601,
    STD11,
    ZONE,
    WEEKDAY
};

static const char *const parts[] = {"year",  "month",  "day",    "date", "julian",
                                    "hour",  "minute", "second", "time", "iso8601",
                                    "std11", "zone",   "weekday"};

#define PART_COUNT (sizeof(parts) / sizeof(parts[0]))

static size_t
find_part(struct span name)
{
    size_t i = 0;

    while (i < PART_COUNT && !span_equal_nocase_cstr(name, parts[i]))
        i++;
    return i;
}

bool
sieve_date_is_part(struct span name)
{
    return find_part(name) < PART_COUNT;
}

/* RFC 5260 4.2 */
static int
format_part(const struct sieve_date *d, const struct tm *tm, size_t part, char *out)
{
    switch ((enum part)part) {
    case YEAR:
        return snprintf(out, SIEVE_DATE_BYTES, "%04d", tm->tm_year + 1900);
    case MONTH:
        return snprintf(out, SIEVE_DATE_BYTES, "%02d", tm->tm_mon + 1);
    case DAY:
        return snprintf(out, SIEVE_DATE_BYTES, "%02d", tm->tm_mday);
    case DATE:
        return snprintf(out, SIEVE_DATE_BYTES, "%04d-%02d-%02d", tm->tm_year + 1900, tm->tm_mon + 1,
                        tm->tm_mday);
    case JULIAN:
        return part_julian(d, out);
    case HOUR:
        return snprintf(out, SIEVE_DATE_BYTES, "%02d", tm->tm_hour);
    case MINUTE:
        return snprintf(out, SIEVE_DATE_BYTES, "%02d", tm->tm_min);
    case SECOND:
        return snprintf(out, SIEVE_DATE_BYTES, "%02d", tm->tm_sec);
    case TIME:
        return snprintf(out, SIEVE_DATE_BYTES, "%02d:%02d:%02d", tm->tm_hour, tm->tm_min,
                        tm->tm_sec);
    case ISO8601:
        return part_iso8601(d, tm, out);
    case STD11:
        return part_std11(d, tm, out);
    case ZONE:
        return part_zone(d, "", out);
    case WEEKDAY:
        return snprintf(out, SIEVE_DATE_BYTES, "%d", tm->tm_wday);
    }
    return 0;
}

struct span
sieve_date_part(const struct sieve_date *date, struct span name, char out[SIEVE_DATE_BYTES])
{
    time_t local = date->when + date->offset_s;
    size_t part = find_part(name);
    struct tm tm;

    if (part == PART_COUNT || gmtime_r(&local, &tm) == NULL)
        return SPAN_EMPTY;
    int n = format_part(date, &tm, part, out);
    return n > 0 && n < SIEVE_DATE_BYTES ? span_make(out, (size_t)n) : SPAN_EMPTY;
}
