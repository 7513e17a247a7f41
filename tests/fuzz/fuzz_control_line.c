/*
 * Lines of authd's control socket, and the commands in them, from whoever can open it.
 */
#include "authd/accounts/account_sql.h"
#include "authd/control/control.h"
#include "authd/control/control_line.h"
#include "tests/support/temp_tree.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
show(void *context, json_t *row)
{
    (void)context;
    /* Whatever a list shows can be sent. */
    char *text = json_dumps(row, JSON_COMPACT);

    if (text == NULL)
        abort();
    free(text);
    return true;
}

static char directory[TEMP_TREE_PATH_BYTES];

static void
clean_up(void)
{
    temp_tree_remove(directory);
}

/* One database for all inputs: commands find what others left. */
static struct account_db *
open_once(void)
{
    static struct account_db *db;
    char path[TEMP_TREE_PATH_BYTES + 8];

    if (db != NULL)
        return db;
    temp_tree_make(directory);
    atexit(clean_up);
    snprintf(path, sizeof(path), "%s/db", directory);
    if (account_db_open(path, true, &db, NULL) != OR_OK ||
        sqlite3_exec(db->sqlite, "PRAGMA synchronous = OFF", NULL, NULL, NULL) != SQLITE_OK)
        abort();
    return db;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *request = NULL;
    struct arena mem;
    struct err e = {""};

    if (control_line_parse(span_make((const char *)data, size), &request, &e) != OR_OK)
        return 0;
    arena_init(&mem, CONTROL_ARENA_BYTES);
    struct control_call call = {.db = open_once(),
                                .caller = {.is_system = size % 2 == 0, .uid = 7},
                                .request = request,
                                .show = show,
                                .answer = json_object(),
                                .mem = &mem,
                                .e = &e};
    or_status st = control_run(&call);
    /* Every refusal says why. */
    if (st != OR_OK && e.text[0] == '\0')
        abort();
    if (st == OR_BUG)
        abort();
    json_decref(call.answer);
    json_decref(request);
    arena_fini(&mem);
    return 0;
}
