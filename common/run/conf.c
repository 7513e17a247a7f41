/*
 * From libconfuse's callbacks to a typed struct. Every option is a string to libconfuse; its value
 * goes through conf_value.c or conf_listen.c at the moment the parser meets it, because only then
 * is the line known. Everything libconfuse would forgive (an option twice, the last one winning) is
 * an error.
 */
#include "common/run/conf.h"

#include "common/base/xalloc.h"
#include "common/run/conf_items.h"
#include "common/run/conf_listen.h"
#include "common/run/conf_rows.h"
#include "common/run/conf_text.h"
#include "common/run/conf_value.h"
#include "common/run/endpoint.h"

#include <confuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libconfuse reads the default of a section's list when the section begins: that is how we learn
 * the line of a section with a title. No file can hold this value, control bytes are refused. */
#define SECTION_BEGINS "\x01"
/* The option whose default that is, in sections other than `listen`: no file can set it. */
#define BEGIN_OPTION "="

struct loading {
    const struct conf_schema *schema;
    const char *path;
    void *settings;
    struct conf_common *common; /* the beginning of `settings` */
    struct conf_rows rows;
    bool failed; /* `e` holds the first fault: the one nearest to its cause */
    struct err *e;
};

/* libconfuse's callbacks carry no context. One load at a time, as conf.h says. */
static struct loading *now_loading;

static int
report(struct loading *l, int line, const char *section, const char *option, const char *fault)
{
    bool has_section = *section != '\0', has_option = *option != '\0';

    if (!l->failed)
        err_set(l->e, OR_CONFIG, "%s:%d: %s%s%.60s%s%s", l->path, line, section,
                has_section && has_option ? " " : "", option, has_section || has_option ? ": " : "",
                fault);
    l->failed = true;
    return -1;
}

/* "" for the top level, "dns", "listen policy". */
static void
section_label(const cfg_t *cfg, char *out, size_t out_bytes)
{
    if (strcmp(cfg->name, "root") == 0)
        snprintf(out, out_bytes, "%s", "");
    else
        snprintf(out, out_bytes, "%s%s%.60s", cfg->name, cfg->title == NULL ? "" : " ",
                 cfg->title == NULL ? "" : cfg->title);
}

static int
report_in(cfg_t *cfg, const char *option, const char *fault)
{
    char label[128];

    section_label(cfg, label, sizeof(label));
    return report(now_loading, cfg->line, label, option, fault);
}

/* What the offset of a row's option counts from: the settings, or the item of the section under
 * way. */
static void *
target_of(struct loading *l, const struct conf_row *row)
{
    if (row->repeated == NULL)
        return l->settings;
    return conf_items_at(row->repeated, l->settings,
                         conf_items_count(row->repeated, l->settings) - 1);
}

static int
on_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
    struct loading *l = now_loading;
    const char *section = strcmp(cfg->name, "root") == 0 ? NULL : cfg->name;
    struct conf_row *row = conf_rows_find(&l->rows, section, opt->name);
    struct err why;

    *(const char **)result = value;
    if (l->failed) /* a section that could not begin has no item to fill */
        return -1;
    if (row == NULL)
        return report_in(cfg, opt->name, "unknown option; look for a stray quote");
    /* Of a list, only the first value of an assignment stands alone. */
    if (row->line != 0 && opt->nvalues <= 1) {
        err_set(&why, OR_CONFIG, "set a second time (first on line %u); remove one", row->line);
        return report_in(cfg, opt->name, why.text);
    }
    row->line = (unsigned)cfg->line;
    if (conf_value_set(&row->option, target_of(l, row), value, &why) != OR_OK)
        return report_in(cfg, opt->name, why.text);
    return 0;
}

static const struct conf_section *
find_section(const struct conf_schema *schema, const char *name)
{
    for (size_t i = 0; i < schema->section_count; i++)
        if (strcmp(schema->sections[i].name, name) == 0)
            return &schema->sections[i];
    return NULL;
}

/* libconfuse aborts when a default is refused, so this never is: a fault is reported, and the next
 * value or the end of the parse fails. */
static int
on_section_begin(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
    struct loading *l = now_loading;
    const struct conf_section *section = find_section(l->schema, cfg->name);
    struct err why;

    (void)opt;
    *(const char **)result = value;
    if (l->failed)
        return 0;
    for (size_t i = 0; i < l->rows.count; i++)
        if (l->rows.rows[i].repeated == section)
            l->rows.rows[i].line = 0;
    if (conf_items_begin(section, l->settings, cfg->title, (unsigned)cfg->line, &why) != OR_OK)
        report_in(cfg, "", why.text);
    return 0;
}

static int
on_listen_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
    struct loading *l = now_loading;
    struct err why;

    *(const char **)result = value;
    if (l->failed)
        return -1;
    if (strcmp(value, SECTION_BEGINS) == 0) {
        /* libconfuse aborts when a default is refused: the next value or the end of the parse
         * fails. */
        if (conf_listen_begin(l->common, l->schema, cfg->title, (unsigned)cfg->line, &why) != OR_OK)
            report_in(cfg, "", why.text);
        return 0;
    }
    if (conf_listen_set(l->common, opt->name, value, &why) != OR_OK)
        return report_in(cfg, opt->name, why.text);
    return 0;
}

/* libconfuse's messages in our words: what the "%s" of a message is about comes before or into
 * them. */
static const struct {
    const char *message;
    const char *fault;
    bool is_token; /* the message is about a piece of text, not an option */
} parse_faults[] = {
    {"no such option '%s'", "unknown option; the manual page lists those there are", false},
    {"missing equal sign after option '%s'", "no \"=\" after this option; write NAME = VALUE",
     false},
    {"missing opening brace for section '%s'", "a section, not a value; write NAME { ... }", false},
    {"missing title for section '%s'",
     "a section with a name; write listen SERVICE { ... }, others NAME \"TITLE\" { ... }", false},
    {"unexpected token '%s'",
     "cannot stand here; write NAME = VALUE, and lists as NAME = {\"A\", \"B\"}", true},
    {"unexpected closing brace", "a \"}\" too many; remove it or add the \"{\" before", false},
    {"premature end of file", "the file ends where a value should stand; write NAME = VALUE",
     false},
};

static void
on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
    char text[256];

    for (size_t i = 0; i < sizeof(parse_faults) / sizeof(parse_faults[0]); i++) {
        if (strcmp(fmt, parse_faults[i].message) != 0)
            continue;
        const char *about = strstr(fmt, "%s") != NULL ? va_arg(ap, const char *) : "";

        snprintf(text, sizeof(text), "\"%.60s\" %s", about, parse_faults[i].fault);
        if (parse_faults[i].is_token)
            report_in(cfg, "", text);
        else
            report_in(cfg, about, parse_faults[i].fault);
        return;
    }
    vsnprintf(text, sizeof(text), fmt, ap);
    report_in(cfg, "", text);
}

static cfg_opt_t
make_option(const char *name, bool is_list, cfg_callback_t on)
{
    /* CFGF_NODEFAULT: defaults are ours to fill in. */
    cfg_opt_t scalar = CFG_STR_CB(name, NULL, CFGF_NODEFAULT, on);
    cfg_opt_t list = CFG_STR_LIST_CB(name, NULL, CFGF_NODEFAULT, on);

    return is_list ? list : scalar;
}

static cfg_opt_t *
make_listen_options(void)
{
    cfg_opt_t begin =
        CFG_STR_LIST_CB("address", "{\"" SECTION_BEGINS "\"}", CFGF_NONE, on_listen_value);
    cfg_opt_t end = CFG_END();
    cfg_opt_t *options = xcalloc(8, sizeof(*options));
    size_t n = 0;

    options[n++] = begin;
    for (const char *const *name = conf_listen_options + 1; *name != NULL; name++)
        options[n++] = make_option(*name, false, on_listen_value);
    options[n] = end;
    return options;
}

/* The rows of one section (NULL: top level), with room for `extra` more before the end mark. */
static cfg_opt_t *
make_section_options(const struct conf_rows *rows, const char *section, size_t extra, size_t *n_out)
{
    cfg_opt_t end = CFG_END();
    cfg_opt_t *options = xcalloc(rows->count + extra + 1, sizeof(*options));
    size_t n = 0;

    for (size_t i = 0; i < rows->count; i++) {
        const struct conf_option *o = &rows->rows[i].option;

        if (conf_rows_same_section(o->section, section))
            options[n++] = make_option(o->name, conf_value_is_list(o->type), on_value);
    }
    options[n] = end;
    *n_out = n;
    return options;
}

/* The first row that names its section: the section is declared there. */
static bool
is_first_of_section(const struct conf_rows *rows, size_t at)
{
    if (rows->rows[at].option.section == NULL)
        return false;
    for (size_t i = 0; i < at; i++)
        if (conf_rows_same_section(rows->rows[i].option.section, rows->rows[at].option.section))
            return false;
    return true;
}

/* A section of the first row that names it; with room for the option that tells its beginning. */
static cfg_opt_t
make_section(const struct conf_rows *rows, const struct conf_row *first)
{
    const char *name = first->option.section;
    size_t n;
    cfg_opt_t *options = make_section_options(rows, name, 1, &n);
    cfg_opt_t once = CFG_SEC(name, options, CFGF_NONE);
    cfg_opt_t many = CFG_SEC(name, options, CFGF_MULTI | CFGF_TITLE);
    cfg_opt_t begin =
        CFG_STR_LIST_CB(BEGIN_OPTION, "{\"" SECTION_BEGINS "\"}", CFGF_NONE, on_section_begin);
    cfg_opt_t end = CFG_END();

    if (first->repeated == NULL)
        return once;
    options[n++] = begin;
    options[n] = end;
    return many;
}

static cfg_opt_t *
make_all_options(const struct conf_rows *rows, bool has_services)
{
    size_t n;
    cfg_opt_t *options = make_section_options(rows, NULL, rows->count + 1, &n);
    cfg_opt_t end = CFG_END();

    for (size_t i = 0; i < rows->count; i++)
        if (is_first_of_section(rows, i))
            options[n++] = make_section(rows, &rows->rows[i]);
    if (has_services) {
        cfg_opt_t listen = CFG_SEC("listen", make_listen_options(), CFGF_MULTI | CFGF_TITLE);

        options[n++] = listen;
    }
    options[n] = end;
    return options;
}

static void
free_options(cfg_opt_t *options)
{
    for (cfg_opt_t *o = options; o->name != NULL; o++)
        free(o->subopts);
    free(options);
}

/* Also by an empty list, for which no value comes by. */
static bool
was_assigned(cfg_t *section, const struct conf_option *o)
{
    cfg_opt_t *opt = section == NULL ? NULL : cfg_getopt(section, o->name);

    return opt != NULL && (opt->flags & CFGF_MODIFIED) != 0;
}

/* `label`: the section with a blank behind it, or "". */
static or_status
fill_default(struct loading *l, const struct conf_option *o, void *target, const char *label)
{
    if (o->required)
        return err_set(l->e, OR_CONFIG, "%s: %s%s: not set; add %s = ... (%s)", l->path, label,
                       o->name, o->name, o->help);
    or_status st = conf_value_set_default(o, target, l->e);

    return st == OR_OK ? OR_OK : err_wrap(l->e, st, "%s: default of %s", l->path, o->name);
}

/* Every item of a repeated section. An assigned but empty list stays empty. */
static or_status
fill_item_defaults(struct loading *l, cfg_t *cfg, const struct conf_row *row)
{
    const struct conf_option *o = &row->option;
    char label[128];
    or_status st = OR_OK;

    for (size_t i = 0; i < conf_items_count(row->repeated, l->settings) && st == OR_OK; i++) {
        const struct conf_item *item = conf_items_at(row->repeated, l->settings, i);

        snprintf(label, sizeof(label), "%s \"%.60s\" (line %u) ", o->section, item->title,
                 item->line);
        if (!was_assigned(cfg_getnsec(cfg, o->section, (unsigned)i), o))
            st = fill_default(l, o, conf_items_at(row->repeated, l->settings, i), label);
    }
    return st;
}

/* Defaults for what the file does not set. */
static or_status
fill_defaults(struct loading *l, cfg_t *cfg)
{
    or_status st = OR_OK;
    char label[128];

    for (size_t i = 0; i < l->rows.count && st == OR_OK; i++) {
        const struct conf_row *row = &l->rows.rows[i];
        const struct conf_option *o = &row->option;

        if (row->repeated != NULL) {
            st = fill_item_defaults(l, cfg, row);
            continue;
        }
        snprintf(label, sizeof(label), "%s%s", o->section == NULL ? "" : o->section,
                 o->section == NULL ? "" : " ");
        if (row->line == 0 &&
            !was_assigned(o->section == NULL ? cfg : cfg_getsec(cfg, o->section), o))
            st = fill_default(l, o, l->settings, label);
    }
    return st;
}

static or_status
parse_text(struct loading *l, const char *text)
{
    cfg_opt_t *options = make_all_options(&l->rows, l->schema->service_count > 0);

    now_loading = l;
    cfg_t *cfg = cfg_init(options, CFGF_NONE);

    free_options(options);
    if (cfg == NULL)
        return err_set(l->e, OR_BUG, "%s: cfg_init failed", l->path);
    cfg_set_error_function(cfg, on_error);
    int rc = cfg_parse_buf(cfg, text);

    if (rc != CFG_SUCCESS && !l->failed)
        report_in(cfg, "", "cannot be parsed");
    or_status st = l->failed ? OR_CONFIG : fill_defaults(l, cfg);

    cfg_free(cfg);
    now_loading = NULL;
    return st;
}

static or_status
check_metrics_listen(struct loading *l)
{
    const char *address = l->common->metrics_listen;
    struct endpoint unused;

    if (address[0] == '\0' || endpoint_parse(address, &unused, l->e) == OR_OK)
        return OR_OK;
    return err_wrap(l->e, OR_CONFIG, "%s:%u: metrics-listen", l->path,
                    conf_rows_find(&l->rows, NULL, "metrics-listen")->line);
}

static or_status
load_text(struct loading *l, char *text)
{
    or_status st = conf_text_check(l->path, text, l->e);

    if (st == OR_OK)
        st = parse_text(l, text);
    if (st != OR_OK)
        return st;
    conf_listen_finish(l->common, l->schema);
    st = check_metrics_listen(l);
    if (st != OR_OK)
        return st;
    if (l->schema->check == NULL)
        return OR_OK;
    st = l->schema->check(l->settings, l->e);
    return st == OR_OK ? OR_OK : err_wrap(l->e, OR_CONFIG, "%s", l->path);
}

or_status
conf_load(const struct conf_schema *schema, const char *path, void **settings_out, struct err *e)
{
    char *text;
    or_status st = conf_text_read(path, &text, e);

    if (st != OR_OK)
        return st;
    void *settings = xcalloc(1, schema->settings_bytes);
    struct loading l = {
        .schema = schema, .path = path, .settings = settings, .common = settings, .e = e};

    l.common->path = xstrdup(path);
    conf_rows_init(&l.rows, schema);
    st = load_text(&l, text);
    conf_rows_fini(&l.rows);
    free(text);
    if (st != OR_OK) {
        conf_free(schema, settings);
        return st;
    }
    *settings_out = settings;
    return OR_OK;
}

void
conf_free(const struct conf_schema *schema, void *settings)
{
    struct conf_common *common = settings;
    struct conf_rows rows;

    if (settings == NULL)
        return;
    conf_rows_init(&rows, schema);
    for (size_t i = 0; i < rows.count; i++)
        if (rows.rows[i].repeated == NULL)
            conf_value_clear(&rows.rows[i].option, settings);
    conf_rows_fini(&rows);
    for (size_t i = 0; i < schema->section_count; i++)
        conf_items_clear(&schema->sections[i], settings);
    conf_listen_clear(common);
    free(common->path);
    free(settings);
}
