/*
 * One line, without its end.
 */
#include "common/run/password_file.h"

#include "common/base/crypto.h"
#include "common/base/xalloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PASSWORD_MAX_BYTES 1024

or_status
password_file_read(const char *path, char **password_out, struct err *e)
{
    char line[PASSWORD_MAX_BYTES];
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return err_set(e, OR_CONFIG, "%s: %s", path, os_error_text(errno));
    bool read = fgets(line, sizeof(line), file) != NULL;
    fclose(file);
    if (!read)
        return err_set(e, OR_CONFIG, "%s: no password in its first line", path);
    line[strcspn(line, "\r\n")] = '\0';
    *password_out = xstrdup(line);
    crypto_wipe(line, sizeof(line));
    return OR_OK;
}

void
password_file_free(char *password)
{
    if (password != NULL)
        crypto_wipe(password, strlen(password));
    free(password);
}
