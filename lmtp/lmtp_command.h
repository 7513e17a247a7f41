/*
 * LMTP command lines: verb and argument, MAIL and RCPT with their parameters (RFC 5321 4.1, RFC
 * 2033, RFC 1870 SIZE, RFC 6152 BODY, RFC 3030 BDAT, RFC 6531 SMTPUTF8).
 *
 * Parameters of extensions that we do not offer (DSN's RET, ENVID, NOTIFY and ORCPT among them) are
 * refused with 555, as RFC 5321 4.1.1.11 says.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_LMTP_LMTP_COMMAND_H
#define OUTRIDER_LMTP_LMTP_COMMAND_H

#include "common/text/addr.h"
#include "lmtp/lmtp_reply.h"

/* RFC 5321 4.5.3.1.4 asks for 512 and more per extension; ORCPT in UTF-8 makes Postfix's the
 * longest. */
#define LMTP_COMMAND_MAX_BYTES 4096

struct lmtp_command {
    struct span verb;     /* as written */
    struct span argument; /* without the blanks around it; may be empty */
};

struct lmtp_mail {
    struct addr reverse_path; /* in the arena; null for <> */
    uint64_t size_bytes;      /* SIZE=, 0: not given */
    bool eight_bit;           /* BODY=8BITMIME */
    bool binary;              /* BODY=BINARYMIME (RFC 3030 3) */
    bool smtputf8;
};

/* `line` ends with its CR (the LF is gone). OR_MALFORMED without that CR or with control bytes. */
or_status lmtp_command_split(struct span line, struct lmtp_command *command_out) OR_MUST_USE;

/* The arguments of MAIL ("FROM:<...> SIZE=...") and RCPT ("TO:<...>"). On OR_MALFORMED *refusal_out
 * is the reply; its text is static. SIZE= over 64 bits is taken as UINT64_MAX. */
or_status lmtp_command_mail(struct span argument, struct arena *mem, struct lmtp_mail *mail_out,
                            struct lmtp_reply *refusal_out) OR_MUST_USE;
or_status
lmtp_command_rcpt(struct span argument, bool smtputf8, struct arena *mem,
                  struct addr *forward_path_out, struct lmtp_reply *refusal_out) OR_MUST_USE;

/* The argument of BDAT, "SIZE [LAST]" (RFC 3030 2). OR_MALFORMED. */
struct lmtp_chunk {
    uint64_t size_bytes;
    bool is_last;
};
or_status lmtp_command_bdat(struct span argument, struct lmtp_chunk *chunk_out) OR_MUST_USE;

#endif
