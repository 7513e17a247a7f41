/*
 * Quota rules as Dovecot has them in quota_rule: "*:storage=5G:messages=10000",
 * "Trash:storage=+10%", "Spam:ignore" (Dovecot 2.3, plugin quota).
 *
 * The limits are of everything in the mailbox together; a folder's rule says how full all of it may
 * be for a message to be stored in that folder, or that the folder is not counted.
 *
 * Threads: immutable.
 */
#ifndef OUTRIDER_LMTP_QUOTA_RULE_H
#define OUTRIDER_LMTP_QUOTA_RULE_H

#include "common/base/span.h"
#include "common/base/status.h"
#include "lmtp/maildir/maildir_folder.h"

#include <stdint.h>

#define QUOTA_MAX_FOLDER_RULES 16

/* 0: no limit. */
struct quota_limits {
    int64_t bytes;
    int64_t messages;
};

/* A limit of a folder's rule. */
enum quota_change { QUOTA_SAME, QUOTA_SET, QUOTA_ADD, QUOTA_ADD_PERCENT };
struct quota_amount {
    enum quota_change how;
    int64_t by;
};

struct quota_folder_rule {
    char dirname[MAILDIR_FOLDER_BYTES]; /* "" for INBOX */
    bool and_below;                     /* every name that begins so: "Archive*" */
    bool ignore;
    struct quota_amount bytes, messages;
};

struct quota_rules {
    struct quota_limits limits; /* of "*" */
    struct quota_folder_rule folders[QUOTA_MAX_FOLDER_RULES];
    size_t folder_count;
};

/* Adds one rule to `rules`, which starts zeroed. OR_MALFORMED names what is wrong. OR_LIMIT: more
 * than QUOTA_MAX_FOLDER_RULES folders. */
or_status quota_rules_add(struct quota_rules *rules, struct span rule, struct err *e) OR_MUST_USE;

/* The directory of a folder of any depth, levels separated by '.' or '/'; "" for INBOX.
 * OR_MALFORMED, OR_LIMIT as maildir_folder_dirname(). */
or_status quota_folder_dirname(struct span folder, char out[MAILDIR_FOLDER_BYTES]) OR_MUST_USE;

/* How much may be in the mailbox once a message was stored in this folder. */
struct quota_limits quota_rules_for(const struct quota_rules *rules, const char *dirname);
/* Whether what is in this folder does not count. */
bool quota_rules_ignore(const struct quota_rules *rules, const char *dirname);
bool quota_rules_limit(const struct quota_rules *rules);

/* So many percent (0 to 10000) of an amount, rounded down; no overflow where `percent` <= 100. */
int64_t quota_percent_of(int64_t amount, int64_t percent);

/* Whole numbers with k, M, G, T (each 1024 of the one before) or B; without a letter times
 * `unit_bytes`. "10%" sets *percent_out where that is not NULL. OR_MALFORMED. */
or_status quota_amount_parse(struct span text, int64_t unit_bytes, int64_t *value_out,
                             bool *percent_out) OR_MUST_USE;

#endif
