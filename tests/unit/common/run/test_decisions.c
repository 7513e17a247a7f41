/* The ring of past decisions: what is found again, what the bounds take away, what a bad disk
 * costs. */
#include "common/run/decisions.h"

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "tests/support/temp_tree.h"
#include "tests/support/unit.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DAY_S 86400
#define NOW 1700000000

static char tree[TEMP_TREE_PATH_BYTES];
static char path[96];
static struct err e;

static void
set_up(void)
{
    temp_tree_make(tree);
    snprintf(path, sizeof(path), "%s/decisions.sqlite", tree);
    clock_fake(NOW);
}

static void
tear_down(void)
{
    clock_fake(0);
    temp_tree_remove(tree);
}

static struct decisions *
open_ring(int64_t keep_s, int64_t max_bytes)
{
    const struct decisions_settings settings = {
        .path = path, .keep_s = keep_s, .max_bytes = max_bytes};
    struct decisions *ring = NULL;

    ck_assert_msg(decisions_open(&settings, &ring, &e) == OR_OK, "%s", e.text);
    return ring;
}

static void
add(struct decisions *ring, const char *queue_id, const char *instance, const char *text)
{
    decisions_add(ring, &(struct decision){.time_ms = (int64_t)clock_now() * 1000,
                                           .queue_id = span_cstr(queue_id),
                                           .instance = span_cstr(instance),
                                           .text = span_cstr(text)});
}

static bool
note(void *context, const struct decision *d)
{
    struct buf *found = context;

    buf_addf(found, "%.*s|%.*s|%.*s ", SPAN_ARG(d->queue_id), SPAN_ARG(d->instance),
             SPAN_ARG(d->text));
    return true;
}

static const char *
find(const char *id)
{
    static char text[4096];
    struct buf found;

    buf_init(&found, sizeof(text) - 1);
    ck_assert_msg(decisions_find(path, span_cstr(id), note, &found, &e) == OR_OK, "%s", e.text);
    snprintf(text, sizeof(text), "%.*s", SPAN_ARG(buf_span(&found)));
    buf_fini(&found);
    return text;
}

static void
await_written(struct decisions *ring, uint64_t count)
{
    for (int i = 0; i < 1000 && decisions_count(ring).written < count; i++)
        usleep(10000);
    ck_assert_uint_eq(decisions_count(ring).written, count);
}

static int64_t
query(const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *step = NULL;

    ck_assert_int_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &step, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(step), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(step, 0);
    sqlite3_finalize(step);
    sqlite3_close(db);
    return value;
}

START_TEST(id_finds_what_shares_the_instance)
{
    static const struct {
        const char *id, *found;
    } rows[] = {
        {"4bX", "|1.2|rcpt 4bX|1.2|data 4bX||verdict "}, /* the first was asked without queue id */
        {"1.2", "|1.2|rcpt 4bX|1.2|data 4bX||verdict "}, /* the last knows no instance */
        {"1.3", "|1.3|other "},
        {"9", ""},
        {"4b", ""},
        {"", ""},
    };
    struct decisions *ring;

    set_up();
    ring = open_ring(7 * DAY_S, 64 << 20);
    add(ring, "", "1.2", "rcpt");
    add(ring, "", "1.3", "other");
    add(ring, "", "", "nobody");
    add(ring, "4bX", "1.2", "data");
    add(ring, "4bX", "", "verdict");
    await_written(ring, 5);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_str_eq(find(rows[i].id), rows[i].found); /* while the writer has it open */
    decisions_close(ring);
    ck_assert_str_eq(find("1.3"), "|1.3|other ");
    tear_down();
}
END_TEST

START_TEST(closing_writes_what_is_queued)
{
    set_up();
    for (int i = 0; i < 3; i++) {
        struct decisions *ring = open_ring(7 * DAY_S, 64 << 20);

        add(ring, "4bX", "", "x");
        decisions_close(ring);
    }
    ck_assert_str_eq(find("4bX"), "4bX||x 4bX||x 4bX||x ");
    decisions_add(NULL, &(struct decision){.time_ms = 1});
    decisions_close(NULL);
    tear_down();
}
END_TEST

START_TEST(old_ones_go)
{
    struct decisions *ring;

    set_up();
    ring = open_ring(DAY_S, 64 << 20);
    for (int i = 0; i < 1000; i++)
        add(ring, "old", "", "x");
    await_written(ring, 1000);
    clock_fake(NOW + DAY_S - 10);
    add(ring, "mid", "", "x");
    await_written(ring, 1001);
    ck_assert_int_eq(query("SELECT count(*) FROM decisions"), 1001);
    clock_fake(NOW + DAY_S + 10);
    add(ring, "new", "", "x");
    decisions_close(ring);
    ck_assert_str_eq(find("old"), "");
    ck_assert_str_eq(find("mid"), "mid||x ");
    ck_assert_str_eq(find("new"), "new||x ");
    tear_down();
}
END_TEST

START_TEST(file_stays_below_its_bound)
{
    static char text[2001];
    struct decisions *ring;
    struct stat st;
    char id[32];

    set_up();
    memset(text, 'x', sizeof(text) - 1);
    ring = open_ring(7 * DAY_S, DECISIONS_MIN_BYTES);
    for (int i = 0; i < 1000; i++) {
        snprintf(id, sizeof(id), "q%d", i);
        add(ring, id, id, text);
        if (i % 25 == 24) /* the queue takes a sixteenth of the bound */
            await_written(ring, (uint64_t)i + 1);
    }
    decisions_close(ring);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_le(st.st_size, DECISIONS_MIN_BYTES);
    ck_assert_int_ge(query("SELECT count(*) FROM decisions"), 250);
    ck_assert_str_eq(find("q0"), "");
    ck_assert_str_ne(find("q999"), "");
    tear_down();
}
END_TEST

/* Another process holds the file: the writer waits with one batch, six records fill the queue. */
START_TEST(full_queue_drops_and_counts)
{
    static char text[10001];
    sqlite3 *db = NULL;

    set_up();
    memset(text, 'x', sizeof(text) - 1);
    struct decisions *ring = open_ring(7 * DAY_S, DECISIONS_MIN_BYTES);
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    for (int i = 0; i < 40; i++)
        add(ring, "q", "", text);
    uint64_t dropped = decisions_count(ring).dropped;
    ck_assert_uint_ge(dropped, 28);
    ck_assert_uint_le(dropped, 34);
    ck_assert_int_eq(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    await_written(ring, 40 - dropped);
    add(ring, "later", "", "x");
    await_written(ring, 41 - dropped);
    ck_assert_uint_eq(decisions_count(ring).dropped, dropped);
    decisions_close(ring);
    tear_down();
}
END_TEST

START_TEST(disk_that_refuses_costs_records_only)
{
    struct decisions *ring;
    sqlite3 *db = NULL;

    set_up();
    ring = open_ring(7 * DAY_S, 64 << 20);
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, "ALTER TABLE decisions RENAME TO gone", NULL, NULL, NULL),
                     SQLITE_OK);
    add(ring, "q", "", "lost");
    for (int i = 0; i < 1000 && decisions_count(ring).dropped == 0; i++)
        usleep(10000);
    ck_assert_uint_eq(decisions_count(ring).dropped, 1);
    ck_assert_int_eq(sqlite3_exec(db, "ALTER TABLE gone RENAME TO decisions", NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    add(ring, "q", "", "kept");
    await_written(ring, 1);
    decisions_close(ring);
    ck_assert_str_eq(find("q"), "q||kept ");
    tear_down();
}
END_TEST

START_TEST(unusable_file_is_said_at_opening)
{
    struct decisions_settings settings = {.path = path, .keep_s = 1, .max_bytes = 1};
    struct decisions *ring = NULL;
    FILE *file;

    set_up();
    ck_assert_int_eq(decisions_find(path, SPAN_LIT("x"), note, NULL, &e), OR_ABSENT);
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs("this is no database, and longer than a header of one hundred bytes has to be, so that "
          "SQLite reads it\n",
          file);
    fclose(file);
    ck_assert_int_eq(decisions_open(&settings, &ring, &e), OR_CONFIG);
    ck_assert_ptr_nonnull(strstr(e.text, path));
    ck_assert_int_eq(decisions_find(path, SPAN_LIT("x"), note, NULL, &e), OR_CONFIG);
    settings.path = "/nowhere/decisions.sqlite";
    ck_assert_int_eq(decisions_open(&settings, &ring, &e), OR_CONFIG);
    ck_assert_ptr_nonnull(strstr(e.text, "/nowhere"));
    tear_down();
}
END_TEST

START_TEST(death_leaves_what_was_written)
{
    int pipe_fds[2], status;
    char byte;

    set_up();
    ck_assert_int_eq(pipe(pipe_fds), 0);
    pid_t child = fork();
    if (child == 0) {
        struct decisions *ring = open_ring(7 * DAY_S, 64 << 20);

        add(ring, "4bX", "", "x");
        await_written(ring, 1);
        (void)!write(pipe_fds[1], "x", 1);
        pause();
        _exit(0);
    }
    ck_assert_int_eq(read(pipe_fds[0], &byte, 1), 1);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    ck_assert_str_eq(find("4bX"), "4bX||x "); /* nobody has recovered the file yet */
    struct decisions *ring = open_ring(7 * DAY_S, 64 << 20);
    add(ring, "4bX", "", "y");
    decisions_close(ring);
    ck_assert_str_eq(find("4bX"), "4bX||x 4bX||y ");
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    tear_down();
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("decisions");
    TCase *c = tcase_create("all");

    tcase_set_timeout(c, 60);
    tcase_add_test(c, id_finds_what_shares_the_instance);
    tcase_add_test(c, closing_writes_what_is_queued);
    tcase_add_test(c, old_ones_go);
    tcase_add_test(c, file_stays_below_its_bound);
    tcase_add_test(c, full_queue_drops_and_counts);
    tcase_add_test(c, disk_that_refuses_costs_records_only);
    tcase_add_test(c, unusable_file_is_said_at_opening);
    tcase_add_test(c, death_leaves_what_was_written);
    suite_add_tcase(s, c);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
