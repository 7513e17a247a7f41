/*
 * The test file of the public suffix list, by that list: conform_psl LIST TESTS. A line has a name
 * and its registrable domain, or "null". Prints each case that fails; last line "N passed, N
 * failed"; exit 1 when any failed.
 */
#include "common/text/domain.h"
#include "common/text/suffix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 1024
#define CASE_BYTES 65536

/* The registrable domain, or "null". */
static struct span
find(struct span name, struct arena *mem)
{
    struct span found;

    return suffix_registrable(name, mem, &found) == OR_OK ? found : SPAN_LIT("null");
}

/* True for comments and empty lines too. */
static bool
is_right(char *line, unsigned *count)
{
    char *name = strtok_r(line, " \t\n", &line), *wanted = strtok_r(line, " \t\n", &line);
    struct span canonical = SPAN_LIT("null");
    struct arena mem;

    if (name == NULL || wanted == NULL || strncmp(name, "//", 2) == 0)
        return true;
    ++*count;
    arena_init(&mem, CASE_BYTES);
    bool right = strcmp(wanted, "null") == 0 ||
                 domain_canonical(span_cstr(wanted), &mem, &canonical, NULL) == OR_OK;
    struct span found = find(span_cstr(name), &mem);
    right = right && span_equal(found, canonical);
    if (!right)
        printf("%s: %.*s, not %s\n", name, SPAN_ARG(found), wanted);
    arena_fini(&mem);
    return right;
}

int
main(int argc, char **argv)
{
    unsigned count = 0, failed = 0;
    char line[LINE_BYTES];
    struct err e;

    if (argc != 3 || suffix_load(argv[1], &e) != OR_OK) {
        fprintf(stderr, "%s\n", argc != 3 ? "usage: conform_psl LIST TESTS" : e.text);
        return 2;
    }
    FILE *tests = fopen(argv[2], "r");
    if (tests == NULL) {
        perror(argv[2]);
        return 2;
    }
    while (fgets(line, sizeof(line), tests) != NULL)
        failed += !is_right(line, &count);
    fclose(tests);
    printf("%u passed, %u failed\n", count - failed, failed);
    return failed == 0 && count != 0 ? 0 : 1;
}
