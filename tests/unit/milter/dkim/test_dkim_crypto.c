/* Keys: what is taken, what is refused, and that what one end signs the other verifies. */
#include "milter/dkim/dkim_crypto.h"

#include "common/text/base64.h"
#include "tests/support/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

static struct span
pem_of(BIO *bio)
{
    char *p = NULL;
    long n = BIO_get_mem_data(bio, &p);

    return span_make(p, (size_t)n);
}

START_TEST(sha256)
{
    unsigned char a[DKIM_HASH_BYTES], b[DKIM_HASH_BYTES];
    /* FIPS 180-2 B.1: "abc" */
    static const unsigned char want[] = {0xba, 0x78, 0x16, 0xbf};
    struct dkim_digest *d = dkim_digest_new();

    dkim_digest_update(d, "ab", 2);
    struct dkim_digest *copy = dkim_digest_copy(d);
    dkim_digest_update(d, "c", 1);
    dkim_digest_final(d, a);
    dkim_digest_update(copy, "c", 1);
    dkim_digest_final(copy, b);
    ck_assert_mem_eq(a, want, sizeof(want));
    ck_assert_mem_eq(a, b, sizeof(a));
    dkim_digest_free(d);
    dkim_digest_free(copy);
    dkim_digest_free(NULL);
}
END_TEST

static struct dkim_public *
public_of(const struct dkim_private *key)
{
    struct buf record, bytes;
    struct dkim_public *public_key = NULL;
    struct err e;

    buf_init(&record, 4096);
    buf_init(&bytes, 4096);
    ck_assert_int_eq(dkim_private_format_record(key, &record), OR_OK);
    size_t at = span_rfind(span_slice(buf_span(&record), 0, record.n - 2), ' ') + 3;
    ck_assert_int_eq(base64_decode(span_from(buf_span(&record), at), BASE64_STRICT, &bytes), OR_OK);
    ck_assert_int_eq(dkim_public_parse(dkim_private_type(key), buf_span(&bytes), &public_key, &e),
                     OR_OK);
    buf_fini(&record);
    buf_fini(&bytes);
    return public_key;
}

START_TEST(sign_and_verify)
{
    enum dkim_key_type type = (enum dkim_key_type)_i;
    struct dkim_private *key = NULL, *back = NULL;
    unsigned char hash[DKIM_HASH_BYTES] = {1, 2, 3};
    struct arena mem;
    struct span signature;
    struct buf pem;
    struct err e;

    arena_init(&mem, 65536);
    buf_init(&pem, DKIM_PEM_MAX_BYTES);
    ck_assert_int_eq(dkim_private_generate(type, 1024, &key, &e), OR_OK);
    ck_assert_int_eq(dkim_private_type(key), type);
    ck_assert_int_eq(dkim_private_format(key, &pem), OR_OK);
    ck_assert_int_eq(dkim_private_parse(buf_span(&pem), &back, &e), OR_OK);
    ck_assert_int_eq(dkim_private_sign(back, hash, &mem, &signature, &e), OR_OK);
    struct dkim_public *public_key = public_of(key);
    ck_assert_uint_eq(dkim_public_bits(public_key), type == DKIM_KEY_RSA ? 1024 : 256);
    ck_assert(dkim_public_verify(public_key, hash, signature));
    hash[31] ^= 1;
    ck_assert(!dkim_public_verify(public_key, hash, signature));
    hash[31] ^= 1;
    ck_assert(!dkim_public_verify(public_key, hash, span_slice(signature, 0, signature.n - 1)));
    ck_assert(!dkim_public_verify(public_key, hash, SPAN_EMPTY));
    dkim_public_free(public_key);
    dkim_private_free(key);
    dkim_private_free(back);
    buf_fini_wiped(&pem);
    arena_fini(&mem);
}
END_TEST

/* RFC 8463 A.1 and A.2: the secret key is the 32 bytes nWGxne..., so this is its PKCS#8 form. */
START_TEST(rfc8463_key)
{
    static const char pem[] = "-----BEGIN PRIVATE KEY-----\n"
                              "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
                              "-----END PRIVATE KEY-----\n";
    struct dkim_private *key = NULL;
    struct buf record;
    struct err e = {.text = ""};

    buf_init(&record, 4096);
    ck_assert_msg(dkim_private_parse(SPAN_LIT(pem), &key, &e) == OR_OK, "%s", e.text);
    ck_assert_int_eq(dkim_private_format_record(key, &record), OR_OK);
    ck_assert_span_eq(buf_span(&record),
                      "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
    dkim_private_free(key);
    buf_fini(&record);
}
END_TEST

static void
assert_refused(struct span pem, const char *why)
{
    struct dkim_private *key = NULL;
    struct err e = {.text = ""};

    ck_assert_int_eq(dkim_private_parse(pem, &key, &e), OR_CONFIG);
    ck_assert_msg(strstr(e.text, why) != NULL, "\"%s\" does not say \"%s\"", e.text, why);
    ck_assert_ptr_null(key);
}

START_TEST(private_forms)
{
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
    BIO *pkcs1 = BIO_new(BIO_s_mem()), *encrypted1 = BIO_new(BIO_s_mem());
    BIO *encrypted8 = BIO_new(BIO_s_mem()), *public_only = BIO_new(BIO_s_mem());
    struct dkim_private *key = NULL;
    struct err e = {.text = ""};

    PEM_write_bio_PrivateKey_traditional(pkcs1, pkey, NULL, NULL, 0, NULL, NULL);
    PEM_write_bio_PrivateKey_traditional(encrypted1, pkey, EVP_aes_128_cbc(),
                                         (const unsigned char *)"secret", 6, NULL, NULL);
    PEM_write_bio_PKCS8PrivateKey(encrypted8, pkey, EVP_aes_128_cbc(), "secret", 6, NULL, NULL);
    PEM_write_bio_PUBKEY(public_only, pkey);
    ck_assert_msg(dkim_private_parse(pem_of(pkcs1), &key, &e) == OR_OK, "%s", e.text);
    dkim_private_free(key);
    assert_refused(pem_of(encrypted1), "encrypted");
    assert_refused(pem_of(encrypted8), "encrypted");
    assert_refused(pem_of(public_only), "not a PEM private key");
    assert_refused(SPAN_LIT("hello"), "not a PEM private key");
    assert_refused(SPAN_EMPTY, "not a PEM key");
    BIO_free(pkcs1);
    BIO_free(encrypted1);
    BIO_free(encrypted8);
    BIO_free(public_only);
    EVP_PKEY_free(pkey);
}
END_TEST

static void
assert_pkey_refused(EVP_PKEY *pkey, const char *why)
{
    BIO *bio = BIO_new(BIO_s_mem());

    ck_assert_ptr_nonnull(pkey);
    PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL);
    assert_refused(pem_of(bio), why);
    BIO_free(bio);
    EVP_PKEY_free(pkey);
}

START_TEST(private_kinds)
{
    struct dkim_private *key = NULL;
    struct err e;

    assert_pkey_refused(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)768), "768 bits");
    assert_pkey_refused(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), "type EC");
    assert_pkey_refused(EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), "X25519");
    ck_assert_int_eq(dkim_private_generate(DKIM_KEY_RSA, 512, &key, &e), OR_CONFIG);
    ck_assert_int_eq(dkim_private_generate(DKIM_KEY_RSA, 8192, &key, &e), OR_CONFIG);
}
END_TEST

/* An exponent as long as the modulus makes each verification as costly as signing. */
START_TEST(public_key_with_a_huge_exponent)
{
    /* RSAPublicKey { modulus: 128 bytes, exponent: 16 bytes } */
    unsigned char der[3 + 3 + 129 + 2 + 16];
    struct dkim_public *key = NULL;
    struct err e = {.text = ""};
    size_t n = 0;

    memset(der, 0xa7, sizeof(der));
    der[n++] = 0x30;
    der[n++] = 0x81;
    der[n++] = sizeof(der) - 3;
    der[n++] = 0x02;
    der[n++] = 0x81;
    der[n++] = 129;
    der[n] = 0;
    n += 129;
    der[n++] = 0x02;
    der[n++] = 16;
    der[n] = 0x5a;
    ck_assert_int_eq(dkim_public_parse(DKIM_KEY_RSA, span_make((char *)der, sizeof(der)), &key, &e),
                     OR_MALFORMED);
    ck_assert_ptr_nonnull(strstr(e.text, "usual"));
}
END_TEST

START_TEST(public_key_with_trailing_bytes)
{
    struct dkim_private *key = NULL;
    struct dkim_public *public_key = NULL;
    struct buf record, bytes;
    struct err e;

    buf_init(&record, 4096);
    buf_init(&bytes, 4096);
    ck_assert_int_eq(dkim_private_generate(DKIM_KEY_RSA, 1024, &key, &e), OR_OK);
    ck_assert_int_eq(dkim_private_format_record(key, &record), OR_OK);
    struct span p = span_from(buf_span(&record), strlen("v=DKIM1; k=rsa; p="));
    ck_assert_int_eq(base64_decode(p, BASE64_STRICT, &bytes), OR_OK);
    buf_add_char(&bytes, '\0');
    ck_assert_int_eq(dkim_public_parse(DKIM_KEY_RSA, buf_span(&bytes), &public_key, &e),
                     OR_MALFORMED);
    buf_fini(&record);
    buf_fini(&bytes);
    dkim_private_free(key);
}
END_TEST

static void
assert_file(const char *path, mode_t mode, or_status want, const char *why)
{
    struct dkim_private *key = NULL;
    struct err e = {.text = ""};

    ck_assert_int_eq(chmod(path, mode), 0);
    ck_assert_msg(dkim_private_read(path, &key, &e) == want, "%04o: %s", (unsigned)mode, e.text);
    ck_assert_msg(strstr(e.text, why) != NULL, "\"%s\" does not say \"%s\"", e.text, why);
    dkim_private_free(key);
}

START_TEST(files)
{
    char folder[] = "/tmp/outrider-test-XXXXXX", path[64], fifo[64], none[64];
    struct dkim_private *key = NULL;
    struct buf pem;
    struct err e;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/s.pem", folder);
    snprintf(fifo, sizeof(fifo), "%s/fifo", folder);
    snprintf(none, sizeof(none), "%s/none", folder);
    buf_init(&pem, DKIM_PEM_MAX_BYTES);
    ck_assert_int_eq(dkim_private_generate(DKIM_KEY_ED25519, 0, &key, &e), OR_OK);
    ck_assert_int_eq(dkim_private_format(key, &pem), OR_OK);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    ck_assert_int_eq(write(fd, pem.p, pem.n), (ssize_t)pem.n);
    close(fd);
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    assert_file(path, 0600, OR_OK, "");
    assert_file(path, 0640, OR_OK, "");
    assert_file(path, 0644, OR_CONFIG, "chmod 0600");
    assert_file(path, 0602, OR_CONFIG, path);
    assert_file(fifo, 0600, OR_CONFIG, "not an ordinary file");
    assert_file(folder, 0700, OR_CONFIG, "not an ordinary file");
    ck_assert_int_eq(dkim_private_read(none, &key, &e), OR_CONFIG);
    ck_assert_ptr_nonnull(strstr(e.text, "No such file"));
    unlink(path);
    unlink(fifo);
    rmdir(folder);
    dkim_private_free(key);
    buf_fini_wiped(&pem);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("dkim_crypto");
    TCase *tc = tcase_create("all");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, sha256);
    tcase_add_loop_test(tc, sign_and_verify, DKIM_KEY_RSA, DKIM_KEY_ED25519 + 1);
    tcase_add_test(tc, rfc8463_key);
    tcase_add_test(tc, private_forms);
    tcase_add_test(tc, private_kinds);
    tcase_add_test(tc, public_key_with_a_huge_exponent);
    tcase_add_test(tc, public_key_with_trailing_bytes);
    tcase_add_test(tc, files);
    suite_add_tcase(suite, tc);
    return unit_main(suite);
}
