/*
 * libpam's only caller. Prompts without echo are answered with the password, those with echo with
 * the name; nobody is there to answer anything else.
 */
#include "authd/pam/pam_check.h"

#include "common/base/crypto.h"

#include <security/pam_appl.h>
#include <stdlib.h>
#include <string.h>

struct answers {
    const char *user, *password;
};

static const char *
answer_to(const struct answers *a, int style)
{
    if (style == PAM_PROMPT_ECHO_OFF)
        return a->password;
    return style == PAM_PROMPT_ECHO_ON ? a->user : NULL;
}

static void
drop_replies(struct pam_response *replies, int count)
{
    for (int i = 0; i < count; i++) {
        if (replies[i].resp != NULL)
            crypto_wipe(replies[i].resp, strlen(replies[i].resp));
        free(replies[i].resp);
    }
    free(replies);
}

/* pam_conv(3): libpam frees what it is given, and only when all went well. */
static int
converse(int count, const struct pam_message **messages, struct pam_response **replies_out,
         void *context)
{
    if (count <= 0 || count > PAM_MAX_NUM_MSG)
        return PAM_CONV_ERR;
    struct pam_response *replies = calloc((size_t)count, sizeof(*replies));
    for (int i = 0; replies != NULL && i < count; i++) {
        const char *answer = answer_to(context, messages[i]->msg_style);

        if (answer == NULL)
            continue;
        replies[i].resp = strdup(answer);
        if (replies[i].resp == NULL) {
            drop_replies(replies, count);
            replies = NULL;
        }
    }
    *replies_out = replies;
    return replies != NULL ? PAM_SUCCESS : PAM_BUF_ERR;
}

/* pam_fail_delay(3): whose answer is held up, and for how long, authd decides by itself. */
static void
no_delay(int result, unsigned int delay_us, void *context)
{
    (void)result, (void)delay_us, (void)context;
}

static int
ask(pam_handle_t *pam)
{
    void (*delay)(int, unsigned int, void *) = no_delay;
    const void *item = NULL;

    memcpy(&item, &delay, sizeof(item)); /* POSIX lets one hold the other, ISO C does not */
    int rc = pam_set_item(pam, PAM_FAIL_DELAY, item);
    if (rc == PAM_SUCCESS)
        rc = pam_authenticate(pam, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
    if (rc == PAM_SUCCESS)
        rc = pam_acct_mgmt(pam, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
    return rc;
}

static bool
says_no(int rc)
{
    static const int words[] = {
        PAM_AUTH_ERR,     PAM_USER_UNKNOWN, PAM_MAXTRIES,         PAM_PERM_DENIED,
        PAM_ACCT_EXPIRED, PAM_CRED_EXPIRED, PAM_NEW_AUTHTOK_REQD, PAM_AUTHTOK_EXPIRED,
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (rc == words[i])
            return true;
    return false;
}

or_status
pam_check(const struct pam_question *q, struct err *e)
{
    struct answers answers = {q->user, q->password};
    const struct pam_conv conversation = {converse, &answers};
    pam_handle_t *pam = NULL;

    int rc = pam_start(q->service, q->user, &conversation, &pam);
    if (rc == PAM_SUCCESS && q->client != NULL)
        rc = pam_set_item(pam, PAM_RHOST, q->client);
    if (rc == PAM_SUCCESS)
        rc = ask(pam);
    or_status st = OR_OK;
    if (says_no(rc))
        st = OR_ABSENT;
    else if (rc != PAM_SUCCESS)
        st = err_set(e, OR_TEMPFAIL, "PAM service %s: %s", q->service, pam_strerror(pam, rc));
    if (pam != NULL)
        (void)pam_end(pam, rc);
    return st;
}
