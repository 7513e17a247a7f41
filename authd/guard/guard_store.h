/*
 * What of the defence outlives the process and is shared between machines, in the state store:
 *
 *     ban/NETWORK         "SINCE UNTIL TIMES REASON", gone when it ends
 *     ban-changes         another number after each change of these: asking for news is cheap
 *     banned/NETWORK      how often within a week
 *     good/NETWORK/USER   this user has logged in from there within a month
 *     known/USER          has logged in at all
 *     place/CC/USER       has logged in from that country
 *
 * Threads: immutable; the store locks.
 */
#ifndef OUTRIDER_AUTHD_GUARD_GUARD_STORE_H
#define OUTRIDER_AUTHD_GUARD_GUARD_STORE_H

#include "authd/guard/guard_bans.h"
#include "common/run/kvstore.h"

/* All: OR_TEMPFAIL when the store cannot be asked. */

/* `times` counts this one. */
or_status guard_store_count_ban(struct kvstore *store, const struct cidr *network,
                                unsigned *times_out, struct err *e) OR_MUST_USE;
or_status
guard_store_put_ban(struct kvstore *store, const struct guard_ban *ban, struct err *e) OR_MUST_USE;
/* OR_ABSENT: there is none of that network. */
or_status guard_store_remove_ban(struct kvstore *store, const struct cidr *network,
                                 struct err *e) OR_MUST_USE;
/* What is no ban is passed over. `visit` must not call the store. */
typedef bool (*guard_store_visit)(void *context, const struct guard_ban *ban);
or_status guard_store_each_ban(struct kvstore *store, guard_store_visit visit, void *context,
                               struct err *e) OR_MUST_USE;
/* A number that is another one after each change. */
or_status
guard_store_changes(struct kvstore *store, int64_t *changes_out, struct err *e) OR_MUST_USE;

/* Whether the user has logged in from this network within a month. */
or_status guard_store_is_good(struct kvstore *store, const struct cidr *network, struct span user,
                              bool *good_out, struct err *e) OR_MUST_USE;
/* He has now. *new_out: he never had from there, nor (where `country` is not empty) from that
 * country, and has from elsewhere. */
or_status guard_store_set_good(struct kvstore *store, const struct cidr *network, struct span user,
                               struct span country, bool *new_out, struct err *e) OR_MUST_USE;

/* One value of ban/; OR_MALFORMED. */
or_status
guard_store_parse(struct span network, struct span value, struct guard_ban *ban_out) OR_MUST_USE;

#endif
