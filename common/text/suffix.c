/* The list is read once, when it is first asked for: the newest that the system has. */
#include "common/text/suffix.h"

#include "common/text/domain.h"

#include <libpsl.h>
#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static psl_ctx_t *list; /* immutable once read; lives as long as the process */

static void
read_list(void)
{
    list = psl_latest(NULL);
}

or_status
suffix_load(const char *path, struct err *e)
{
    psl_ctx_t *read = psl_load_file(path);

    if (read == NULL)
        return err_set(e, OR_CONFIG, "%s: no public suffix list can be read there", path);
    (void)pthread_once(&once, read_list);
    psl_free(list);
    list = read;
    return OR_OK;
}

or_status
suffix_registrable(struct span name, struct arena *mem, struct span *registrable_out)
{
    struct span canonical;

    (void)pthread_once(&once, read_list);
    if (list == NULL || name.n == 0 || domain_canonical(name, mem, &canonical, NULL) != OR_OK)
        return OR_ABSENT;
    char *text = arena_strdup(mem, canonical);
    if (text == NULL)
        return OR_LIMIT;
    const char *found = psl_registrable_domain(list, text);
    if (found == NULL)
        return OR_ABSENT;
    *registrable_out = span_cstr(found);
    return OR_OK;
}
