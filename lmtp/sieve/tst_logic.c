/* RFC 5228 5.2, 5.3, 5.6, 5.8, 5.10. Tests are evaluated from the left until the answer is clear.
 */
#include "lmtp/sieve/sieve_rows.h"

or_status
tst_true(struct sieve_run *r, const struct sieve_node *node, bool *out)
{
    (void)r, (void)node;
    *out = true;
    return OR_OK;
}

or_status
tst_false(struct sieve_run *r, const struct sieve_node *node, bool *out)
{
    (void)r, (void)node;
    *out = false;
    return OR_OK;
}

or_status
tst_not(struct sieve_run *r, const struct sieve_node *node, bool *out)
{
    bool holds = false;
    or_status st = sieve_run_test(r, node->tests, &holds);

    *out = !holds;
    return st;
}

/* Whether all tests give `wanted`, or the first that does not. */
static or_status
all_give(struct sieve_run *r, const struct sieve_node *node, bool wanted, bool *out)
{
    bool holds = wanted;

    for (const struct sieve_node *t = node->tests; t != NULL && holds == wanted; t = t->next) {
        or_status st = sieve_run_test(r, t, &holds);

        if (st != OR_OK)
            return st;
    }
    *out = holds;
    return OR_OK;
}

or_status
tst_allof(struct sieve_run *r, const struct sieve_node *node, bool *out)
{
    return all_give(r, node, true, out);
}

or_status
tst_anyof(struct sieve_run *r, const struct sieve_node *node, bool *out)
{
    return all_give(r, node, false, out);
}
