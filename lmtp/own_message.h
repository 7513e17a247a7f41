/*
 * What the messages have in common that lmtpd writes itself: warnings to the owners of mailboxes,
 * answers of their scripts. LF line ends.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_OWN_MESSAGE_H
#define OUTRIDER_LMTP_OWN_MESSAGE_H

#include "common/base/buf.h"
#include "common/text/header.h"
#include "lmtp/lmtp_conf.h"
#include "lmtp/maildir/maildir.h"

#define OWN_MESSAGE_MAX_BYTES ((size_t)1 << 18)

/* Date and Message-ID; `kind` ("vacation") tells them apart. */
void own_message_begin(struct buf *out, const struct maildir_name *name, const char *kind,
                       const struct lmtp_settings *settings);

/* "Subject: ...": at most OWN_MESSAGE_SUBJECT_CHARACTERS of UTF-8, on as many lines as it takes
 * (RFC 2047). Control characters become blanks. */
#define OWN_MESSAGE_SUBJECT_CHARACTERS 256
void own_message_subject(struct buf *out, struct span subject);

/* "From: ...": a mailbox that was found well-formed; its display name may hold what a header
 * cannot.
 */
void own_message_from(struct buf *out, struct span mailbox);

/* In-Reply-To and References to the message with that header, if it has an identifier (RFC 5322
 * 3.6.4). OR_LIMIT: `mem` is used up. */
or_status own_message_thread(struct buf *out, const struct header_block *header,
                             struct arena *mem) OR_MUST_USE;

/* Whether this field says that a program has sent the message (RFC 3834 5). */
bool own_message_is_automatic(const struct header_field *f);

/* Lines as they can be sent: no CR, no NUL, none over 998 bytes (RFC 5322 2.1.1), the last one
 * ended. */
void own_message_lines(struct buf *out, struct span text);

/* MIME fields, the empty line and a body of plain text in UTF-8. */
void own_message_text(struct buf *out, struct span text);

/* The userdb's word for an account; a control byte in it must not end a header field. */
void own_message_name(struct buf *out, struct span name);

/* The whole message from the mail system to an account's owner (RFC 5322, RFC 2047 2;
 * Auto-Submitted of RFC 3834 5 keeps vacation programs quiet). */
struct own_notice {
    const char *kind;
    struct span account, subject, text;
};
void own_message_notice(struct buf *out, const struct own_notice *notice,
                        const struct maildir_name *name, const struct lmtp_settings *settings);

/* Puts the whole message into the folder; as the owner. *counted_out: what it adds to the quota. */
or_status own_message_put(struct maildir *box, const struct maildir_name *name, struct span text,
                          const struct lmtp_settings *settings, int64_t *counted_out,
                          struct maildir_fault *f) OR_MUST_USE;

#endif
