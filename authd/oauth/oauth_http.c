/*
 * libcurl, told to do as little as possible: one host, no redirects, no other protocols, no proxy
 * from the environment, a ceiling on bytes and time.
 */
#include "authd/oauth/oauth_http.h"

#include "common/base/crypto.h"

#include <curl/curl.h>
#include <string.h>

#define MAX_FORM_BYTES 65536

void
oauth_http_start(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

or_status
oauth_http_check_url(const char *url, struct err *e)
{
    static const char *const prefixes[] = {"http://127.0.0.1:", "http://127.0.0.1/",
                                           "http://[::1]:", "http://[::1]/"};
    struct span whole = span_cstr(url);

    for (size_t i = 0; i < whole.n; i++)
        if (url[i] <= ' ' || url[i] == '"' || url[i] == '\\' || url[i] == '@' || url[i] == 0x7f)
            return err_set(e, OR_CONFIG, "\"%s\": a URL without blanks, quotes and @", url);
    if (span_has_prefix(whole, SPAN_LIT("https://")))
        return OR_OK;
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (span_has_prefix(whole, span_cstr(prefixes[i])))
            return OR_OK;
    return err_set(e, OR_CONFIG, "\"%s\": https://, or http:// with 127.0.0.1 or [::1]", url);
}

static size_t
take_bytes(char *bytes, size_t size, size_t count, void *answer)
{
    buf_add(answer, bytes, size * count);
    /* Less than all ends the transfer. */
    return buf_finish(answer) == OR_OK ? size * count : 0;
}

static bool
set_options(CURL *curl, const struct oauth_http *http, struct buf *answer)
{
    CURLcode code = curl_easy_setopt(curl, CURLOPT_URL, http->url);

    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https,http");
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)http->timeout_ms);
    if (code == CURLE_OK) /* no SIGALRM among threads */
        code = curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_PROXY, "");
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    if (code == CURLE_OK && http->ca_file[0] != '\0')
        code = curl_easy_setopt(curl, CURLOPT_CAINFO, http->ca_file);
    return code == CURLE_OK;
}

/* `curl` has its options; ends it. */
static or_status
perform(CURL *curl, const struct oauth_http *http, struct err *e)
{
    long status = 0;
    CURLcode code = curl_easy_perform(curl);

    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    if (code != CURLE_OK)
        return err_set(e, OR_TEMPFAIL, "%s: %s", http->url, curl_easy_strerror(code));
    if (status != 200)
        return err_set(e, OR_TEMPFAIL, "%s: HTTP status %ld", http->url, status);
    return OR_OK;
}

or_status
oauth_http_get(const struct oauth_http *http, struct buf *answer, struct err *e)
{
    CURL *curl = curl_easy_init();

    if (curl != NULL && set_options(curl, http, answer))
        return perform(curl, http, e);
    curl_easy_cleanup(curl);
    return err_set(e, OR_TEMPFAIL, "%s: libcurl cannot ask", http->url);
}

static void
add_escaped(struct buf *out, struct span bytes)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

    for (size_t i = 0; i < bytes.n; i++)
        if (span_contains_byte(span_cstr(plain), bytes.p[i]))
            buf_add_char(out, bytes.p[i]);
        else
            buf_addf(out, "%%%02X", (unsigned char)bytes.p[i]);
}

/* RFC 6749 2.3.1: both are form-encoded before they become user name and password. */
static bool
set_client(CURL *curl, const struct oauth_form *form)
{
    struct buf user, secret;
    bool done = form->client_id == NULL;

    if (done)
        return true;
    buf_init(&user, MAX_FORM_BYTES);
    buf_init(&secret, MAX_FORM_BYTES);
    add_escaped(&user, span_cstr(form->client_id));
    add_escaped(&secret, span_cstr(form->client_secret));
    buf_add_char(&user, '\0');
    buf_add_char(&secret, '\0');
    done = buf_finish(&user) == OR_OK && buf_finish(&secret) == OR_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_USERNAME, user.p) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PASSWORD, secret.p) == CURLE_OK;
    buf_fini_wiped(&secret);
    buf_fini(&user);
    return done;
}

or_status
oauth_http_introspect(const struct oauth_http *http, const struct oauth_form *form,
                      struct buf *answer, struct err *e)
{
    CURL *curl = curl_easy_init();
    struct buf body;
    or_status st = OR_TEMPFAIL;

    buf_init(&body, MAX_FORM_BYTES);
    buf_add_cstr(&body, "token_type_hint=access_token&token=");
    add_escaped(&body, form->token);
    if (curl != NULL && buf_finish(&body) == OR_OK && set_options(curl, http, answer) &&
        set_client(curl, form) &&
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)body.n) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.p) == CURLE_OK) {
        st = perform(curl, http, e);
    } else {
        curl_easy_cleanup(curl);
        st = err_set(e, OR_TEMPFAIL, "%s: libcurl cannot ask", http->url);
    }
    buf_fini_wiped(&body);
    return st;
}
