/*
 * The command line of `outrider`: options of the whole command and of the verb are told apart, the
 * verb is found in the tables, failures become exits.
 */
#include "common/cli/cli.h"

#include "common/base/buf.h"
#include "common/base/xalloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The command line while it is taken apart. */
struct parsing {
    const struct cli_verb *const *tables;
    size_t table_count;
    char **args; /* after the program's name */
    int at, count;
    struct cli cli;
    char *words[2]; /* GROUP NAME */
    size_t word_count;
    size_t option_count;
    bool wants_help;
    bool wants_version;
    bool options_over; /* after "--" */
};

const char *
cli_option(const struct cli *cli, const char *name)
{
    size_t n = strlen(name);

    for (char **o = cli->options; *o != NULL; o++) {
        const char *text = *o + 2;

        if (strncmp(text, name, n) == 0 && (text[n] == '=' || text[n] == '\0'))
            return text[n] == '=' ? text + n + 1 : "";
    }
    return NULL;
}

struct span
cli_printable(struct arena *mem, struct span s)
{
    char *copy = arena_strdup(mem, s);

    for (size_t i = 0; copy != NULL && i < s.n; i++)
        if (copy[i] < ' ' || copy[i] > '~')
            copy[i] = '?';
    return copy != NULL ? span_make(copy, s.n) : SPAN_EMPTY;
}

json_t *
cli_json_text(struct arena *mem, struct span s)
{
    struct span text = cli_printable(mem, s);

    return text.n != 0 ? json_stringn(text.p, text.n) : json_null();
}

void
cli_print_json(json_t *document)
{
    json_dumpf(document, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    putchar('\n');
    json_decref(document);
}

static int
fail_text(bool json, int status, const char *text)
{
    if (!json) {
        fprintf(stderr, "outrider: %s\n", text);
        return status;
    }
    json_t *error = json_object();
    /* What is no UTF-8 (a file name) is left out rather than the whole message. */
    json_t *string = json_string(text);

    json_object_set_new(error, "error", string != NULL ? string : json_string("(not UTF-8)"));
    cli_print_json(error);
    return status;
}

int
cli_fail(const struct cli *cli, int status, const char *fmt, ...)
{
    char text[2 * ERR_TEXT_BYTES];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return fail_text(cli->json, status, text);
}

int
cli_fail_status(const struct cli *cli, or_status st, const struct err *e)
{
    static const int exits[] = {
        [OR_OK] = CLI_YES,          [OR_ABSENT] = CLI_NO,         [OR_MALFORMED] = CLI_USAGE,
        [OR_LIMIT] = CLI_USAGE,     [OR_TEMPFAIL] = CLI_TEMPFAIL, [OR_TIMEOUT] = CLI_TEMPFAIL,
        [OR_CLOSED] = CLI_TEMPFAIL, [OR_CONFIG] = CLI_CONFIG,     [OR_BUG] = CLI_TEMPFAIL,
    };

    return fail_text(cli->json, exits[st], e->text[0] != '\0' ? e->text : or_status_name(st));
}

static bool
has_arguments(const struct cli_verb *v)
{
    return v->arguments != NULL && v->arguments[0] != '\0';
}

/* Between group and name. */
static const char *
verb_gap(const struct cli_verb *v)
{
    return v->name[0] != '\0' ? " " : "";
}

static void
print_verb(FILE *out, const struct cli_verb *v)
{
    fprintf(out, "  outrider %s%s%s%s%s\n      %s\n", v->group, verb_gap(v), v->name,
            has_arguments(v) ? " " : "", has_arguments(v) ? v->arguments : "", v->help);
    for (const char *const *o = v->options; o != NULL && *o != NULL; o++)
        fprintf(out, "      --%s\n", *o);
}

/* The verbs of `group`; all when it is NULL. The number printed. */
static size_t
print_verbs(FILE *out, const struct parsing *p, const char *group)
{
    size_t printed = 0;

    for (size_t i = 0; i < p->table_count; i++) {
        for (const struct cli_verb *v = p->tables[i]; v->group != NULL; v++) {
            if (group != NULL && strcmp(v->group, group) != 0)
                continue;
            print_verb(out, v);
            printed++;
        }
    }
    return printed;
}

static void
print_help(FILE *out, const struct parsing *p, const char *group)
{
    fputs("usage: outrider [--json] [--config FILE] GROUP VERB [arguments]\n", out);
    if (print_verbs(out, p, group) == 0)
        print_verbs(out, p, NULL);
    fputs("Exit: 0 yes, 1 no, 2 wrong use, 75 try later, 78 mend the set-up. See outrider(1).\n",
          out);
}

static const struct cli_verb *
find_verb(const struct parsing *p, const char *group, const char *name)
{
    for (size_t i = 0; i < p->table_count; i++)
        for (const struct cli_verb *v = p->tables[i]; v->group != NULL; v++)
            if (strcmp(v->group, group) == 0 && strcmp(v->name, name) == 0)
                return v;
    return NULL;
}

/* The value of the option at hand: behind its '=' or the next argument; NULL: there is none. */
static const char *
take_value(struct parsing *p, const char *argument)
{
    const char *equals = strchr(argument, '=');

    if (equals != NULL)
        return equals + 1;
    return p->at < p->count ? p->args[p->at++] : NULL;
}

/* Whether `argument` ("--name" or "--name=value") is the option `name`. */
static bool
is_option(const char *argument, const char *name, size_t n)
{
    return strncmp(argument + 2, name, n) == 0 &&
           (argument[2 + n] == '\0' || argument[2 + n] == '=');
}

static int
add_verb_option(struct parsing *p, const char *argument, const char *declared)
{
    size_t n = strcspn(declared, "=");
    char *text;

    if (declared[n] == '\0') {
        if (argument[2 + n] == '=')
            return cli_fail(&p->cli, CLI_USAGE, "--%s takes no value", declared);
        text = xstrdup(argument);
    } else {
        const char *value = take_value(p, argument);
        size_t bytes = n + (value == NULL ? 0 : strlen(value)) + 4;

        if (value == NULL)
            return cli_fail(&p->cli, CLI_USAGE, "--%.*s needs a value", (int)n, declared);
        text = xmalloc(bytes);
        snprintf(text, bytes, "--%.*s=%s", (int)n, declared, value);
    }
    p->cli.options[p->option_count++] = text;
    return CLI_YES;
}

static int
take_verb_option(struct parsing *p, const char *argument)
{
    const struct cli_verb *v = p->cli.verb;

    for (const char *const *o = v == NULL ? NULL : v->options; o != NULL && *o != NULL; o++)
        if (is_option(argument, *o, strcspn(*o, "=")))
            return add_verb_option(p, argument, *o);
    return cli_fail(&p->cli, CLI_USAGE, "unknown option %s%s", argument,
                    v == NULL ? " (options of a verb come after it)" : "");
}

static int
take_option(struct parsing *p, const char *argument)
{
    if (strcmp(argument, "--") == 0) {
        p->options_over = true;
    } else if (strcmp(argument, "--json") == 0) {
        p->cli.json = true;
    } else if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
        p->wants_help = true;
    } else if (strcmp(argument, "--version") == 0) {
        p->wants_version = true;
    } else if (is_option(argument, "config", strlen("config"))) {
        p->cli.config = take_value(p, argument);
        if (p->cli.config == NULL)
            return cli_fail(&p->cli, CLI_USAGE, "--config needs a file");
    } else {
        return take_verb_option(p, argument);
    }
    return CLI_YES;
}

static int
take_word(struct parsing *p, char *argument)
{
    if (p->word_count == 2) {
        p->cli.argv[p->cli.argc++] = argument;
        return CLI_YES;
    }
    p->words[p->word_count++] = argument;
    if (p->word_count < 2) {
        p->cli.verb = find_verb(p, argument, "");
        if (p->cli.verb != NULL)
            p->word_count = 2;
        return CLI_YES;
    }
    p->cli.verb = find_verb(p, p->words[0], p->words[1]);
    if (p->cli.verb == NULL)
        return cli_fail(&p->cli, CLI_USAGE,
                        "there is no \"outrider %s %s\"; outrider --help lists all", p->words[0],
                        p->words[1]);
    return CLI_YES;
}

static int
parse(struct parsing *p)
{
    int status = CLI_YES;

    /* Also a wrong command line is answered in JSON when it asks for it. */
    for (int i = 0; i < p->count && strcmp(p->args[i], "--") != 0; i++)
        p->cli.json |= strcmp(p->args[i], "--json") == 0;
    while (status == CLI_YES && p->at < p->count) {
        char *argument = p->args[p->at++];
        /* A single "-" is an argument: standard input. */
        bool option = !p->options_over && argument[0] == '-' && argument[1] != '\0';

        status = option ? take_option(p, argument) : take_word(p, argument);
    }
    return status;
}

static int
run_verb(struct parsing *p)
{
    const struct cli_verb *v = p->cli.verb;

    if (v == NULL) {
        print_help(stderr, p, p->words[0]);
        return CLI_USAGE;
    }
    if (p->cli.argc < v->min_args || p->cli.argc > v->max_args)
        return cli_fail(&p->cli, CLI_USAGE, "usage: outrider %s%s%s %s", v->group, verb_gap(v),
                        v->name, has_arguments(v) ? v->arguments : "(no arguments)");
    return v->run(&p->cli);
}

static int
dispatch(struct parsing *p)
{
    int status = parse(p);

    if (status != CLI_YES)
        return status;
    if (p->wants_version) {
        printf("outrider %s\n", OUTRIDER_VERSION);
        return CLI_YES;
    }
    if (!p->wants_help)
        return run_verb(p);
    if (p->cli.verb != NULL)
        print_verb(stdout, p->cli.verb);
    else
        print_help(stdout, p, p->words[0]);
    return CLI_YES;
}

int
cli_main(int argc, char **argv, const struct cli_verb *const *tables, size_t table_count)
{
    int count = argc > 0 ? argc - 1 : 0;
    struct parsing p = {
        .tables = tables, .table_count = table_count, .args = argv + 1, .count = count};

    p.cli.argv = xcalloc((size_t)count + 1, sizeof(*p.cli.argv));
    p.cli.options = xcalloc((size_t)count + 1, sizeof(*p.cli.options));
    int status = dispatch(&p);

    for (size_t i = 0; i < p.option_count; i++)
        free(p.cli.options[i]);
    free(p.cli.options);
    free(p.cli.argv);
    if (fflush(stdout) != 0 && status == CLI_YES)
        return cli_fail(&p.cli, CLI_TEMPFAIL, "cannot write to standard output");
    return status;
}
