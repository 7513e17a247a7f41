/*
 * Which header fields a signature covers (RFC 6376 5.4): each as often as the message has it, some
 * once more, so that nobody can add another ("oversigning").
 *
 * Threads: immutable once filled.
 */
#ifndef OUTRIDER_MILTER_DKIM_DKIM_FIELDS_H
#define OUTRIDER_MILTER_DKIM_DKIM_FIELDS_H

#include "common/base/span.h"
#include "common/base/status.h"

#define DKIM_FIELDS_MAX 128

/* RFC 6376 5.4.1, with the MIME fields (without them an attacker turns the body into another one).
 * Fields that transit changes or adds (Received, Return-Path, Authentication-Results,
 * DKIM-Signature, ...) are left out. RFC 8058 4: List-Unsubscribe-Post must be signed. */
#define DKIM_FIELDS_SIGNED                                                                         \
    "From,To,Cc,Subject,Date,Message-ID,Reply-To,MIME-Version,Content-Type,"                       \
    "Content-Transfer-Encoding,Content-Disposition,Content-ID,Content-Description,Sender,"         \
    "In-Reply-To,References,Resent-Date,Resent-From,Resent-Sender,Resent-To,Resent-Cc,"            \
    "Resent-Message-ID,List-Id,List-Help,List-Unsubscribe,List-Unsubscribe-Post,List-Subscribe,"   \
    "List-Post,List-Owner,List-Archive,Autocrypt"

/* What decides what a reader sees. The fields of a list or a resender are not among them:
 * forwarders add their own. */
#define DKIM_FIELDS_OVERSIGNED                                                                     \
    "From,To,Cc,Subject,Date,Message-ID,Reply-To,MIME-Version,Content-Type,"                       \
    "Content-Transfer-Encoding"

struct dkim_fields {
    struct {
        struct span name; /* the caller's memory */
        bool oversigned;
    } items[DKIM_FIELDS_MAX]; /* in the order of h= */
    size_t count;
};

/* The lists above. */
void dkim_fields_init_default(struct dkim_fields *f);

/* RFC 5322 3.6.8: printable, without blank and colon; and without semicolon, which h= cannot hold.
 */
bool dkim_fields_is_name(struct span name);

/* A name that is there already is no second one. OR_MALFORMED: not a field's name; OR_LIMIT. */
or_status dkim_fields_add(struct dkim_fields *f, struct span name, struct err *e) OR_MUST_USE;
/* Both do nothing for a name that was not added. */
void dkim_fields_oversign(struct dkim_fields *f, struct span name);
void dkim_fields_remove(struct dkim_fields *f, struct span name);
bool dkim_fields_has(const struct dkim_fields *f, struct span name);

#endif
