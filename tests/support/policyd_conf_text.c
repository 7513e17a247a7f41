#include "tests/support/policyd_conf_text.h"

#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

or_status
policyd_conf_text(const char *text, struct policyd_settings **settings_out, struct err *e)
{
    char path[] = "/tmp/outrider-policyd-conf-XXXXXX";
    int fd = mkstemp(path);
    void *loaded = NULL;

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    or_status st = conf_load(&policyd_conf_schema, path, &loaded, e);
    unlink(path);
    *settings_out = loaded;
    return st;
}
