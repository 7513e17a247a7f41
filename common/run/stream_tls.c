/*
 * OpenSSL on the stream's own descriptor. It writes by write(2): that a peer which left does not
 * raise SIGPIPE is daemon.c's doing.
 */
#include "common/run/stream_tls.h"

#include "common/base/xalloc.h"
#include "common/run/stream_cipher.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>

struct stream_tls_server {
    SSL_CTX *context;
};

static or_status
openssl_error(struct err *e, const char *file, const char *what)
{
    unsigned long code = ERR_get_error();
    const char *reason = ERR_reason_error_string(code);

    ERR_clear_error();
    return err_set(e, OR_CONFIG, "%s: %s: %s", file, what,
                   reason != NULL ? reason : "unknown error");
}

static or_status
check_key_file(const char *key_file, struct err *e)
{
    struct stat st;

    if (stat(key_file, &st) != 0)
        return err_set(e, OR_CONFIG, "%s: %s", key_file, os_error_text(errno));
    if ((st.st_mode & S_IRWXO) != 0)
        return err_set(e, OR_CONFIG, "%s: others can read this key: chmod o= %s", key_file,
                       key_file);
    return OR_OK;
}

static or_status
load(SSL_CTX *c, const char *certificate_file, const char *key_file, struct err *e)
{
    or_status st = check_key_file(key_file, e);

    if (st != OR_OK)
        return st;
    if (SSL_CTX_use_certificate_chain_file(c, certificate_file) != 1)
        return openssl_error(e, certificate_file, "no certificate in PEM");
    if (SSL_CTX_use_PrivateKey_file(c, key_file, SSL_FILETYPE_PEM) != 1)
        return openssl_error(e, key_file, "no private key for this certificate");
    return OR_OK;
}

or_status
stream_tls_server_new(const char *certificate_file, const char *key_file,
                      struct stream_tls_server **server_out, struct err *e)
{
    SSL_CTX *c = SSL_CTX_new(TLS_server_method());

    if (c == NULL || SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) != 1)
        abort(); /* no memory: as xalloc() */
    SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                            SSL_MODE_RELEASE_BUFFERS);
    or_status st = load(c, certificate_file, key_file, e);
    if (st != OR_OK) {
        SSL_CTX_free(c);
        return st;
    }
    *server_out = xcalloc(1, sizeof(**server_out));
    (*server_out)->context = c;
    return OR_OK;
}

void
stream_tls_server_free(struct stream_tls_server *server)
{
    if (server == NULL)
        return;
    SSL_CTX_free(server->context);
    free(server);
}

/* The result of an SSL call in recv(2)'s terms. */
static ssize_t
as_system_call(SSL *ssl, int result)
{
    int why = SSL_get_error(ssl, result);

    ERR_clear_error();
    if (result > 0)
        return result;
    if (why == SSL_ERROR_ZERO_RETURN)
        return 0;
    errno = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? EAGAIN : EPIPE;
    return -1;
}

static int
clip(size_t n)
{
    return n < INT32_MAX ? (int)n : INT32_MAX;
}

static ssize_t
cipher_read(void *state, char *bytes, size_t n)
{
    return as_system_call(state, SSL_read(state, bytes, clip(n)));
}

static ssize_t
cipher_write(void *state, const char *bytes, size_t n)
{
    return as_system_call(state, SSL_write(state, bytes, clip(n)));
}

static bool
cipher_has_input(const void *state)
{
    return SSL_pending(state) > 0;
}

static void
cipher_free(void *state)
{
    SSL_shutdown(state); /* says goodbye if that fits the socket's buffer */
    ERR_clear_error();
    SSL_free(state);
}

static const struct stream_cipher cipher = {
    .read = cipher_read,
    .write = cipher_write,
    .has_input = cipher_has_input,
    .free = cipher_free,
};

static or_status
shake_hands(struct stream *s, SSL *ssl, struct err *e)
{
    for (;;) {
        int result = SSL_accept(ssl);
        int why = SSL_get_error(ssl, result);

        if (result == 1)
            return OR_OK;
        if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
            openssl_error(e, "TLS", "handshake");
            return OR_CLOSED;
        }
        or_status st = stream_wait(s, why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT);
        if (st != OR_OK)
            return err_set(e, st, "TLS: handshake: %s", or_status_name(st));
    }
}

or_status
stream_tls_accept(struct stream *s, const struct stream_tls_server *server, struct err *e)
{
    if (stream_has_input(s))
        return err_set(e, OR_MALFORMED, "TLS: bytes in the clear ahead of the handshake");
    SSL *ssl = SSL_new(server->context);
    if (ssl == NULL || SSL_set_fd(ssl, stream_fd(s)) != 1)
        abort(); /* no memory: as xalloc() */
    or_status st = shake_hands(s, ssl, e);
    if (st != OR_OK)
        SSL_free(ssl);
    else
        stream_set_cipher(s, &cipher, ssl);
    return st;
}
