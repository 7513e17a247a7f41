/*
 * From root to the daemon's own user, for good.
 */
#include "common/run/daemon_user.h"

#include "common/run/sysuser.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

struct identity {
    uid_t uid;
    gid_t gid;
};

static or_status
resolve(const struct conf_common *conf, struct identity *id_out, struct err *e)
{
    const char *group = conf->group != NULL && *conf->group != '\0' ? conf->group : NULL;

    if (conf->user == NULL || *conf->user == '\0')
        return err_set(e, OR_CONFIG,
                       "%s: user: not set; set user = \"...\" or do not start as root", conf->path);
    if (sysuser_find(conf->user, &id_out->uid, &id_out->gid) != OR_OK)
        return err_set(e, OR_CONFIG,
                       "%s: user: no such user \"%s\"; add it (useradd --system --no-create-home "
                       "%s) or set user = \"...\"",
                       conf->path, conf->user, conf->user);
    if (group != NULL && sysuser_find_group(group, &id_out->gid) != OR_OK)
        return err_set(e, OR_CONFIG,
                       "%s: group: no such group \"%s\"; add it (groupadd --system %s) or remove "
                       "the option",
                       conf->path, group, group);
    return OR_OK;
}

or_status
daemon_user_check(const struct conf_common *conf, struct err *e)
{
    struct identity id;

    return geteuid() == 0 ? resolve(conf, &id, e) : OR_OK;
}

static or_status
set_caps(const char *text)
{
    cap_t caps = cap_from_text(text);

    if (caps == NULL)
        return OR_BUG;
    int rc = cap_set_proc(caps);

    cap_free(caps);
    return rc == 0 ? OR_OK : OR_CONFIG;
}

static or_status
leave_root(const struct conf_common *conf, const struct identity *id, const char *keep_caps)
{
    if (keep_caps != NULL && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0)
        return OR_CONFIG;
    if (initgroups(conf->user, id->gid) != 0 || setresgid(id->gid, id->gid, id->gid) != 0 ||
        setresuid(id->uid, id->uid, id->uid) != 0)
        return OR_CONFIG;
    return keep_caps == NULL ? OR_OK : set_caps(keep_caps);
}

or_status
daemon_user_become(const struct conf_common *conf, const char *keep_caps, struct err *e)
{
    struct identity id = {(uid_t)-1, (gid_t)-1};

    if (geteuid() == 0) {
        or_status st = resolve(conf, &id, e);

        if (st != OR_OK)
            return st;
        /* user = "root" is the operator's word: no change then, capabilities stay as well. */
        if (id.uid != 0 && leave_root(conf, &id, keep_caps) != OR_OK)
            return err_set(e, OR_CONFIG,
                           "%s: user: cannot become %s: %s; start as full root or as %s",
                           conf->path, conf->user, os_error_text(errno), conf->user);
    } else if (conf->user != NULL) {
        log_debug("not started as root: going on as uid %d, not as %s", (int)geteuid(), conf->user);
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return err_set(e, OR_CONFIG, "no_new_privs: %s; run it on Linux 3.5 or later",
                       os_error_text(errno));
    return OR_OK;
}
