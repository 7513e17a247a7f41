/*
 * Sieve (RFC 5228): what all files of this folder agree on: extensions, limits, the message a
 * script looks at and the actions it asks for.
 *
 * A script is compiled once (sieve_script.h) and run over any number of messages (sieve_run.h). A
 * run touches nothing: it yields a list of actions that the caller performs.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_LMTP_SIEVE_SIEVE_H
#define OUTRIDER_LMTP_SIEVE_SIEVE_H

#include "common/text/header.h"

/* Ceilings. A script is its owner's, and owners make mistakes: none may cost the others. */
#define SIEVE_MAX_SCRIPT_BYTES ((size_t)1 << 20)
#define SIEVE_MAX_SCRIPT_MEMORY ((size_t)16 << 20) /* of the compiled tree */
#define SIEVE_MAX_NESTING 32                       /* RFC 5228 2.10.5: at least 15 */
#define SIEVE_MAX_NODES 20000                      /* commands and tests of a script */
#define SIEVE_MAX_NUMBER 4294967295U               /* RFC 5228 2.4.1: at least 2147483647 */
#define SIEVE_MAX_STEPS 50000                      /* commands and tests run for a message */
#define SIEVE_MAX_WORK ((size_t)64 << 20)          /* bytes compared for a message */
#define SIEVE_MAX_RUN_MEMORY ((size_t)16 << 20)    /* of one run */
#define SIEVE_MAX_ACTIONS 32
#define SIEVE_MAX_REDIRECTS 4
#define SIEVE_MAX_VARIABLES 128 /* RFC 5229 6: at least 128 */
#define SIEVE_MAX_NOTIFICATIONS 10
#define SIEVE_MAX_NOTIFIED 8          /* addresses of one notification */
#define SIEVE_MAX_VARIABLE_BYTES 4000 /* RFC 5229 6: at least 4000 */
#define SIEVE_MAX_STRING_BYTES 65536  /* of a string after its variables are put in */
#define SIEVE_MAX_FLAGS_BYTES 4096    /* of all flags of a message */
/* RFC 5230 4.1: how long nobody is answered twice. */
#define SIEVE_VACATION_DAYS 7
#define SIEVE_VACATION_MAX_DAYS 365
/* RFC 7352 3.3: how long a message counts as seen. */
#define SIEVE_DUPLICATE_S 604800
#define SIEVE_DUPLICATE_MAX_S 2592000
#define SIEVE_MAX_MARKS 32
#define SIEVE_MAX_EDITS 64 /* of a message's header */
#define SIEVE_MAX_INCLUDE_DEPTH 10
#define SIEVE_MAX_INCLUDES 255   /* of one run */
#define SIEVE_MAX_NAME_BYTES 128 /* of a script; RFC 5804 1.6: characters, here bytes */

/* Bits of what a script has required; more than an enum can hold. */
#define SIEVE_CORE UINT64_C(0)
#define SIEVE_FILEINTO (UINT64_C(1) << 0)
#define SIEVE_ENVELOPE (UINT64_C(1) << 1)
#define SIEVE_ENCODED_CHARACTER (UINT64_C(1) << 2)
#define SIEVE_COPY (UINT64_C(1) << 3)
#define SIEVE_RELATIONAL (UINT64_C(1) << 4)
#define SIEVE_NUMERIC (UINT64_C(1) << 5)
#define SIEVE_SUBADDRESS (UINT64_C(1) << 6)
#define SIEVE_IMAP4FLAGS (UINT64_C(1) << 7)
#define SIEVE_VARIABLES (UINT64_C(1) << 8)
#define SIEVE_REJECT (UINT64_C(1) << 9)
#define SIEVE_EREJECT (UINT64_C(1) << 10)
#define SIEVE_DATE (UINT64_C(1) << 11)
#define SIEVE_INDEX (UINT64_C(1) << 12)
#define SIEVE_ENVIRONMENT (UINT64_C(1) << 13)
#define SIEVE_REGEX (UINT64_C(1) << 14)
#define SIEVE_MAILBOX (UINT64_C(1) << 15)
#define SIEVE_VACATION (UINT64_C(1) << 16)
#define SIEVE_VACATION_SECONDS (UINT64_C(1) << 17)
#define SIEVE_FCC (UINT64_C(1) << 18)
#define SIEVE_ENOTIFY (UINT64_C(1) << 19)
#define SIEVE_IHAVE (UINT64_C(1) << 20)
#define SIEVE_DUPLICATE (UINT64_C(1) << 21)
#define SIEVE_INCLUDE (UINT64_C(1) << 22)
#define SIEVE_EDITHEADER (UINT64_C(1) << 23)
/* RFC 5463 4: these change how a script is read. */
#define SIEVE_GRAMMAR (SIEVE_ENCODED_CHARACTER | SIEVE_VARIABLES)

struct sieve_script;

enum sieve_place { SIEVE_PERSONAL, SIEVE_GLOBAL };

/* What a script looks at. Everything must outlive the run and what came of it. */
struct sieve_message {
    const struct header_block *header;
    uint64_t size_bytes; /* as sent, CRLF line ends */
    struct span sender;  /* the envelope's, "a@b"; empty: <> */
    struct span recipient;
    time_t now; /* currentdate (RFC 5260) */
    /* Our time zone at that moment, seconds east of Greenwich. NULL: UTC. */
    long (*local_offset_s)(time_t when);
    struct span host;      /* our name (RFC 5183); empty: not known */
    struct span remote_ip; /* of the client; empty: not known */
    char detail_separator; /* user+detail (RFC 5233); NUL: none */
    /* Whether the folder is there (RFC 5490 3.1). NULL: there is none but INBOX. */
    bool (*mailbox_exists)(void *context, struct span folder);
    /* Whether the owner was sent something with this identifier before (RFC 7352). NULL: nothing.
     */
    bool (*was_seen)(void *context, struct span id);
    /* Another script to be included (RFC 6609), which lives as long as the run. OR_ABSENT: there is
     * none of that name, which is safe to look for; others: `e` says why it cannot be. NULL: there
     * are no others. */
    or_status (*load)(void *context, enum sieve_place place, struct span name,
                      const struct sieve_script **script_out, struct err *e);
    void *context; /* of all three */
};

/* What is to be remembered once the message is delivered (RFC 7352 3). */
struct sieve_mark {
    struct span id; /* any bytes */
    int64_t period_s;
    bool was_seen;
    bool renews; /* the period begins anew each time */
};

enum sieve_action_kind {
    SIEVE_KEEP,
    SIEVE_FILEINTO_FOLDER,
    SIEVE_REDIRECT_TO,
    SIEVE_REFUSE, /* reject or ereject */
    SIEVE_ANSWER, /* vacation */
    SIEVE_NOTIFY,
};

/* Where a copy of a message goes that a script sends (RFC 8580). */
struct sieve_fcc {
    struct span folder; /* UTF-8; empty: nowhere */
    struct span flags;
    bool create;
};

/* RFC 5230 4; the reason is the action's target. What was not given is empty. */
struct sieve_vacation {
    int64_t period_s; /* nobody is answered twice within it; 0: everybody always (RFC 6131 2) */
    struct span subject;
    struct span from; /* a mailbox of RFC 5322, in UTF-8 */
    struct span handle;
    const struct span *addresses; /* further ones of the owner's */
    size_t address_count;
    bool mime; /* the reason is a MIME entity */
    struct sieve_fcc fcc;
};

enum sieve_notified_as { SIEVE_NOTIFIED_TO, SIEVE_NOTIFIED_CC, SIEVE_NOTIFIED_BCC };
struct sieve_notified {
    struct span address;
    enum sieve_notified_as as;
};

/* RFC 5435 3, RFC 5436 2; the URI is the action's target. What was not given is empty. */
struct sieve_notification {
    struct sieve_notified to[SIEVE_MAX_NOTIFIED];
    size_t count;
    struct span subject, body; /* of the URI */
    struct span from;          /* a mailbox of RFC 5322, in UTF-8 */
    struct span message;
    char importance; /* '1' (high) to '3' */
    struct sieve_fcc fcc;
};

struct sieve_action {
    enum sieve_action_kind kind;
    struct span target; /* folder (UTF-8), address, reason, answer or URI */
    struct span flags;  /* IMAP flags and keywords, separated by a blank; empty: none */
    bool create;        /* fileinto :create (RFC 5490) */
    /* The header as edits had left it then (RFC 5293 7); lives as long as the run. NULL: as it
     * came.
     */
    const struct header_block *header;
    const struct sieve_vacation *vacation;         /* of SIEVE_ANSWER; lives as long as the run */
    const struct sieve_notification *notification; /* of SIEVE_NOTIFY; the same */
};

/* No action at all: the message is discarded. */
struct sieve_actions {
    struct sieve_action items[SIEVE_MAX_ACTIONS];
    size_t count;
};

#endif
