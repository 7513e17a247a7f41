/*
 * Configuration: one libconfuse file per daemon, described by one table, delivered as one typed
 * struct.
 *
 * An option is one row. What is unknown, of the wrong type or out of range stops the load with one
 * line naming file, line, option, what stood there and what is allowed. Every daemon's settings
 * struct begins with struct conf_common, whose options (`listen`, `log`, ...) and, where the schema
 * says so, the `dns` section are known to this module.
 *
 * Threads: conf_load() in one thread at a time (libconfuse's scanner is global); a loaded struct is
 * immutable.
 */
#ifndef OUTRIDER_COMMON_RUN_CONF_H
#define OUTRIDER_COMMON_RUN_CONF_H

#include "common/base/log.h"
#include "common/text/ip.h"

#include <sys/types.h>

/* What lands at the row's offset:           type of the target field */
enum conf_type {
    CONF_STRING,      /* char *, NULL when there is no default */
    CONF_STRING_LIST, /* struct conf_list */
    CONF_BOOL,        /* bool; written true/false, yes/no, on/off */
    CONF_INT,         /* int64_t, within min..max */
    CONF_DURATION,    /* int64_t milliseconds; written 500ms, 30s, 5m, 1h, 7d; min..max in ms */
    CONF_SIZE,        /* int64_t bytes; written 512, 64K, 10M, 1G; min..max in bytes */
    CONF_ENUM,        /* int: index into words */
    CONF_CIDR_LIST,   /* struct conf_cidrs */
};

struct conf_list {
    char **items;
    size_t count;
};

struct conf_cidrs {
    struct cidr *items;
    size_t count;
};

/* The sections `NAME { ... }` there can be once: `section` of a row names one; NULL is the top
 * level.
 */
struct conf_option {
    const char *section;
    const char *name; /* kebab-case */
    enum conf_type type;
    size_t offset;   /* into the daemon's settings struct */
    const char *def; /* as it would stand in the file; lists comma-separated; NULL = none */
    int64_t min, max;
    const char *const *words; /* CONF_ENUM: NULL-terminated */
    bool required;            /* absent is an error (only where no default can be right) */
    const char *help;         /* one line */
};

/* Sections that there may be any number of, each with a title of its own:
 *
 *     key "s2026" { domain = "example.org" }
 *
 * The settings struct has a struct conf_items, each item is a struct of the daemon's that begins
 * with struct conf_item. They stand in the order of the file; a title that comes twice is an error.
 */
#define CONF_MAX_ITEMS 10000

struct conf_item {
    char *title;
    unsigned line; /* for later errors */
};

struct conf_items {
    void *items;
    size_t count;
};

struct conf_section {
    const char *name;
    const struct conf_option *options; /* offsets into the item; their `section` is this name */
    size_t option_count;
    size_t item_bytes;
    size_t offset; /* of the struct conf_items in the settings */
};

#define CONF_MAX_LISTENERS 16
#define CONF_MAX_ADDRESSES 8

/* listen SERVICE { address = {"unix:/path", "inet:127.0.0.1:10040", "inet:[::1]:10040"}
 *                  owner = "outrider"  group = "postfix"  mode = "0660" }
 * owner, group and mode are for unix sockets. What a section leaves out is the service's default.
 */
struct conf_listener {
    char *service;
    char *addresses[CONF_MAX_ADDRESSES];
    size_t address_count;
    char *owner;           /* NULL: as created */
    char *group;           /* NULL: as created (group = "") */
    bool group_is_default; /* the service's, not the file's: given up without root instead of
                              failing */
    mode_t mode;
    unsigned line; /* of the section, for later errors; 0 = default */
};

/* Every settings struct begins with this. */
struct conf_common {
    char *path; /* the file it came from */
    struct conf_listener listeners[CONF_MAX_LISTENERS];
    size_t listener_count;
    int log_target; /* log = stderr | syslog */
    int log_format; /* log-format = plain | json */
    int log_level;  /* log-level = error | warning | info | debug */
    char *user;     /* user = "outrider-milter": who to become when started as root */
    char *group;
    char *metrics_listen;     /* address of the metrics; empty: none */
    int64_t max_connections;  /* over all listeners */
    int64_t idle_timeout_ms;  /* idle-timeout: a connection between two requests */
    int64_t io_timeout_ms;    /* io-timeout: one read or write inside a request */
    int64_t drain_timeout_ms; /* drain-timeout: what SIGTERM grants to work in hand */
    /* dns { servers, timeout, try-timeout, cache-size, resolv-conf }, where the schema uses it */
    struct conf_list dns_servers;
    char *dns_resolv_conf;
    int64_t dns_timeout_ms;     /* one question, all tries */
    int64_t dns_try_timeout_ms; /* one try at one server */
    int64_t dns_cache_bytes;
};

/* A service that the daemon can listen with, and where it does when no `listen` section names it.
 */
struct conf_service {
    const char *name;
    const char *default_address; /* NULL: only when configured */
    const char *default_group;   /* NULL: as created */
    mode_t default_mode;
};

struct conf_schema {
    const char *daemon; /* "policyd": default path SYSCONFDIR/outrider/policyd.conf */
    size_t settings_bytes;
    const struct conf_option *options;
    size_t option_count;
    const struct conf_section *sections;
    size_t section_count;
    const struct conf_service *services;
    size_t service_count;
    bool uses_dns;
    const char *default_user; /* of conf_common.user */
    /* What no single row can say ("a needs b"). NULL: nothing. */
    or_status (*check)(void *settings, struct err *e);
};

/* OR_CONFIG with a text "PATH:LINE: ..." that ends with the cure. *settings_out (the daemon's
 * struct) is freed with conf_free(). */
or_status conf_load(const struct conf_schema *schema, const char *path, void **settings_out,
                    struct err *e) OR_MUST_USE;
void conf_free(const struct conf_schema *schema, void *settings);

/* The item at `at`, which must be below items->count. */
const void *
conf_item_at(const struct conf_section *section, const struct conf_items *items, size_t at);

/* SYSCONFDIR "/outrider/<daemon>.conf"; static per schema name, valid for the process. */
void conf_default_path(const char *daemon, char *out, size_t out_bytes);

/* One line per option, for the lint that compares table, sample file and manual page: "section name
 * type default". Includes the common options. */
void conf_print_options(const struct conf_schema *schema);

#endif
