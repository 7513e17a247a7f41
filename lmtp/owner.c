/*
 * setfsuid(2), setfsgid(2) and setgroups(2) act on one thread when called as bare system calls; the
 * C library's setgroups() would change all threads, so it is not used.
 *
 * setfsuid() reports no errors: asking a second time, for an impossible id, tells what is in force.
 */
#include "lmtp/owner.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

bool
owner_equal(const struct owner *a, const struct owner *b)
{
    return a->uid == b->uid && a->gid == b->gid;
}

static bool
set_thread_groups(int count, const gid_t *groups)
{
    return syscall(SYS_setgroups, count, groups) == 0;
}

static bool
set_thread_ids(uid_t uid, gid_t gid)
{
    setfsgid(gid);
    setfsuid(uid);
    return (gid_t)setfsgid((gid_t)-1) == gid && (uid_t)setfsuid((uid_t)-1) == uid;
}

static void
restore(const struct owner_switch *back)
{
    if (!set_thread_ids(geteuid(), getegid()) ||
        !set_thread_groups(back->group_count, back->groups))
        abort();
}

or_status
owner_enter(const struct owner *owner, struct owner_switch *back_out, struct err *e)
{
    const char *cure = "start lmtpd as root, which leaves it CAP_SETUID and CAP_SETGID, or set "
                       "`user` and `group` to the owner of the mailboxes";

    back_out->active = false;
    if (owner->uid == geteuid() && owner->gid == getegid())
        return OR_OK;
    back_out->group_count = getgroups(OWNER_MAX_GROUPS, back_out->groups);
    if (back_out->group_count < 0)
        return err_set(e, OR_CONFIG, "lmtpd's user is in more than %d groups", OWNER_MAX_GROUPS);
    if (!set_thread_groups(1, &owner->gid))
        return err_set(e, OR_CONFIG,
                       "mailbox belongs to uid %u gid %u, lmtpd runs as uid %u gid %u: %s",
                       (unsigned)owner->uid, (unsigned)owner->gid, (unsigned)geteuid(),
                       (unsigned)getegid(), cure);
    if (!set_thread_ids(owner->uid, owner->gid)) {
        restore(back_out);
        return err_set(e, OR_CONFIG, "cannot become uid %u gid %u: %s", (unsigned)owner->uid,
                       (unsigned)owner->gid, cure);
    }
    back_out->active = true;
    back_out->owner = *owner;
    return OR_OK;
}

or_status
owner_become(const struct owner *owner, struct owner_switch *turn, struct err *e)
{
    if (turn->active && owner_equal(&turn->owner, owner))
        return OR_OK;
    owner_leave(turn);
    return owner_enter(owner, turn, e);
}

void
owner_leave(struct owner_switch *back)
{
    if (back->active)
        restore(back);
    back->active = false;
}
