/*
 * One message to its recipients: header read, files written, scripts asked, places chosen, each
 * recipient answered.
 *
 *     deliver_open -> deliver_write ... -> deliver_commit -> deliver_close
 *
 * The header is held in memory; the body goes straight to disk. Recipients whose mailboxes have one
 * owner and one file system share one file, written and fsync()ed once; its content is then the
 * same for all, so it has no Delivered-To (as stock Dovecot leaves it out when there are several
 * recipients). Others get a file of their own with Delivered-To. A recipient's failure is that
 * recipient's alone.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_LMTP_DELIVER_H
#define OUTRIDER_LMTP_DELIVER_H

#include "common/run/kvstore.h"
#include "lmtp/lmtp_reply.h"
#include "lmtp/maildir/maildir_settle.h"
#include "lmtp/message_head.h"
#include "lmtp/quota_warning.h"
#include "lmtp/relay.h"
#include "lmtp/sieve_cache.h"
#include "lmtp/spool.h"

/* What the deliveries of a process have in common; shared by all threads. */
struct deliver_shared {
    atomic_uint_fast64_t last; /* numbers the files */
    struct maildir_settled settled;
    struct sieve_cache *scripts;
    struct kvstore *store; /* what scripts remember; NULL: nothing */
};

/* A transaction as the session collected it; lives in the transaction's arena. */
struct deliver_envelope {
    struct span lhlo;    /* the client's name for itself, checked */
    struct ip client_ip; /* whose LHLO it is; family 0: not known */
    struct span sender;  /* "a@b", empty for <> */
    bool smtputf8;
    bool secure;        /* came over TLS */
    bool binary;        /* BODY=BINARYMIME */
    int64_t size_bytes; /* as MAIL FROM said; 0: it did not */
    struct recipient *recipients;
    size_t recipient_count;
};

struct deliver_redirection {
    struct span address;
    const struct header_block *header; /* as the script has edited it; NULL: as it came */
};

/* One recipient's way through delivery. */
struct deliver_target {
    const struct recipient *recipient;
    struct maildir box;                 /* the folder it goes to; not open once refused */
    const char *folder;                 /* its name, for the log */
    char dirname[MAILDIR_FOLDER_BYTES]; /* its directory in the Maildir, "" for INBOX */
    dev_t device;
    struct relay *relay;                  /* to the server that has accepted it; NULL: it is ours */
    size_t spool;                         /* index, when the box is open */
    size_t source;                        /* of the spool that has the message as it came */
    struct maildir_name name;             /* in new/ */
    char flags[MAILDIR_NAME_FLAGS_BYTES]; /* of the file's name */
    bool withheld;                        /* no copy here: a script has others in `more` */
    struct deliver_target *more;          /* further places for this recipient; NULL: none */
    struct deliver_redirection *redirects; /* that a script has sent it on to */
    size_t redirect_count;
    const struct sieve_action *letters; /* that a script writes: vacation and notify */
    size_t letter_count;
    const struct sieve_mark *marks; /* what the scripts want to be remembered */
    size_t mark_count;
    const char *script_fault; /* of the owner's script, in words; NULL: none */
    const struct deliver_target
        *twin;                /* the same mailbox and folder, named before: delivered once */
    struct quota_alarm alarm; /* is given once all have been answered */
    struct lmtp_reply reply;  /* code 0: none yet */
    struct err reason;        /* of a refusal, for the log; empty text: none */
};

struct deliver {
    const struct lmtp_settings *settings;
    const struct deliver_envelope *envelope;
    struct deliver_shared *shared;
    struct arena *mem;
    char id[17];           /* ours, for Received, reply and log */
    struct buf head_bytes; /* until the header is complete */
    bool head_done;
    struct message_head head;
    struct owner_switch turn;       /* whose mailbox is worked on; nobody's between two calls */
    struct deliver_target *targets; /* as many as there are recipients */
    struct spool *spools;
    struct deliver_target **leaders; /* of each spool: the target in whose tmp/ it lies */
    size_t *members;                 /* of each spool: how many targets want it */
    size_t spool_count, spool_room;  /* of places in the three above */
    bool has_redirects;
    struct relay *relays; /* to other servers */
    size_t relay_count;
    uint64_t wire_bytes;       /* size of the message as sent, for the log; the session sets it */
    struct lmtp_reply refusal; /* of the whole message; code 0: none */
};

/* The arena must outlive the delivery. OR_LIMIT: the arena is used up. */
or_status deliver_open(struct deliver *d, const struct lmtp_settings *settings,
                       const struct deliver_envelope *envelope, struct deliver_shared *shared,
                       struct arena *mem) OR_MUST_USE;

/* The next bytes of the message, LF line ends. */
void deliver_write(struct deliver *d, struct span bytes);

/* Nobody gets this message, all recipients get this reply. The first refusal stands. The text must
 * be static. */
void deliver_refuse(struct deliver *d, const struct lmtp_reply *reply);

/* The message has ended: it is put into all mailboxes and made durable there. Then each target has
 * its reply; when that says 250, the message survives whatever happens next. */
void deliver_commit(struct deliver *d);

/* For a file of this process: never the same twice. */
struct maildir_name deliver_next_name(struct deliver *d);

/* Cleans up; at any point after deliver_open(). Mail that was not placed is gone. */
void deliver_close(struct deliver *d);

#endif
