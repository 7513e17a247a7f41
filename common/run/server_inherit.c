/*
 * Sockets handed over by systemd: FileDescriptorName= of the socket unit is the service's name.
 */
#include "common/run/server_socket.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

/* What systemd calls a socket whose unit says nothing. */
#define SERVER_INHERIT_NO_NAME "unknown"

static void
free_names(char **names, int count)
{
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

static bool
is_unnamed(const char *name)
{
    /* The socket unit's own name is the default of FileDescriptorName=. */
    return strcmp(name, SERVER_INHERIT_NO_NAME) == 0 || strstr(name, ".socket") != NULL;
}

or_status
server_socket_inherit(const char *service, bool is_only, int *fds_out, size_t max,
                      size_t *count_out, struct err *e)
{
    char **names = NULL;
    int handed = sd_listen_fds_with_names(0, &names);
    size_t count = 0;
    or_status st = OR_OK;

    for (int i = 0; i < handed && st == OR_OK; i++) {
        int fd = SD_LISTEN_FDS_START + i;

        if (strcmp(names[i], service) != 0 && !(is_only && is_unnamed(names[i])))
            continue;
        if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0)
            st = err_set(e, OR_CONFIG,
                         "systemd handed over no listening stream socket; use ListenStream=");
        else if (count == max)
            st = err_set(e, OR_CONFIG, "systemd handed over more than %zu sockets", max);
        else
            fds_out[count++] = fd;
    }
    free_names(names, handed);
    if (st == OR_OK)
        *count_out = count;
    return st;
}

or_status
server_socket_check_inherited(const char *const *services, size_t count, struct err *e)
{
    char **names = NULL;
    int handed = sd_listen_fds_with_names(0, &names);
    or_status st = OR_OK;

    for (int i = 0; i < handed && st == OR_OK; i++) {
        bool known = count == 1 && is_unnamed(names[i]);

        for (size_t k = 0; k < count && !known; k++)
            known = strcmp(names[i], services[k]) == 0;
        if (!known)
            st = err_set(e, OR_CONFIG,
                         "systemd handed over a socket named \"%.60s\", which is no service; set "
                         "FileDescriptorName= in the socket unit",
                         names[i]);
    }
    free_names(names, handed);
    return st;
}
