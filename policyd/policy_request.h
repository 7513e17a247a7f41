/*
 * A question of Postfix's policy delegation (protocols: SMTPD_POLICY_README) as a struct, and the
 * action that answers it as bytes.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_POLICYD_POLICY_REQUEST_H
#define OUTRIDER_POLICYD_POLICY_REQUEST_H

#include "common/text/attrs.h"

#define POLICY_REQUEST_NAME "smtpd_access_policy"
/* A PREPENDed field is one line of a message (RFC 5322 2.1.1); of reply text smtpd keeps 510 bytes.
 */
#define POLICY_ACTION_MAX_BYTES (8 + 998)

/* Absent attributes are empty (older Postfix versions send fewer); values view into the attributes.
 */
struct policy_request {
    struct span protocol_state;
    struct span queue_id; /* empty until the first recipient was accepted */
    struct span instance; /* one mail transaction; empty before MAIL FROM */
    struct span client_address;
    struct span client_name;
    struct span server_address;
    struct span helo_name;
    struct span sender; /* internal form; empty for <> */
    struct span recipient;
    struct span sasl_username;
    struct span recipient_count; /* decimal; "0" before DATA */
    struct span size;            /* decimal, as MAIL FROM said; "0": it did not */
};

void policy_request_parse(const struct attrs *a, struct policy_request *request_out);

/* Recipients of the message so far, at least 1; Postfix says 0 before DATA. */
int64_t policy_request_recipients(const struct policy_request *request);

/* Appends "action=...\n\n". Postfix hangs on a CR, fails on invalid UTF-8 and takes an empty value
 * for "permit": control bytes become blanks, bytes that are not UTF-8 '?', an empty action DUNNO,
 * and what is longer than POLICY_ACTION_MAX_BYTES is cut between two characters. */
void policy_request_answer(struct buf *out, struct span action);

#endif
