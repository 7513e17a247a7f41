/*
 * The options that every daemon has, and the whole list of one schema.
 */
#include "common/run/conf_rows.h"

#include "common/base/xalloc.h"
#include "common/run/conf_value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(name_) offsetof(struct conf_common, name_)
#define COUNT(array_) (sizeof(array_) / sizeof((array_)[0]))

/* In the order of the enums in log.h. */
static const char *const log_target_words[] = {"stderr", "syslog", NULL};
static const char *const log_format_words[] = {"plain", "json", NULL};
static const char *const log_level_words[] = {"error", "warning", "info", "debug", NULL};

static const struct conf_option common_options[] = {
    {.name = "log",
     .type = CONF_ENUM,
     .offset = FIELD(log_target),
     .def = "stderr",
     .words = log_target_words,
     .help = "where log lines go: stderr (systemd's journal) or syslog"},
    {.name = "log-format",
     .type = CONF_ENUM,
     .offset = FIELD(log_format),
     .def = "plain",
     .words = log_format_words,
     .help = "plain: Postfix's shape; json: one object per line"},
    {.name = "log-level",
     .type = CONF_ENUM,
     .offset = FIELD(log_level),
     .def = "info",
     .words = log_level_words,
     .help = "the least important lines that are still written"},
    {.name = "user",
     .type = CONF_STRING,
     .offset = FIELD(user),
     .help = "system user to become when started as root"},
    {.name = "group",
     .type = CONF_STRING,
     .offset = FIELD(group),
     .help = "system group to become; default: the user's own"},
    {.name = "metrics-listen",
     .type = CONF_STRING,
     .offset = FIELD(metrics_listen),
     .def = "",
     .help = "where Prometheus reads the metrics, as \"inet:127.0.0.1:9725\"; \"\": nowhere"},
    {.name = "max-connections",
     .type = CONF_INT,
     .offset = FIELD(max_connections),
     .def = "2000",
     .min = 1,
     .max = 100000,
     .help = "connections served at once, over all listeners; more wait"},
    {.name = "idle-timeout",
     .type = CONF_DURATION,
     .offset = FIELD(idle_timeout_ms),
     .def = "1h", /* Postfix and Dovecot keep connections for reuse */
     .min = 1000,
     .max = 604800000,
     .help = "how long a connection may say nothing between two requests"},
    {.name = "io-timeout",
     .type = CONF_DURATION,
     .offset = FIELD(io_timeout_ms),
     .def = "30s",
     .min = 100,
     .max = 3600000,
     .help = "how long one read or write inside a request may take"},
    {.name = "drain-timeout",
     .type = CONF_DURATION,
     .offset = FIELD(drain_timeout_ms),
     .def = "20s", /* systemd kills after 90 s */
     .min = 0,
     .max = 3600000,
     .help = "how long requests in hand may take to finish after SIGTERM"},
};

static const struct conf_option dns_options[] = {
    {.section = "dns",
     .name = "servers",
     .type = CONF_STRING_LIST,
     .offset = FIELD(dns_servers),
     .help = "resolvers to ask, ADDRESS or ADDRESS:PORT; default: those of resolv-conf"},
    {.section = "dns",
     .name = "resolv-conf",
     .type = CONF_STRING,
     .offset = FIELD(dns_resolv_conf),
     .def = "/etc/resolv.conf",
     .help = "file that names the resolvers when servers does not"},
    {.section = "dns",
     .name = "timeout",
     .type = CONF_DURATION,
     .offset = FIELD(dns_timeout_ms),
     .def = "10s", /* below the 25 s that Postfix grants policy and milter at RCPT */
     .min = 100,
     .max = 120000,
     .help = "limit for one question, all tries together"},
    {.section = "dns",
     .name = "try-timeout",
     .type = CONF_DURATION,
     .offset = FIELD(dns_try_timeout_ms),
     .def = "2s",
     .min = 50,
     .max = 60000,
     .help = "limit for one try at one server"},
    {.section = "dns",
     .name = "cache-size",
     .type = CONF_SIZE,
     .offset = FIELD(dns_cache_bytes),
     .def = "4M",
     .min = 65536,
     .max = 1073741824,
     .help = "memory for answers kept until their TTL ends"},
};

const char *const conf_listen_options[] = {"address", "owner", "group", "mode", NULL};

static void
add(struct conf_rows *rows, const struct conf_option *options, size_t count)
{
    rows->rows = xreallocarray(rows->rows, rows->count + count, sizeof(*rows->rows));
    for (size_t i = 0; i < count; i++)
        rows->rows[rows->count++] = (struct conf_row){.option = options[i]};
}

static void
add_repeated(struct conf_rows *rows, const struct conf_section *section)
{
    size_t from = rows->count;

    add(rows, section->options, section->option_count);
    for (size_t i = from; i < rows->count; i++) {
        rows->rows[i].option.section = section->name;
        rows->rows[i].repeated = section;
    }
}

void
conf_rows_init(struct conf_rows *rows, const struct conf_schema *schema)
{
    *rows = (struct conf_rows){0};
    add(rows, common_options, COUNT(common_options));
    if (schema->uses_dns)
        add(rows, dns_options, COUNT(dns_options));
    if (schema->option_count > 0)
        add(rows, schema->options, schema->option_count);
    for (size_t i = 0; i < schema->section_count; i++)
        add_repeated(rows, &schema->sections[i]);
    conf_rows_find(rows, NULL, "user")->option.def = schema->default_user;
}

void
conf_rows_fini(struct conf_rows *rows)
{
    free(rows->rows);
    *rows = (struct conf_rows){0};
}

bool
conf_rows_same_section(const char *a, const char *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return strcmp(a, b) == 0;
}

struct conf_row *
conf_rows_find(struct conf_rows *rows, const char *section, const char *name)
{
    for (size_t i = 0; i < rows->count; i++) {
        struct conf_row *row = &rows->rows[i];

        if (conf_rows_same_section(row->option.section, section) &&
            strcmp(row->option.name, name) == 0)
            return row;
    }
    return NULL;
}

void
conf_print_options(const struct conf_schema *schema)
{
    struct conf_rows rows;

    conf_rows_init(&rows, schema);
    for (size_t i = 0; i < rows.count; i++) {
        const struct conf_option *o = &rows.rows[i].option;
        const char *def = o->def == NULL ? "-" : o->def[0] == '\0' ? "\"\"" : o->def;

        printf("%s %s %s %s\n", o->section == NULL ? "-" : o->section, o->name,
               conf_value_type_name(o->type), def);
    }
    for (const char *const *name = conf_listen_options; *name != NULL; name++)
        printf("listen %s %s -\n", *name, name == conf_listen_options ? "string-list" : "string");
    conf_rows_fini(&rows);
}

void
conf_default_path(const char *daemon, char *out, size_t out_bytes)
{
    snprintf(out, out_bytes, "%s/%s.conf", OUTRIDER_SYSCONFDIR, daemon);
}
