/*
 * Reads a configuration file and checks its lexical shape. Follows libconfuse's scanner: "..." with
 * backslash escapes, '...' with \' and \\, comments from #, // and between the C signs, words of
 * anything else.
 */
#include "common/run/conf_text.h"

#include "common/base/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Reads up to the end of the file or `cap` bytes; -1 with errno. */
static ssize_t
read_whole(int fd, char *out, size_t cap)
{
    size_t used = 0;

    while (used < cap) {
        ssize_t got = read(fd, out + used, cap - used);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        used += (size_t)got;
    }
    return (ssize_t)used;
}

or_status
conf_text_read(const char *path, char **text_out, struct err *e)
{
    or_status st = OR_CONFIG;
    char *text = xmalloc(CONF_TEXT_MAX_BYTES + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read_whole(fd, text, CONF_TEXT_MAX_BYTES + 1);

    if (got < 0 && errno == ENOENT) {
        err_set(e, st, "%s: no such file; make it or name another with -c", path);
        goto out;
    }
    if (got < 0) {
        err_set(e, st, "%s: cannot be read: %s; mend that or name another file with -c", path,
                os_error_text(errno));
        goto out;
    }
    if (got > CONF_TEXT_MAX_BYTES) {
        err_set(e, st, "%s: larger than %d bytes; is this the configuration file?", path,
                CONF_TEXT_MAX_BYTES);
        goto out;
    }
    if (memchr(text, '\0', (size_t)got) != NULL) {
        err_set(e, st, "%s: holds NUL bytes; is this the configuration file?", path);
        goto out;
    }
    text[got] = '\0';
    *text_out = xmemdup0(text, (size_t)got);
    st = OR_OK;
out:
    if (fd >= 0)
        close(fd);
    free(text);
    return st;
}

/* Where the walk over the text stands. */
struct walk {
    const char *path;
    char *at;
    unsigned line;
    bool in_word;       /* the byte before belongs to an unquoted word */
    unsigned depth;     /* open braces */
    unsigned open_line; /* of the outermost open one */
};

/* What inside a "..." would end libconfuse's string elsewhere than here, or its parse without a
 * word. */
static or_status
check_escape(const struct walk *w, struct err *e)
{
    if (w->at[0] == '$' && w->at[1] == '{')
        return err_set(e, OR_CONFIG, "%s:%u: ${...} is not expanded; write the value itself",
                       w->path, w->line);
    if (w->at[0] == '\\' && w->at[1] != '\\' && w->at[1] != '"' && w->at[1] != '\n')
        return err_set(e, OR_CONFIG,
                       "%s:%u: \"\\%c\" means nothing here; write \"\\\\\" for a backslash",
                       w->path, w->line, w->at[1]);
    return OR_OK;
}

static or_status
check_string(struct walk *w, struct err *e)
{
    char quote = *w->at++;

    while (*w->at != quote) {
        if (quote == '"' && check_escape(w, e) != OR_OK)
            return OR_CONFIG;
        if (*w->at == '\\' && w->at[1] != '\0')
            w->at++;
        /* No value spans lines: a missing quote is named where it is missing. */
        if (*w->at == '\0' || *w->at == '\n')
            return err_set(e, OR_CONFIG, "%s:%u: a string that does not end; close it with %c",
                           w->path, w->line, quote);
        w->at++;
    }
    w->at++;
    return OR_OK;
}

static void
blank_line_comment(struct walk *w)
{
    while (*w->at != '\0' && *w->at != '\n')
        *w->at++ = ' ';
}

static or_status
blank_block_comment(struct walk *w, struct err *e)
{
    char *end = strstr(w->at + 2, "*/");

    if (end == NULL)
        return err_set(e, OR_CONFIG, "%s:%u: a comment that does not end; close it with */",
                       w->path, w->line);
    for (end += 2; w->at < end; w->at++) {
        if (*w->at == '\n')
            w->line++;
        else
            *w->at = ' ';
    }
    return OR_OK;
}

/* libconfuse takes the end of the file for the end of a section. Too many "}" it finds itself. */
static void
count_brace(struct walk *w, char c)
{
    if (c == '{' && w->depth++ == 0)
        w->open_line = w->line;
    if (c == '}' && w->depth > 0)
        w->depth--;
}

/* A byte outside of strings and comments. */
static or_status
check_plain(struct walk *w, struct err *e)
{
    unsigned char c = (unsigned char)*w->at;

    if (c == '\n')
        w->line++;
    if (c == '+' || c == '*' || c == '|' || c == '(' || c == ')' || c == '$' || c == '\\')
        return err_set(e, OR_CONFIG, "%s:%u: \"%c\" cannot stand here; put the value into quotes",
                       w->path, w->line, c);
    if ((c < 0x20 && c != '\n' && c != '\t' && c != '\r') || c == 0x7f)
        return err_set(e, OR_CONFIG, "%s:%u: control byte 0x%02x; remove it", w->path, w->line, c);
    if (c == '\r')
        *w->at = ' ';
    count_brace(w, *w->at);
    w->in_word = strchr(" \t\r\n={},", c) == NULL;
    w->at++;
    return OR_OK;
}

static or_status
check_token(struct walk *w, struct err *e)
{
    char c = w->at[0];
    bool slash = c == '/' && !w->in_word;

    if (c == '"' || c == '\'') {
        w->in_word = false;
        return check_string(w, e);
    }
    if (c == '#' || (slash && w->at[1] == '/')) {
        blank_line_comment(w);
        return OR_OK;
    }
    if (slash && w->at[1] == '*')
        return blank_block_comment(w, e);
    return check_plain(w, e);
}

or_status
conf_text_check(const char *path, char *text, struct err *e)
{
    struct walk w = {.path = path, .at = text, .line = 1};
    or_status st = OR_OK;

    while (st == OR_OK && *w.at != '\0')
        st = check_token(&w, e);
    if (st == OR_OK && w.depth > 0)
        return err_set(e, OR_CONFIG, "%s:%u: a \"{\" that nothing closes; add the \"}\"", path,
                       w.open_line);
    return st;
}
