/*
 * The transaction of an LMTP session: from MAIL to the replies, or to its abandonment.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_LMTP_TRANSACTION_H
#define OUTRIDER_LMTP_LMTP_TRANSACTION_H

#include "lmtp/lmtp_session_state.h"

/* The commands of these names; each says its reply. */
void lmtp_transaction_mail(struct lmtp_session *s, struct span argument);
void lmtp_transaction_rcpt(struct lmtp_session *s, struct span argument);
void lmtp_transaction_data(struct lmtp_session *s, struct span argument);
void lmtp_transaction_bdat(struct lmtp_session *s, struct span argument);

/* Back to where MAIL may be said. A message of which chunks have come is dropped. */
void lmtp_transaction_end(struct lmtp_session *s);

#endif
