/*
 * Packets, through libldns. Answers are read defensively: names compared without case, records of
 * the wrong class, type or owner left out, counts bounded.
 */
#include "common/dns/dns_packet.h"

#include <ldns/ldns.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* For a negative answer without SOA (RFC 2308 5: not to be kept long). */
#define NEGATIVE_TTL_S 60

/* ---- names */

/* Lower case, final dot dropped: libldns always writes one. */
static void
tidy_name(char *name)
{
    size_t n = strlen(name);

    if (n > 0 && name[n - 1] == '.')
        name[n - 1] = '\0';
    for (char *c = name; *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
}

static bool
name_of(const ldns_rdf *rdf, char out[DNS_PACKET_NAME_BYTES])
{
    char *text = rdf != NULL ? ldns_rdf2str(rdf) : NULL;
    bool fits = text != NULL && strlen(text) < DNS_PACKET_NAME_BYTES;

    if (fits) {
        memcpy(out, text, strlen(text) + 1);
        tidy_name(out);
    }
    LDNS_FREE(text);
    return fits;
}

or_status
dns_packet_name(struct span name, char out[DNS_PACKET_NAME_BYTES], struct err *e)
{
    ldns_rdf *rdf = NULL;
    char text[DNS_PACKET_NAME_BYTES];

    if (name.n >= sizeof(text) || span_contains_byte(name, '\0'))
        return err_set(e, OR_MALFORMED, "%.*s: name too long or with NUL", SPAN_ARG(name));
    if (name.n != 0)
        memcpy(text, name.p, name.n);
    text[name.n] = '\0';
    ldns_status st = ldns_str2rdf_dname(&rdf, text[0] != '\0' ? text : ".");
    if (st != LDNS_STATUS_OK)
        return err_set(e, OR_MALFORMED, "%s: %s", text, ldns_get_errorstr_by_id(st));
    bool good = name_of(rdf, out);
    ldns_rdf_deep_free(rdf);
    return good ? OR_OK : err_set(e, OR_MALFORMED, "%s: name too long", text);
}

/* ---- queries */

or_status
dns_packet_query(struct buf *out, uint16_t id, enum dns_type type, const char *name, bool edns,
                 struct err *e)
{
    ldns_pkt *packet = NULL;
    uint8_t *wire = NULL;
    size_t size = 0;
    ldns_rdf *rdf = NULL;
    or_status st = OR_BUG;

    if (ldns_str2rdf_dname(&rdf, name[0] != '\0' ? name : ".") != LDNS_STATUS_OK) {
        st = err_set(e, OR_MALFORMED, "%s cannot be asked for", name);
        goto out;
    }
    packet = ldns_pkt_query_new(rdf, (ldns_rr_type)type, LDNS_RR_CLASS_IN, LDNS_RD);
    if (packet == NULL)
        goto out;
    rdf = NULL; /* the packet's now */
    ldns_pkt_set_id(packet, id);
    ldns_pkt_set_ad(packet, true); /* RFC 6840 5.7: tell us whether it was validated */
    if (edns)
        ldns_pkt_set_edns_udp_size(packet, DNS_PACKET_EDNS_BYTES);
    if (ldns_pkt2wire(&wire, packet, &size) != LDNS_STATUS_OK)
        goto out;
    buf_add(out, wire, size);
    st = buf_finish(out);
out:
    if (st == OR_BUG)
        st = err_set(e, OR_BUG, "%s: libldns cannot build a query", name);
    LDNS_FREE(wire);
    ldns_pkt_free(packet);
    ldns_rdf_deep_free(rdf);
    return st;
}

/* ---- replies */

/* What the reading of one reply carries along. */
struct reading {
    ldns_pkt *packet;
    enum dns_type type;
    struct arena *mem;
    struct dns_packet_reply *reply;
    char owner[DNS_PACKET_NAME_BYTES]; /* the name asked, then what its CNAMEs lead to */
    uint32_t ttl_s;
};

static or_status
copy_name(struct reading *r, const ldns_rdf *rdf, struct span *name_out, bool *good_out)
{
    char name[DNS_PACKET_NAME_BYTES];

    *good_out = name_of(rdf, name);
    return *good_out ? arena_copy(r->mem, span_cstr(name), name_out) : OR_OK;
}

static or_status
read_address(const ldns_rdf *rdf, int family, size_t bytes, struct dns_record *out, bool *good_out)
{
    *good_out = rdf != NULL && ldns_rdf_size(rdf) == bytes;
    if (*good_out) {
        out->ip.family = family;
        memcpy(out->ip.bytes, ldns_rdf_data(rdf), bytes);
    }
    return OR_OK;
}

static or_status
read_txt(struct reading *r, const ldns_rr *rr, struct dns_record *out, bool *good_out)
{
    size_t count = ldns_rr_rd_count(rr), total = 0;

    out->txt.strings = arena_alloc_array(r->mem, count, sizeof(struct span));
    if (out->txt.strings == NULL)
        return OR_LIMIT;
    for (size_t i = 0; i < count; i++)
        total += ldns_rdf_size(ldns_rr_rdf(rr, i));
    char *joined = arena_alloc(r->mem, total + 1);
    if (joined == NULL)
        return OR_LIMIT;
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        const ldns_rdf *rdf = ldns_rr_rdf(rr, i);
        size_t size = ldns_rdf_size(rdf);

        if (size == 0) /* not even a length byte */
            continue;
        memcpy(joined + n, ldns_rdf_data(rdf) + 1, size - 1);
        out->txt.strings[out->txt.count++] = span_make(joined + n, size - 1);
        n += size - 1;
    }
    out->txt.joined = span_make(joined, n);
    *good_out = true;
    return OR_OK;
}

static or_status
read_record(struct reading *r, const ldns_rr *rr, struct dns_record *out, bool *good_out)
{
    const ldns_rdf *first = ldns_rr_rdf(rr, 0);

    *good_out = false;
    switch (r->type) {
    case DNS_A:
        return read_address(first, AF_INET, 4, out, good_out);
    case DNS_AAAA:
        return read_address(first, AF_INET6, 16, out, good_out);
    case DNS_MX:
        if (first == NULL || ldns_rr_rd_count(rr) < 2)
            return OR_OK;
        out->mx.preference = ldns_rdf2native_int16(first);
        return copy_name(r, ldns_rr_rdf(rr, 1), &out->mx.host, good_out);
    case DNS_TXT:
        return read_txt(r, rr, out, good_out);
    case DNS_PTR:
    case DNS_NS:
        return copy_name(r, first, &out->name, good_out);
    }
    return OR_OK;
}

static bool
is_owned(const struct reading *r, const ldns_rr *rr, ldns_rr_type type)
{
    char owner[DNS_PACKET_NAME_BYTES];

    return ldns_rr_get_class(rr) == LDNS_RR_CLASS_IN && ldns_rr_get_type(rr) == type &&
           name_of(ldns_rr_owner(rr), owner) && strcmp(owner, r->owner) == 0;
}

static void
note_ttl(struct reading *r, uint32_t ttl_s)
{
    if (ttl_s < r->ttl_s)
        r->ttl_s = ttl_s;
}

/* Follows CNAMEs from the name asked as far as the packet leads. */
static void
follow_aliases(struct reading *r)
{
    const ldns_rr_list *list = ldns_pkt_answer(r->packet);
    size_t count = ldns_rr_list_rr_count(list);
    bool moved = true;

    while (moved && r->reply->alias_hops <= DNS_MAX_CNAMES) {
        moved = false;
        for (size_t i = 0; i < count && !moved; i++) {
            const ldns_rr *rr = ldns_rr_list_rr(list, i);
            char target[DNS_PACKET_NAME_BYTES];

            if (!is_owned(r, rr, LDNS_RR_TYPE_CNAME) || !name_of(ldns_rr_rdf(rr, 0), target))
                continue;
            memcpy(r->owner, target, sizeof(target));
            note_ttl(r, ldns_rr_ttl(rr));
            r->reply->alias_hops++;
            moved = true;
        }
    }
}

static or_status
read_records(struct reading *r, struct dns_answer *answer)
{
    const ldns_rr_list *list = ldns_pkt_answer(r->packet);
    size_t count = ldns_rr_list_rr_count(list), room = 0;

    for (size_t i = 0; i < count && room < DNS_MAX_RECORDS; i++)
        room += is_owned(r, ldns_rr_list_rr(list, i), (ldns_rr_type)r->type);
    answer->records = arena_alloc_array(r->mem, room, sizeof(*answer->records));
    if (answer->records == NULL)
        return OR_LIMIT;
    for (size_t i = 0; i < count && answer->count < room; i++) {
        const ldns_rr *rr = ldns_rr_list_rr(list, i);
        bool good = false;

        if (!is_owned(r, rr, (ldns_rr_type)r->type))
            continue;
        or_status st = read_record(r, rr, &answer->records[answer->count], &good);
        if (st != OR_OK)
            return st;
        if (good) {
            note_ttl(r, ldns_rr_ttl(rr));
            answer->count++;
        }
    }
    return OR_OK;
}

static const ldns_rr *
find_authority(const ldns_pkt *packet, ldns_rr_type type)
{
    const ldns_rr_list *list = ldns_pkt_authority(packet);

    for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++)
        if (ldns_rr_get_type(ldns_rr_list_rr(list, i)) == type)
            return ldns_rr_list_rr(list, i);
    return NULL;
}

/* RFC 2308 5: the smaller of the SOA's own TTL and its last field. */
static uint32_t
negative_ttl(const ldns_rr *soa)
{
    if (soa == NULL || ldns_rr_rd_count(soa) < 7)
        return NEGATIVE_TTL_S;
    uint32_t minimum = ldns_rdf2native_int32(ldns_rr_rdf(soa, 6));
    return minimum < ldns_rr_ttl(soa) ? minimum : ldns_rr_ttl(soa);
}

/* What a reply without records of the type says. */
static void
read_negative(struct reading *r, bool nxdomain, enum dns_packet_verdict *verdict_out)
{
    const ldns_rr *soa = find_authority(r->packet, LDNS_RR_TYPE_SOA);

    /* A CNAME whose end the server did not look up: without an SOA it says nothing about the
     * target. */
    if (r->reply->alias_hops != 0 && !nxdomain && soa == NULL) {
        memcpy(r->reply->alias, r->owner, sizeof(r->owner));
        r->reply->alias_ttl_s = r->ttl_s;
        *verdict_out = DNS_PACKET_ALIAS;
        return;
    }
    /* RFC 2308 2.2: from a server that does not recurse; no word about the name. */
    if (!nxdomain && soa == NULL && find_authority(r->packet, LDNS_RR_TYPE_NS) != NULL) {
        r->reply->failure = "a referral, not an answer";
        *verdict_out = DNS_PACKET_FAILED;
        return;
    }
    note_ttl(r, negative_ttl(soa));
    r->reply->answer->result = nxdomain ? DNS_NXDOMAIN : DNS_NODATA;
    r->reply->answer->ttl_s = r->ttl_s;
}

static or_status
read_answer(struct reading *r, enum dns_packet_verdict *verdict_out)
{
    bool nxdomain = ldns_pkt_get_rcode(r->packet) == LDNS_RCODE_NXDOMAIN;
    struct dns_answer *answer = arena_alloc(r->mem, sizeof(*answer));

    if (answer == NULL)
        return OR_LIMIT;
    follow_aliases(r);
    or_status st = read_records(r, answer);
    if (st != OR_OK)
        return st;
    answer->authenticated = ldns_pkt_ad(r->packet);
    r->reply->answer = answer;
    *verdict_out = DNS_PACKET_ANSWER;
    if (answer->count != 0) {
        answer->result = DNS_FOUND;
        answer->ttl_s = r->ttl_s;
        return OR_OK;
    }
    read_negative(r, nxdomain, verdict_out);
    return OR_OK;
}

/* RFC 5452 9.1: id and question must be what was asked; anything else is somebody else's. */
static bool
is_ours(const ldns_pkt *packet, uint16_t id, enum dns_type type, const char *name)
{
    const ldns_rr *question = ldns_rr_list_rr(ldns_pkt_question(packet), 0);
    char asked[DNS_PACKET_NAME_BYTES];

    return ldns_pkt_qr(packet) && ldns_pkt_id(packet) == id &&
           ldns_pkt_get_opcode(packet) == LDNS_PACKET_QUERY && ldns_pkt_qdcount(packet) == 1 &&
           question != NULL && ldns_rr_get_type(question) == (ldns_rr_type)type &&
           ldns_rr_get_class(question) == LDNS_RR_CLASS_IN &&
           name_of(ldns_rr_owner(question), asked) && strcmp(asked, name) == 0;
}

/* RFC 6891 7: a server without EDNS may answer with nothing but a header. */
static bool
is_bare_error(const ldns_pkt *packet)
{
    ldns_pkt_rcode rcode = ldns_pkt_get_rcode(packet);

    return ldns_pkt_qdcount(packet) == 0 &&
           (rcode == LDNS_RCODE_FORMERR || rcode == LDNS_RCODE_NOTIMPL);
}

/* Only the header: a reply that libldns cannot read still tells by its id whose it is. */
static bool
has_id(struct span bytes, uint16_t id)
{
    return bytes.n >= 12 && (uint8_t)bytes.p[0] == id >> 8 && (uint8_t)bytes.p[1] == (id & 0xff) &&
           ((uint8_t)bytes.p[2] & 0x80) != 0;
}

static enum dns_packet_verdict
judge_rcode(const ldns_pkt *packet, struct dns_packet_reply *reply)
{
    /* RFC 6891 6.1.3: the header has only the lower bits of BADVERS and what came after it. */
    if (ldns_pkt_edns(packet) && ldns_pkt_edns_extended_rcode(packet) != 0) {
        reply->failure = "an EDNS error";
        return DNS_PACKET_NO_EDNS;
    }
    switch (ldns_pkt_get_rcode(packet)) {
    case LDNS_RCODE_NOERROR:
    case LDNS_RCODE_NXDOMAIN:
        return ldns_pkt_tc(packet) ? DNS_PACKET_TRUNCATED : DNS_PACKET_ANSWER;
    case LDNS_RCODE_FORMERR:
    case LDNS_RCODE_NOTIMPL:
        reply->failure = "FORMERR or NOTIMP";
        return DNS_PACKET_NO_EDNS;
    case LDNS_RCODE_SERVFAIL:
        reply->failure = "SERVFAIL";
        return DNS_PACKET_FAILED;
    case LDNS_RCODE_REFUSED:
        reply->failure = "REFUSED";
        return DNS_PACKET_FAILED;
    default:
        reply->failure = "an error code";
        return DNS_PACKET_FAILED;
    }
}

or_status
dns_packet_read(struct span bytes, uint16_t id, enum dns_type type, const char *name,
                struct arena *mem, enum dns_packet_verdict *verdict_out,
                struct dns_packet_reply *reply_out)
{
    ldns_pkt *packet = NULL;
    or_status st = OR_OK;

    *reply_out = (struct dns_packet_reply){.failure = "malformed"};
    *verdict_out = DNS_PACKET_NOT_OURS;
    if (!has_id(bytes, id))
        return OR_OK;
    if (bytes.n > DNS_PACKET_MAX_BYTES) {
        reply_out->failure = "reply too large";
        *verdict_out = DNS_PACKET_FAILED;
        return OR_OK;
    }
    if (ldns_wire2pkt(&packet, (const uint8_t *)bytes.p, bytes.n) != LDNS_STATUS_OK) {
        /* A server that cuts a record in the middle sets TC all the same. */
        *verdict_out = ((uint8_t)bytes.p[2] & 0x02) != 0 ? DNS_PACKET_TRUNCATED : DNS_PACKET_FAILED;
        return OR_OK;
    }
    if (is_ours(packet, id, type, name) || is_bare_error(packet)) {
        *verdict_out = judge_rcode(packet, reply_out);
        if (*verdict_out == DNS_PACKET_ANSWER) {
            struct reading r = {.packet = packet,
                                .type = type,
                                .mem = mem,
                                .reply = reply_out,
                                .ttl_s = UINT32_MAX};
            snprintf(r.owner, sizeof(r.owner), "%s", name);
            st = read_answer(&r, verdict_out);
        }
    }
    ldns_pkt_free(packet);
    return st;
}
