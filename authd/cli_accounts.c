/*
 * Asks authd over its control socket, or without it the database that it would use.
 */
#include "authd/cli_accounts.h"

#include "authd/accounts/password_make.h"
#include "authd/authd_conf.h"
#include "authd/control/control_line.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_TIMEOUT_MS 60000 /* of each wait; a change waits for others at the database */

/* Where the accounts are, by option or configuration. */
struct place {
    char database[PATH_MAX];
    char control[PATH_MAX]; /* the address; empty: there is no such socket */
};

static void
find_control(const struct conf_common *common, struct place *place)
{
    for (size_t i = 0; i < common->listener_count; i++)
        if (strcmp(common->listeners[i].service, "control") == 0)
            snprintf(place->control, sizeof(place->control), "%s",
                     common->listeners[i].addresses[0]);
}

/* What the configuration says. Without a file the defaults hold. OR_CONFIG. */
static or_status
read_configuration(struct cli_accounts *a, struct place *place)
{
    const struct cli *cli = a->cli;
    char conf_path[PATH_MAX];
    void *settings = NULL;

    if (cli->config != NULL) {
        snprintf(conf_path, sizeof(conf_path), "%s", cli->config);
    } else {
        conf_default_path(authd_schema.daemon, conf_path, sizeof(conf_path));
        if (access(conf_path, F_OK) != 0 && errno == ENOENT) {
            snprintf(place->database, sizeof(place->database), "%s", AUTHD_DEFAULT_DATABASE);
            return OR_OK;
        }
    }
    or_status st = conf_load(&authd_schema, conf_path, &settings, &a->e);

    if (st != OR_OK)
        return st;
    const struct authd_settings *s = settings;

    snprintf(place->database, sizeof(place->database), "%s", s->database);
    a->password_scheme = s->password_scheme;
    find_control(&s->common, place);
    conf_free(&authd_schema, settings);
    return OR_OK;
}

/* --database says where; the configuration, where there is one that can be read, says the rest. */
static or_status
configure(struct cli_accounts *a, struct place *place)
{
    const char *named = cli_option(a->cli, "database");
    or_status st = OR_OK;

    if (named == NULL || a->cli->config != NULL)
        st = read_configuration(a, place);
    if (st == OR_OK && named != NULL) {
        snprintf(place->database, sizeof(place->database), "%s", named);
        place->control[0] = '\0';
    }
    return st;
}

static or_status
open_database(struct cli_accounts *a, const char *path, enum cli_accounts_mode mode)
{
    /* A mistyped path must not leave an empty database behind. */
    if (mode == CLI_ACCOUNTS_CHANGE && access(path, F_OK) != 0 && errno == ENOENT)
        return err_set(&a->e, OR_ABSENT,
                       "%s: there is no accounts database yet; outrider domain add makes it", path);
    return account_db_open(path, mode != CLI_ACCOUNTS_READ, &a->db, &a->e);
}

int
cli_accounts_begin(struct cli_accounts *a, const struct cli *cli, enum cli_accounts_mode mode)
{
    struct place place = {.control = ""};
    struct err unreachable = {""};

    *a = (struct cli_accounts){.cli = cli, .password_scheme = PASSWORD_YESCRYPT};
    arena_init(&a->mem, CONTROL_ARENA_BYTES);
    or_status st = configure(a, &place);

    if (st != OR_OK)
        return cli_fail_status(cli, st, &a->e);
    if (place.control[0] != '\0' &&
        stream_connect(place.control, ANSWER_TIMEOUT_MS, &a->daemon, &unreachable) == OR_OK)
        return CLI_YES;
    st = open_database(a, place.database, mode);
    /* Whoever is not root learns why he could not ask authd, either. */
    if (st != OR_OK && unreachable.text[0] != '\0')
        st = err_wrap(&a->e, st, "%s", unreachable.text);
    return st == OR_OK ? CLI_YES : cli_fail_status(cli, st, &a->e);
}

void
cli_accounts_end(struct cli_accounts *a)
{
    stream_free(a->daemon);
    account_db_close(a->db);
    arena_fini(&a->mem);
}

int
cli_accounts_domain(struct cli_accounts *a, const char *text, struct span *domain_out)
{
    or_status st = account_domain_parse(span_cstr(text), &a->mem, domain_out, &a->e);

    return st == OR_OK ? CLI_YES : cli_fail_status(a->cli, st, &a->e);
}

int
cli_accounts_address(struct cli_accounts *a, const char *text, bool catch_all_ok,
                     struct account_address *address_out)
{
    or_status st =
        account_address_parse(span_cstr(text), catch_all_ok, &a->mem, address_out, &a->e);

    return st == OR_OK ? CLI_YES : cli_fail_status(a->cli, st, &a->e);
}

/* ---- asking */

json_t *
cli_accounts_request(const char *command, const char *key, struct span subject)
{
    json_t *request = json_pack("{s:s}", "command", command);

    if (subject.n != 0)
        cli_accounts_put(request, key, subject);
    return request;
}

void
cli_accounts_put(json_t *request, const char *key, struct span text)
{
    /* What is no UTF-8 is nothing that the accounts hold: they say so. */
    json_t *value = json_stringn(text.p, text.n);

    json_object_set_new(request, key, value != NULL ? value : json_null());
}

static or_status
send_request(struct cli_accounts *a, const json_t *request)
{
    char *text = json_dumps(request, JSON_COMPACT);
    or_status st = text == NULL ? OR_BUG : stream_write(a->daemon, span_cstr(text));

    free(text);
    if (st == OR_OK)
        st = stream_write(a->daemon, SPAN_LIT("\n"));
    return st == OR_OK ? stream_flush(a->daemon) : st;
}

/* The next line; rows are shown. OR_OK with *answer_out NULL: it was a row. */
static or_status
read_answer(struct cli_accounts *a, control_show show, void *context, json_t **answer_out)
{
    json_t *object = NULL;
    struct span line;
    or_status st = stream_read_line(a->daemon, CONTROL_MAX_LINE_BYTES, &line);

    *answer_out = NULL;
    if (st == OR_OK)
        st = control_line_parse(line, &object, &a->e);
    if (st != OR_OK)
        return st == OR_MALFORMED ? st : err_set(&a->e, OR_TEMPFAIL, "authd does not answer");
    json_t *row = json_object_get(object, "row");

    if (row == NULL) {
        *answer_out = object;
        return OR_OK;
    }
    if (show != NULL)
        (void)show(context, row);
    json_decref(object);
    return OR_OK;
}

static or_status
ask_daemon(struct cli_accounts *a, const json_t *request, control_show show, void *context,
           json_t **answer_out)
{
    or_status st = send_request(a, request);

    if (st != OR_OK)
        return err_set(&a->e, OR_TEMPFAIL, "authd does not answer");
    while (st == OR_OK && *answer_out == NULL)
        st = read_answer(a, show, context, answer_out);
    return st == OR_OK ? control_line_status(*answer_out, &a->e) : st;
}

static bool
ignore(void *context, json_t *row)
{
    (void)context, (void)row;
    return true;
}

static or_status
ask_database(struct cli_accounts *a, const json_t *request, control_show show, void *context,
             json_t **answer_out)
{
    *answer_out = json_object();
    struct control_call call = {.db = a->db,
                                .caller = {.is_system = true}, /* whom the file lets in */
                                .request = request,
                                .show = show != NULL ? show : ignore,
                                .context = context,
                                .answer = *answer_out,
                                .mem = &a->mem,
                                .e = &a->e};

    return control_run(&call);
}

or_status
cli_accounts_ask(struct cli_accounts *a, json_t *request, control_show show, void *context,
                 json_t **answer_out)
{
    json_t *answer = NULL;
    or_status st = a->daemon != NULL ? ask_daemon(a, request, show, context, &answer)
                                     : ask_database(a, request, show, context, &answer);

    json_decref(request);
    if (st == OR_OK && answer_out != NULL)
        *answer_out = json_incref(answer);
    json_decref(answer);
    return st;
}

int
cli_accounts_change(struct cli_accounts *a, json_t *request, const char *done, struct span name)
{
    return cli_accounts_report(a, cli_accounts_ask(a, request, NULL, NULL, NULL), done, name);
}

static bool
collect(void *list, json_t *row)
{
    json_array_append(list, row);
    return true;
}

int
cli_accounts_list(struct cli_accounts *a, json_t *request, const char *key, control_show print)
{
    json_t *list = a->cli->json ? json_array() : NULL;
    or_status st = cli_accounts_ask(a, request, list != NULL ? collect : print, list, NULL);

    if (st == OR_OK && list != NULL)
        cli_print_json(json_pack("{s:O}", key, list));
    json_decref(list);
    return st == OR_OK ? CLI_YES : cli_accounts_fail(a, st);
}

int
cli_accounts_fail(const struct cli_accounts *a, or_status st)
{
    /* The command line was right; it is the accounts that say no. */
    if (st == OR_MALFORMED)
        return cli_fail(a->cli, CLI_NO, "%s", a->e.text);
    return cli_fail_status(a->cli, st, &a->e);
}

int
cli_accounts_report(struct cli_accounts *a, or_status st, const char *done, struct span name)
{
    if (st != OR_OK)
        return cli_accounts_fail(a, st);
    if (a->cli->json)
        cli_print_json(json_pack("{s:o}", done, json_stringn(name.p, name.n)));
    else
        printf("%s %.*s\n", done, SPAN_ARG(name));
    return CLI_YES;
}
