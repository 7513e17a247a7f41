/*
 * The secrets of SRS: one per line of a file that nobody else can read, as PostSRSd has them. The
 * first one signs, all of them verify, so that a new one goes on top and the old one stays until
 * its addresses have expired.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_POLICYD_SRS_SECRETS_H
#define OUTRIDER_POLICYD_SRS_SECRETS_H

#include "policyd/srs/srs.h"

#define SRS_SECRETS_MAX_BYTES 4096 /* of the file */

struct srs_secrets {
    char text[SRS_SECRETS_MAX_BYTES];
    struct span items[SRS_MAX_SECRETS]; /* into text */
    size_t count;
};

/* OR_CONFIG names the file and the cure: not there, readable by others, empty, too many lines. */
or_status
srs_secrets_read(const char *path, struct srs_secrets *secrets_out, struct err *e) OR_MUST_USE;
void srs_secrets_wipe(struct srs_secrets *secrets);

#endif
