/*
 * The functions behind the rows of sieve_table.c, by the file they are in.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_SIEVE_SIEVE_ROWS_H
#define OUTRIDER_LMTP_SIEVE_SIEVE_ROWS_H

#include "lmtp/sieve/sieve_check.h"
#include "lmtp/sieve/sieve_run.h"

/* cmd_control.c */
or_status cmd_require_check(struct sieve_check *c, struct sieve_node *node) OR_MUST_USE;
or_status cmd_require(struct sieve_run *r, const struct sieve_node *node) OR_MUST_USE;
or_status cmd_stop(struct sieve_run *r, const struct sieve_node *node) OR_MUST_USE;
or_status tst_ihave_check(struct sieve_check *c, struct sieve_node *node) OR_MUST_USE;
or_status tst_ihave(struct sieve_run *r, const struct sieve_node *node, bool *out) OR_MUST_USE;
or_status cmd_error(struct sieve_run *r, const struct sieve_node *node) OR_MUST_USE;

/* cmd_editheader.c */
or_status cmd_editheader_check(struct sieve_check *c, struct sieve_node *node) OR_MUST_USE;
or_status cmd_addheader(struct sieve_run *r, const struct sieve_node *node) OR_MUST_USE;
or_status cmd_deleteheader(struct sieve_run *r, const struct sieve_node *node) OR_MUST_USE;

/* cmd_include.c */
or_status cmd_include_check(struct sieve_check *c, struct sieve_node *node) OR_MUST_USE;
or_status cmd_include(struct sieve_run *r, const struct sieve_node *node) OR_MUST_USE;
or_status cmd_return(struct sieve_run *r, const struct sieve_node *node) OR_MUST_USE;
or_status cmd_global_check(struct sieve_check *c, struct sieve_node *node) OR_MUST_USE;
or_status cmd_global(struct sieve_run *r, const struct sieve_node *node) OR_MUST_USE;

/* cmd_action.c */
or_status cmd_keep(struct sieve_run *r, const struct sieve_node *node) OR_MUST_USE;
or_status cmd_discard(struct sieve_run *r, const struct sieve_node *node) OR_MUST_USE;
or_status cmd_fileinto(struct sieve_run *r, const struct sieve_node *node) OR_MUST_USE;
or_status cmd_redirect(struct sieve_run *r, const struct sieve_node *node) OR_MUST_USE;
or_status cmd_redirect_check(struct sieve_check *c, struct sieve_node *node) OR_MUST_USE;
or_status cmd_reject(struct sieve_run *r, const struct sieve_node *node) OR_MUST_USE;

/* cmd_vacation.c */
or_status cmd_vacation_check(struct sieve_check *c, struct sieve_node *node) OR_MUST_USE;
or_status cmd_vacation(struct sieve_run *r, const struct sieve_node *node) OR_MUST_USE;

/* cmd_notify.c */
or_status cmd_notify_check(struct sieve_check *c, struct sieve_node *node) OR_MUST_USE;
or_status cmd_notify(struct sieve_run *r, const struct sieve_node *node) OR_MUST_USE;
or_status
tst_valid_notify_method(struct sieve_run *r, const struct sieve_node *node, bool *out) OR_MUST_USE;
or_status tst_notify_method_capability(struct sieve_run *r, const struct sieve_node *node,
                                       bool *out) OR_MUST_USE;

/* cmd_fcc.c */
/* :flags and :create need :fcc beside them (RFC 8580 3.2). */
or_status cmd_fcc_check(struct sieve_check *c, struct sieve_node *node) OR_MUST_USE;
or_status
cmd_fcc_of(struct sieve_run *r, const struct sieve_node *node, struct sieve_fcc *out) OR_MUST_USE;

/* cmd_flags.c */
or_status cmd_flags_check(struct sieve_check *c, struct sieve_node *node) OR_MUST_USE;
or_status cmd_setflag(struct sieve_run *r, const struct sieve_node *node) OR_MUST_USE;
or_status cmd_addflag(struct sieve_run *r, const struct sieve_node *node) OR_MUST_USE;
or_status cmd_removeflag(struct sieve_run *r, const struct sieve_node *node) OR_MUST_USE;
or_status tst_hasflag(struct sieve_run *r, const struct sieve_node *node, bool *out) OR_MUST_USE;
/* The flags that an action gives a message: its :flags, else those set so far. */
or_status
cmd_flags_of(struct sieve_run *r, const struct sieve_node *node, struct span *out) OR_MUST_USE;

/* cmd_set.c */
or_status cmd_set_check(struct sieve_check *c, struct sieve_node *node) OR_MUST_USE;
or_status cmd_set(struct sieve_run *r, const struct sieve_node *node) OR_MUST_USE;

/* tst_logic.c */
or_status tst_true(struct sieve_run *r, const struct sieve_node *node, bool *out) OR_MUST_USE;
or_status tst_false(struct sieve_run *r, const struct sieve_node *node, bool *out) OR_MUST_USE;
or_status tst_not(struct sieve_run *r, const struct sieve_node *node, bool *out) OR_MUST_USE;
or_status tst_allof(struct sieve_run *r, const struct sieve_node *node, bool *out) OR_MUST_USE;
or_status tst_anyof(struct sieve_run *r, const struct sieve_node *node, bool *out) OR_MUST_USE;

/* tst_header.c */
or_status tst_header(struct sieve_run *r, const struct sieve_node *node, bool *out) OR_MUST_USE;
or_status tst_exists(struct sieve_run *r, const struct sieve_node *node, bool *out) OR_MUST_USE;
or_status tst_size(struct sieve_run *r, const struct sieve_node *node, bool *out) OR_MUST_USE;
or_status tst_size_check(struct sieve_check *c, struct sieve_node *node) OR_MUST_USE;
or_status tst_string(struct sieve_run *r, const struct sieve_node *node, bool *out) OR_MUST_USE;
or_status
tst_mailboxexists(struct sieve_run *r, const struct sieve_node *node, bool *out) OR_MUST_USE;

/* tst_duplicate.c */
or_status tst_duplicate(struct sieve_run *r, const struct sieve_node *node, bool *out) OR_MUST_USE;

/* tst_date.c */
or_status tst_date_check(struct sieve_check *c, struct sieve_node *node) OR_MUST_USE;
or_status tst_date(struct sieve_run *r, const struct sieve_node *node, bool *out) OR_MUST_USE;
or_status
tst_currentdate(struct sieve_run *r, const struct sieve_node *node, bool *out) OR_MUST_USE;

/* tst_environment.c */
or_status
tst_environment(struct sieve_run *r, const struct sieve_node *node, bool *out) OR_MUST_USE;

/* tst_address.c */
or_status tst_address_check(struct sieve_check *c, struct sieve_node *node) OR_MUST_USE;
or_status tst_address(struct sieve_run *r, const struct sieve_node *node, bool *out) OR_MUST_USE;
or_status tst_envelope_check(struct sieve_check *c, struct sieve_node *node) OR_MUST_USE;
or_status tst_envelope(struct sieve_run *r, const struct sieve_node *node, bool *out) OR_MUST_USE;

#endif
