/*
 * OpenSSL behind two opaque keys and a digest. What differs between RSA and Ed25519 is in the table
 * of key types; nothing above this file knows how a signature is made.
 */
#include "milter/dkim/dkim_crypto.h"

#include "common/base/crypto.h"
#include "common/base/xalloc.h"
#include "common/text/base64.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define ED25519_KEY_BYTES 32       /* RFC 8032 5.1.5 */
#define ED25519_SIGNATURE_BYTES 64 /* RFC 8032 5.1.6 */
#define MAX_EXPONENT_BITS 64
#define RECORD_MAX_BYTES 4096
#define SIGNATURE_MAX_BYTES 1024

/* dkim_digest is EVP_MD_CTX under another name, so that only this file needs OpenSSL. */
static EVP_MD_CTX *
md_of(struct dkim_digest *d)
{
    return (EVP_MD_CTX *)d;
}

static EVP_MD_CTX *
md_new(void)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();

    if (md == NULL)
        abort(); /* out of memory: xalloc.h */
    return md;
}

struct dkim_digest *
dkim_digest_new(void)
{
    EVP_MD_CTX *md = md_new();

    if (EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
        abort();
    return (struct dkim_digest *)md;
}

void
dkim_digest_update(struct dkim_digest *d, const char *p, size_t n)
{
    if (EVP_DigestUpdate(md_of(d), p, n) != 1)
        abort();
}

struct dkim_digest *
dkim_digest_copy(const struct dkim_digest *d)
{
    EVP_MD_CTX *md = md_new();

    if (EVP_MD_CTX_copy_ex(md, (const EVP_MD_CTX *)d) != 1)
        abort();
    return (struct dkim_digest *)md;
}

void
dkim_digest_final(struct dkim_digest *d, unsigned char hash_out[DKIM_HASH_BYTES])
{
    if (EVP_DigestFinal_ex(md_of(d), hash_out, NULL) != 1)
        abort();
}

void
dkim_digest_free(struct dkim_digest *d)
{
    EVP_MD_CTX_free(md_of(d));
}

/* The newest reason in OpenSSL's queue, which is emptied. */
static const char *
openssl_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    ERR_clear_error();
    return reason != NULL ? reason : "no reason given";
}

/* Keys are EVP_PKEYs under other names. */
static EVP_PKEY *
public_pkey(const struct dkim_public *key)
{
    return (EVP_PKEY *)(uintptr_t)key;
}

static EVP_PKEY *
private_pkey(const struct dkim_private *key)
{
    return (EVP_PKEY *)(uintptr_t)key;
}

/* RFC 6376 3.6.1 says RSAPublicKey; everyone publishes SubjectPublicKeyInfo, and verifiers
 * take both. */
static EVP_PKEY *
rsa_public_decode(struct span der)
{
    const unsigned char *p = (const unsigned char *)der.p;
    EVP_PKEY *pkey = NULL;

    if (der.n == 0 || der.n > LONG_MAX)
        return NULL;
    pkey = d2i_PUBKEY(NULL, &p, (long)der.n);
    if (pkey == NULL) {
        ERR_clear_error();
        p = (const unsigned char *)der.p;
        pkey = d2i_PublicKey(EVP_PKEY_RSA, NULL, &p, (long)der.n);
    }
    if (pkey != NULL && p != (const unsigned char *)der.p + der.n) {
        EVP_PKEY_free(pkey);
        return NULL;
    }
    return pkey;
}

static bool
is_exponent_small(EVP_PKEY *pkey)
{
    BIGNUM *exponent = NULL;
    bool small = EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1 &&
                 BN_num_bits(exponent) <= MAX_EXPONENT_BITS;

    BN_free(exponent);
    return small;
}

static or_status
rsa_public_parse(struct span bytes, EVP_PKEY **pkey_out, struct err *e)
{
    EVP_PKEY *pkey = rsa_public_decode(bytes);

    if (pkey == NULL)
        return err_set(e, OR_MALFORMED, "p= is not an RSA public key: %s", openssl_reason());
    if (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_RSA || !is_exponent_small(pkey)) {
        EVP_PKEY_free(pkey);
        ERR_clear_error();
        return err_set(e, OR_MALFORMED, "p= is not a usual RSA public key");
    }
    *pkey_out = pkey;
    return OR_OK;
}

static or_status
ed25519_public_parse(struct span bytes, EVP_PKEY **pkey_out, struct err *e)
{
    if (bytes.n != ED25519_KEY_BYTES)
        return err_set(e, OR_MALFORMED, "p= has %zu bytes, an Ed25519 key has 32", bytes.n);
    EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
                                                 (const unsigned char *)bytes.p, bytes.n);
    if (pkey == NULL)
        return err_set(e, OR_MALFORMED, "p= is not an Ed25519 key: %s", openssl_reason());
    *pkey_out = pkey;
    return OR_OK;
}

static bool
rsa_verify(EVP_PKEY *pkey, const unsigned char hash[DKIM_HASH_BYTES], struct span signature)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
    bool ok = ctx != NULL && EVP_PKEY_verify_init(ctx) == 1 &&
              EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
              EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
              EVP_PKEY_verify(ctx, (const unsigned char *)signature.p, signature.n, hash,
                              DKIM_HASH_BYTES) == 1;

    EVP_PKEY_CTX_free(ctx);
    return ok;
}

/* RFC 8463 3: PureEdDSA over the hash. */
static bool
ed25519_verify(EVP_PKEY *pkey, const unsigned char hash[DKIM_HASH_BYTES], struct span signature)
{
    EVP_MD_CTX *md = md_new();
    bool ok = signature.n == ED25519_SIGNATURE_BYTES &&
              EVP_DigestVerifyInit(md, NULL, NULL, NULL, pkey) == 1 &&
              EVP_DigestVerify(md, (const unsigned char *)signature.p, signature.n, hash,
                               DKIM_HASH_BYTES) == 1;

    EVP_MD_CTX_free(md);
    return ok;
}

static bool
rsa_sign(EVP_PKEY *pkey, const unsigned char hash[DKIM_HASH_BYTES], unsigned char *out, size_t *n)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
    bool ok = ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
              EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
              EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
              EVP_PKEY_sign(ctx, out, n, hash, DKIM_HASH_BYTES) == 1;

    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static bool
ed25519_sign(EVP_PKEY *pkey, const unsigned char hash[DKIM_HASH_BYTES], unsigned char *out,
             size_t *n)
{
    EVP_MD_CTX *md = md_new();
    bool ok = EVP_DigestSignInit(md, NULL, NULL, NULL, pkey) == 1 &&
              EVP_DigestSign(md, out, n, hash, DKIM_HASH_BYTES) == 1;

    EVP_MD_CTX_free(md);
    return ok;
}

static EVP_PKEY *
rsa_generate(unsigned bits)
{
    return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits);
}

static EVP_PKEY *
ed25519_generate(unsigned bits)
{
    (void)bits;
    return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

/* What is published in p= (RFC 6376 3.6.1, RFC 8463 4.2), appended raw. */
static bool
rsa_publish(EVP_PKEY *pkey, struct buf *out)
{
    unsigned char *der = NULL;
    int n = i2d_PUBKEY(pkey, &der);

    if (n <= 0)
        return false;
    buf_add(out, der, (size_t)n);
    OPENSSL_free(der);
    return true;
}

static bool
ed25519_publish(EVP_PKEY *pkey, struct buf *out)
{
    unsigned char raw[ED25519_KEY_BYTES];
    size_t n = sizeof(raw);

    if (EVP_PKEY_get_raw_public_key(pkey, raw, &n) != 1)
        return false;
    buf_add(out, raw, n);
    return true;
}

static const struct {
    or_status (*public_parse)(struct span bytes, EVP_PKEY **pkey_out, struct err *e);
    bool (*verify)(EVP_PKEY *pkey, const unsigned char *hash, struct span signature);
    bool (*sign)(EVP_PKEY *pkey, const unsigned char *hash, unsigned char *out, size_t *n);
    EVP_PKEY *(*generate)(unsigned bits);
    bool (*publish)(EVP_PKEY *pkey, struct buf *out);
} types[] = {
    [DKIM_KEY_RSA] = {rsa_public_parse, rsa_verify, rsa_sign, rsa_generate, rsa_publish},
    [DKIM_KEY_ED25519] = {ed25519_public_parse, ed25519_verify, ed25519_sign, ed25519_generate,
                          ed25519_publish},
};

/* Both kinds of keys were made by this file, so the type is one of the two. */
static enum dkim_key_type
type_of(EVP_PKEY *pkey)
{
    return EVP_PKEY_get_base_id(pkey) == EVP_PKEY_RSA ? DKIM_KEY_RSA : DKIM_KEY_ED25519;
}

or_status
dkim_public_parse(enum dkim_key_type type, struct span bytes, struct dkim_public **key_out,
                  struct err *e)
{
    EVP_PKEY *pkey = NULL;
    or_status st = types[type].public_parse(bytes, &pkey, e);

    if (st == OR_OK)
        *key_out = (struct dkim_public *)pkey;
    return st;
}

unsigned
dkim_public_bits(const struct dkim_public *key)
{
    return (unsigned)EVP_PKEY_get_bits(public_pkey(key));
}

bool
dkim_public_verify(const struct dkim_public *key, const unsigned char hash[DKIM_HASH_BYTES],
                   struct span signature)
{
    EVP_PKEY *pkey = public_pkey(key);
    bool ok = types[type_of(pkey)].verify(pkey, hash, signature);

    ERR_clear_error();
    return ok;
}

struct dkim_public *
dkim_public_share(struct dkim_public *key)
{
    if (EVP_PKEY_up_ref(public_pkey(key)) != 1)
        abort();
    return key;
}

void
dkim_public_free(struct dkim_public *key)
{
    EVP_PKEY_free(public_pkey(key));
}

/* OpenSSL asks for a passphrase only when the key is encrypted: note that and give none. */
static int
refuse_passphrase(char *buf, int size, int rwflag, void *asked)
{
    (void)buf;
    (void)size;
    (void)rwflag;
    *(bool *)asked = true;
    return -1;
}

static or_status
check_private(EVP_PKEY *pkey, struct err *e)
{
    int id = EVP_PKEY_get_base_id(pkey);
    int bits = EVP_PKEY_get_bits(pkey);

    if (id == EVP_PKEY_ED25519)
        return OR_OK;
    if (id != EVP_PKEY_RSA)
        return err_set(e, OR_CONFIG, "a key of type %s; DKIM needs RSA or Ed25519",
                       EVP_PKEY_get0_type_name(pkey));
    if (bits < DKIM_MIN_RSA_BITS)
        return err_set(e, OR_CONFIG, "an RSA key of %d bits; RFC 8301 asks for 1024 at least",
                       bits);
    if (bits > DKIM_MAX_RSA_BITS)
        return err_set(e, OR_CONFIG, "an RSA key of %d bits; verifiers take 4096 at most", bits);
    return OR_OK;
}

or_status
dkim_private_parse(struct span pem, struct dkim_private **key_out, struct err *e)
{
    bool asked = false;

    if (pem.n == 0 || pem.n > DKIM_PEM_MAX_BYTES)
        return err_set(e, OR_CONFIG, "not a PEM key: %zu bytes", pem.n);
    BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
    if (bio == NULL)
        abort(); /* out of memory: xalloc.h */
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, refuse_passphrase, &asked);
    BIO_free(bio);
    if (pkey == NULL && asked) {
        ERR_clear_error();
        return err_set(e, OR_CONFIG, "the key is encrypted; store it without a passphrase");
    }
    if (pkey == NULL)
        return err_set(e, OR_CONFIG, "not a PEM private key: %s", openssl_reason());
    or_status st = check_private(pkey, e);
    if (st != OR_OK)
        EVP_PKEY_free(pkey);
    else
        *key_out = (struct dkim_private *)pkey;
    return st;
}

/* An open, ordinary file that others have no right to (DESIGN.md 5). */
static or_status
check_file(int fd, struct err *e)
{
    struct stat info;

    if (fstat(fd, &info) != 0)
        return err_set(e, OR_CONFIG, "%s", os_error_text(errno));
    if (!S_ISREG(info.st_mode))
        return err_set(e, OR_CONFIG, "not an ordinary file");
    if ((info.st_mode & S_IRWXO) != 0)
        return err_set(e, OR_CONFIG, "mode %04o lets others at the key; use chmod 0600",
                       (unsigned)(info.st_mode & 07777));
    return OR_OK;
}

static or_status
read_all(int fd, char *bytes, size_t max, size_t *n_out, struct err *e)
{
    size_t n = 0;

    for (;;) {
        ssize_t got = read(fd, bytes + n, max - n);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_set(e, OR_CONFIG, "%s", os_error_text(errno));
        if (got == 0)
            break;
        n += (size_t)got;
        if (n == max)
            return err_set(e, OR_CONFIG, "larger than any key");
    }
    *n_out = n;
    return OR_OK;
}

or_status
dkim_private_read(const char *path, struct dkim_private **key_out, struct err *e)
{
    char bytes[DKIM_PEM_MAX_BYTES + 1];
    size_t n = 0;
    /* O_NONBLOCK: a FIFO in the directory must not hang the start. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return err_set(e, OR_CONFIG, "%s: %s", path, os_error_text(errno));
    or_status st = check_file(fd, e);
    if (st == OR_OK)
        st = read_all(fd, bytes, sizeof(bytes), &n, e);
    close(fd);
    if (st == OR_OK)
        st = dkim_private_parse(span_make(bytes, n), key_out, e);
    crypto_wipe(bytes, sizeof(bytes));
    return st == OR_OK ? OR_OK : err_wrap(e, st, "%s", path);
}

or_status
dkim_private_generate(enum dkim_key_type type, unsigned bits, struct dkim_private **key_out,
                      struct err *e)
{
    if (type == DKIM_KEY_RSA && (bits < DKIM_MIN_RSA_BITS || bits > DKIM_MAX_RSA_BITS))
        return err_set(e, OR_CONFIG, "RSA keys have 1024 to 4096 bits, not %u", bits);
    EVP_PKEY *pkey = types[type].generate(bits);
    if (pkey == NULL)
        return err_set(e, OR_BUG, "cannot make a key: %s", openssl_reason());
    *key_out = (struct dkim_private *)pkey;
    return OR_OK;
}

or_status
dkim_private_format(const struct dkim_private *key, struct buf *out)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    char *pem = NULL;

    if (bio == NULL)
        abort(); /* out of memory: xalloc.h */
    int ok = PEM_write_bio_PKCS8PrivateKey(bio, private_pkey(key), NULL, NULL, 0, NULL, NULL);
    long n = BIO_get_mem_data(bio, &pem);
    if (ok == 1 && n > 0) {
        buf_add(out, pem, (size_t)n);
        crypto_wipe(pem, (size_t)n);
    }
    BIO_free(bio);
    ERR_clear_error();
    return ok == 1 && n > 0 ? buf_finish(out) : OR_BUG;
}

enum dkim_key_type
dkim_private_type(const struct dkim_private *key)
{
    return type_of(private_pkey(key));
}

unsigned
dkim_private_bits(const struct dkim_private *key)
{
    return (unsigned)EVP_PKEY_get_bits(private_pkey(key));
}

bool
dkim_private_matches(const struct dkim_private *key, const struct dkim_public *public_key)
{
    return EVP_PKEY_eq(private_pkey(key), public_pkey(public_key)) == 1;
}

or_status
dkim_private_format_record(const struct dkim_private *key, struct buf *out)
{
    enum dkim_key_type type = dkim_private_type(key);
    struct buf raw;

    buf_init(&raw, RECORD_MAX_BYTES);
    bool ok = types[type].publish(private_pkey(key), &raw);
    buf_addf(out, "v=DKIM1; k=%s; p=", dkim_key_type_name(type));
    base64_encode(out, buf_span(&raw));
    or_status st = ok ? buf_finish(&raw) : OR_BUG;
    buf_fini(&raw);
    ERR_clear_error();
    return st == OR_OK ? buf_finish(out) : st;
}

or_status
dkim_private_sign(const struct dkim_private *key, const unsigned char hash[DKIM_HASH_BYTES],
                  struct arena *mem, struct span *signature_out, struct err *e)
{
    unsigned char bytes[SIGNATURE_MAX_BYTES];
    size_t n = sizeof(bytes);

    if (!types[dkim_private_type(key)].sign(private_pkey(key), hash, bytes, &n))
        return err_set(e, OR_BUG, "cannot sign: %s", openssl_reason());
    if (arena_copy(mem, span_make((const char *)bytes, n), signature_out) != OR_OK)
        return err_set(e, OR_LIMIT, "no memory left for the signature");
    return OR_OK;
}

void
dkim_private_free(struct dkim_private *key)
{
    EVP_PKEY_free(private_pkey(key));
}
