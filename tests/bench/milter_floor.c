/*
 * A milter that does nothing but add one field: what libmilter and the kernel cost, to be measured
 * beside outrider-milter (milter.py). It negotiates as milter_session.c does.
 *
 * usage: milter_floor SOCKET
 */
#include <libmilter/mfapi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps, unsigned long unused2,
             unsigned long unused3, unsigned long *actions_out, unsigned long *steps_out,
             unsigned long *unused2_out, unsigned long *unused3_out)
{
    (void)ctx, (void)actions, (void)unused2, (void)unused3;
    *actions_out = SMFIF_ADDHDRS;
    *steps_out =
        steps & (SMFIP_NORCPT | SMFIP_NOUNKNOWN | SMFIP_NODATA | SMFIP_HDR_LEADSPC | SMFIP_NR_CONN |
                 SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_HDR | SMFIP_NR_EOH | SMFIP_NR_BODY);
    *unused2_out = *unused3_out = 0;
    return SMFIS_CONTINUE;
}

static sfsistat
on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *address)
{
    (void)ctx, (void)host, (void)address;
    return SMFIS_NOREPLY;
}

static sfsistat
on_text(SMFICTX *ctx, char *text)
{
    (void)ctx, (void)text;
    return SMFIS_NOREPLY;
}

static sfsistat
on_words(SMFICTX *ctx, char **words)
{
    (void)ctx, (void)words;
    return SMFIS_NOREPLY;
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
    (void)ctx, (void)name, (void)value;
    return SMFIS_NOREPLY;
}

static sfsistat
on_end_of_header(SMFICTX *ctx)
{
    (void)ctx;
    return SMFIS_NOREPLY;
}

static sfsistat
on_body(SMFICTX *ctx, unsigned char *bytes, size_t n)
{
    (void)ctx, (void)bytes, (void)n;
    return SMFIS_NOREPLY;
}

static sfsistat
on_end_of_message(SMFICTX *ctx)
{
    int rc =
        smfi_insheader(ctx, 0, (char *)(uintptr_t) "X-Floor", (char *)(uintptr_t) " nothing done");

    return rc == MI_SUCCESS ? SMFIS_CONTINUE : SMFIS_TEMPFAIL;
}

int
main(int argc, char **argv)
{
    static const struct smfiDesc callbacks = {
        .xxfi_name = (char *)(uintptr_t) "milter_floor",
        .xxfi_version = SMFI_VERSION,
        .xxfi_flags = SMFIF_ADDHDRS,
        .xxfi_negotiate = on_negotiate,
        .xxfi_connect = on_connect,
        .xxfi_helo = on_text,
        .xxfi_envfrom = on_words,
        .xxfi_header = on_header,
        .xxfi_eoh = on_end_of_header,
        .xxfi_body = on_body,
        .xxfi_eom = on_end_of_message,
    };
    char address[256];

    if (argc != 2)
        return EX_USAGE;
    snprintf(address, sizeof(address), "unix:%s", argv[1]);
    if (smfi_setconn(address) != MI_SUCCESS || smfi_register(callbacks) != MI_SUCCESS ||
        smfi_setbacklog(512) != MI_SUCCESS)
        return EX_SOFTWARE;
    return smfi_main() == MI_SUCCESS ? EX_OK : EX_SOFTWARE;
}
