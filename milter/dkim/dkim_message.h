/*
 * One message on its way through: its header fields as they came, and the set of body hashes that
 * signatures asked for. Verifying and signing share both, so each distinct canonical body is made
 * and hashed once, however many signatures use it.
 *
 * Order: dkim_message_init, _add_header for every field from the top, _want_body for every hash
 * that will be needed, _add_body for every chunk, _finish_body, then _body_hash; _fini in any
 * state.
 *
 * Everything but the digests lives in the arena, whose ceiling is the limit on a header's size.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_MILTER_DKIM_DKIM_MESSAGE_H
#define OUTRIDER_MILTER_DKIM_DKIM_MESSAGE_H

#include "common/base/arena.h"
#include "milter/dkim/dkim_canon.h"
#include "milter/dkim/dkim_crypto.h"

#define DKIM_MESSAGE_MAX_FIELDS                                                                    \
    1000 /* as HEADER_MAX_FIELDS: twice the longest real trace headers */
/* Two canonicalizations, and a few lengths of l=: each costs one more SHA-256 over the body. */
#define DKIM_MESSAGE_MAX_BODY_HASHES 6
#define DKIM_WHOLE_BODY UINT64_MAX
#define DKIM_NO_FIELD SIZE_MAX

struct dkim_field {
    struct span raw;     /* "Name:value\r\n", folds with CRLF */
    struct span name;    /* without white space before the colon; views into raw */
    struct span value;   /* every byte after the colon, without the closing CRLF; views into raw */
    struct span relaxed; /* made when first asked for; p == NULL until then */
    uint32_t name_hash;  /* without case, so that h= lists compare fast */
    unsigned taken_by;   /* the last selection that used this field */
};

struct dkim_body_hash {
    enum dkim_canon canon;
    uint64_t length; /* l=, or DKIM_WHOLE_BODY */
    uint64_t left;   /* of length */
    bool is_cut;     /* the body goes on past length */
    struct dkim_digest *digest;
    unsigned char value[DKIM_HASH_BYTES]; /* after dkim_message_finish_body() */
};

/* One canonical form of the body, feeding all hashes that use it. */
struct dkim_body_feed {
    struct dkim_message *message;
    struct dkim_canon_body canon;
};

struct dkim_message {
    struct arena *mem;
    struct dkim_field *fields; /* from the top */
    size_t field_count;
    size_t field_room;
    unsigned selections;
    struct dkim_body_feed *feeds[2]; /* by enum dkim_canon; NULL: nobody asked */
    struct dkim_body_hash hashes[DKIM_MESSAGE_MAX_BODY_HASHES];
    size_t hash_count;
};

void dkim_message_init(struct dkim_message *m, struct arena *mem);
/* Frees what is not in the arena. Safe to call twice. */
void dkim_message_fini(struct dkim_message *m);

/* `value` is every byte after the colon; bare LFs in it (libmilter) become CRLF. OR_LIMIT over
 * DKIM_MESSAGE_MAX_FIELDS or the arena. */
or_status dkim_message_add_header(struct dkim_message *m, struct span name, struct span value,
                                  struct err *e) OR_MUST_USE;
/* Splits the header off the front of a whole message (RFC 5322, CRLF), adds its fields, and leaves
 * the body. For files: libmilter brings single fields. Limits as above. */
or_status dkim_message_add_text(struct dkim_message *m, struct span message, struct span *body_out,
                                struct err *e) OR_MUST_USE;
/* How many fields have that name. */
size_t dkim_message_count(const struct dkim_message *m, struct span name);

/* Feeds the fields named in `names` into the digest, canonical, as RFC 6376 5.4.2 chooses them:
 * each mention of a name takes the lowest field of that name not taken yet, and nothing when there
 * is none left. The field at index `own` (the signature itself) is never taken; DKIM_NO_FIELD:
 * none. */
or_status
dkim_message_hash_fields(struct dkim_message *m, enum dkim_canon canon, const struct span *names,
                         size_t name_count, size_t own, struct dkim_digest *digest) OR_MUST_USE;
/* Feeds the field at `index`, canonical. */
or_status dkim_message_hash_field(struct dkim_message *m, enum dkim_canon canon, size_t index,
                                  struct dkim_digest *digest) OR_MUST_USE;
/* Feeds one canonical field without its closing CRLF: the signature field itself (RFC 6376 3.7). */
or_status dkim_message_hash_own(enum dkim_canon canon, struct span raw, struct arena *mem,
                                struct dkim_digest *digest) OR_MUST_USE;

/* Asks for a body hash before the first chunk; equal wishes get the same slot. `length` counts
 * canonical bytes, DKIM_WHOLE_BODY for all. OR_LIMIT over DKIM_MESSAGE_MAX_BODY_HASHES or the
 * arena. */
or_status dkim_message_want_body(struct dkim_message *m, enum dkim_canon canon, uint64_t length,
                                 size_t *slot_out) OR_MUST_USE;
/* Chunks may end anywhere. */
void dkim_message_add_body(struct dkim_message *m, struct span chunk);
/* Once. */
void dkim_message_finish_body(struct dkim_message *m);
/* The hash, whether the body was shorter than the length asked for, and whether it was longer. */
const struct dkim_body_hash *dkim_message_body_hash(const struct dkim_message *m, size_t slot);
bool dkim_body_hash_is_short(const struct dkim_body_hash *hash);
bool dkim_body_hash_is_cut(const struct dkim_body_hash *hash);

#endif
