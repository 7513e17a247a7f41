/*
 * The databases of postgrey (Berkeley DB), read: triplets ("192.0.2.0/sender/recipient" with
 * "first,last") and clients ("192.0.2.1" with "times,last").
 *
 * Security: what is in them was written by strangers; each record is checked by itself, and those
 * that are not as expected are counted, not believed.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_POLICYD_POSTGREY_H
#define OUTRIDER_POLICYD_POSTGREY_H

#include "common/text/ip.h"
#include "policyd/greylist.h"

struct postgrey_record {
    struct ip client;
    struct span sender, recipient; /* of a triplet */
    struct greylist_past past;
};

/* Takes a record; anything but OR_OK ends the reading. */
typedef or_status (*postgrey_visit)(void *context, const struct postgrey_record *record,
                                    struct err *e);

/* OR_ABSENT: there is no such file. OR_CONFIG: it is no Berkeley DB, or cannot be read.
 * *skipped_out: records that are none of ours (with --privacy all of them). */
or_status postgrey_read_triplets(const char *path, postgrey_visit visit, void *context,
                                 size_t *skipped_out, struct err *e) OR_MUST_USE;
or_status postgrey_read_clients(const char *path, postgrey_visit visit, void *context,
                                size_t *skipped_out, struct err *e) OR_MUST_USE;

/* One record of each kind; OR_MALFORMED. The record views into the key. */
or_status postgrey_parse_triplet(struct span key, struct span value,
                                 struct postgrey_record *record_out) OR_MUST_USE;
or_status postgrey_parse_client(struct span key, struct span value,
                                struct postgrey_record *record_out) OR_MUST_USE;

#endif
