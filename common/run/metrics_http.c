/*
 * libmicrohttpd with one thread and poll(2): with epoll, Debian 12's 0.9.75 holds a client that
 * hung up in mid-request until its time is over, and a few of those keep everybody out. Every
 * answer closes its connection: a scrape is one request, and an idle client would only hold one of
 * the few places.
 */
#include "common/run/metrics_http.h"

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/run/metrics.h"
#include "common/run/server_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define HTTP_MAX_CONNECTIONS 16 /* further ones wait in the backlog */
#define HTTP_TIMEOUT_S 5        /* of a client that neither sends nor reads */
#define HTTP_CONNECTION_BYTES 8192
#define HTTP_STACK_BYTES (1024 * 1024)
#define HTTP_TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct metrics_http {
    struct server_socket socket;
    struct MHD_Daemon *daemon; /* NULL: not started */
};

/* Takes `text` over. */
static enum MHD_Result
answer(struct MHD_Connection *connection, unsigned status, struct buf *text)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(text->n, text->p, MHD_RESPMEM_MUST_FREE);
    enum MHD_Result result = MHD_NO;

    if (response == NULL) {
        buf_fini(text);
        return MHD_NO;
    }
    if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, HTTP_TEXT_TYPE) ==
            MHD_YES &&
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close") == MHD_YES &&
        (status != MHD_HTTP_METHOD_NOT_ALLOWED ||
         MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD") == MHD_YES))
        result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static unsigned
fill(struct buf *text, const char *url, const char *method)
{
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        buf_add_cstr(text, "GET or HEAD only\n");
        return MHD_HTTP_METHOD_NOT_ALLOWED;
    }
    if (strcmp(url, "/metrics") != 0) {
        buf_add_cstr(text, "the metrics are at /metrics\n");
        return MHD_HTTP_NOT_FOUND;
    }
    metrics_format(text);
    return MHD_HTTP_OK;
}

/* Called with the header; answering at once means that a body, if any, is not read. */
static enum MHD_Result
on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
           const char *version, const char *data, size_t *data_bytes, void **state)
{
    struct buf text;

    (void)context, (void)version, (void)data, (void)data_bytes, (void)state;
    buf_init(&text, METRICS_MAX_TEXT_BYTES);
    unsigned status = fill(&text, url, method);

    if (buf_finish(&text) != OR_OK) { /* a table of ours outgrew the ceiling */
        buf_fini(&text);
        return MHD_NO;
    }
    return answer(connection, status, &text);
}

or_status
metrics_http_open(const struct conf_common *conf, struct metrics_http **http_out, struct err *e)
{
    /* Any local user may read, as with a port on 127.0.0.1; a directory's mode can say otherwise.
     */
    struct conf_listener listener = {.mode = 0666};

    *http_out = NULL;
    if (conf->metrics_listen == NULL || conf->metrics_listen[0] == '\0')
        return OR_OK;
    struct metrics_http *http = xcalloc(1, sizeof(*http));
    or_status st = server_socket_open(&listener, conf->metrics_listen, &http->socket, e);

    if (st != OR_OK) {
        free(http);
        return err_wrap(e, OR_CONFIG, "%s: metrics-listen", conf->path);
    }
    *http_out = http;
    return OR_OK;
}

or_status
metrics_http_start(struct metrics_http *http, struct err *e)
{
    sigset_t all, before;

    if (http == NULL)
        return OR_OK;
    /* MHD accepts until there is nobody left to. */
    if (fcntl(http->socket.fd, F_SETFL, O_NONBLOCK) != 0)
        return err_set(e, OR_CONFIG, "metrics-listen: %s", os_error_text(errno));
    /* Its thread inherits the mask: signals are for the main thread (daemon.c). */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    http->daemon = MHD_start_daemon(
        MHD_USE_POLL_INTERNAL_THREAD, 0, NULL, NULL, on_request, NULL, MHD_OPTION_LISTEN_SOCKET,
        http->socket.fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_MAX_CONNECTIONS,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)HTTP_CONNECTION_BYTES, MHD_OPTION_THREAD_STACK_SIZE, (size_t)HTTP_STACK_BYTES,
        MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (http->daemon == NULL)
        return err_set(e, OR_CONFIG,
                       "metrics-listen: no thread or no descriptors; raise TasksMax= and "
                       "LimitNOFILE=");
    return OR_OK;
}

void
metrics_http_close(struct metrics_http *http)
{
    if (http == NULL)
        return;
    if (http->daemon != NULL) {
        /* Gives the listener back, which MHD would close: it is ours to close. */
        if (MHD_quiesce_daemon(http->daemon) == MHD_INVALID_SOCKET)
            log_debug("libmicrohttpd kept its listener");
        MHD_stop_daemon(http->daemon);
    }
    server_socket_close(&http->socket);
    free(http);
}
