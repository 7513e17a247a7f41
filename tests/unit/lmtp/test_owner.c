/* Switching the file-system identity of one thread. */
#include "lmtp/owner.h"

#include "tests/support/temp_tree.h"
#include "tests/support/unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
is_us(void)
{
    return (uid_t)setfsuid((uid_t)-1) == geteuid() && (gid_t)setfsgid((gid_t)-1) == getegid();
}

START_TEST(own_identity_needs_nothing)
{
    struct owner us = {geteuid(), getegid()};
    struct owner_switch back;

    ck_assert_int_eq(owner_enter(&us, &back, NULL), OR_OK);
    ck_assert(!back.active);
    owner_leave(&back);
    ck_assert(is_us());
}
END_TEST

START_TEST(without_rights_it_says_what_to_do)
{
    struct owner other = {geteuid() + 1, getegid() + 1};
    struct owner_switch back;
    struct err e;

    if (geteuid() == 0)
        return; /* root may do it: the next test */
    ck_assert_int_eq(owner_enter(&other, &back, &e), OR_CONFIG);
    ck_assert_ptr_nonnull(strstr(e.text, "CAP_SETUID"));
    owner_leave(&back);
    ck_assert(is_us());
}
END_TEST

static void *
look_from_another_thread(void *result)
{
    *(bool *)result = is_us();
    return NULL;
}

START_TEST(root_becomes_the_owner_in_this_thread_only)
{
    struct owner other = {temp_tree_uid(), temp_tree_gid()};
    struct owner_switch back;
    char root[TEMP_TREE_PATH_BYTES], path[128];
    bool others_unchanged = false;
    pthread_t thread;
    struct stat st;

    if (geteuid() != 0)
        return; /* the test before */
    temp_tree_make(root);
    int groups_before = getgroups(0, NULL);
    ck_assert_int_eq(owner_enter(&other, &back, NULL), OR_OK);
    ck_assert(back.active);
    snprintf(path, sizeof(path), "%s/file", root);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    /* Nothing of root's is left: neither its files nor its groups. */
    int forbidden = open("/etc/shadow", O_RDONLY | O_CLOEXEC);
    int groups_inside = getgroups(0, NULL);
    ck_assert_int_eq(pthread_create(&thread, NULL, look_from_another_thread, &others_unchanged), 0);
    pthread_join(thread, NULL);
    owner_leave(&back);
    owner_leave(&back);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_lt(forbidden, 0);
    ck_assert_int_eq(groups_inside, 1);
    ck_assert_int_eq(getgroups(0, NULL), groups_before);
    ck_assert(is_us());
    ck_assert_int_eq(fstat(fd, &st), 0);
    ck_assert_uint_eq(st.st_uid, other.uid);
    ck_assert_uint_eq(st.st_gid, other.gid);
    close(fd);
    temp_tree_remove(root);
}
END_TEST

START_TEST(owners_take_turns)
{
    struct owner first = {temp_tree_uid(), temp_tree_gid()};
    struct owner second = {temp_tree_uid() + 1, temp_tree_gid() + 1};
    struct owner us = {geteuid(), getegid()};
    struct owner_switch turn = {0};

    if (geteuid() != 0)
        return;
    const struct owner *order[] = {&first, &first, &second, &us, &first};
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        ck_assert_int_eq(owner_become(order[i], &turn, NULL), OR_OK);
        ck_assert_uint_eq((uid_t)setfsuid((uid_t)-1), order[i]->uid);
        ck_assert_uint_eq((gid_t)setfsgid((gid_t)-1), order[i]->gid);
    }
    owner_leave(&turn);
    ck_assert(is_us());
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("owner");
    TCase *t = tcase_create("identity");

    tcase_add_test(t, own_identity_needs_nothing);
    tcase_add_test(t, without_rights_it_says_what_to_do);
    tcase_add_test(t, root_becomes_the_owner_in_this_thread_only);
    tcase_add_test(t, owners_take_turns);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
