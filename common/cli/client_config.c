/*
 * Templates with four marks: @D domain, @H host, @N name, @U and @V identifiers. What is put in is
 * escaped for text and for attributes alike.
 */
#include "common/cli/client_config.h"

#include "common/base/crypto.h"
#include "common/text/utf8.h"

#define XML_HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"

static const char autoconfig[] =
    XML_HEAD "<clientConfig version=\"1.1\">\n"
             "  <emailProvider id=\"@D\">\n"
             "    <domain>@D</domain>\n"
             "    <displayName>@N</displayName>\n"
             "    <displayShortName>@N</displayShortName>\n"
             "    <incomingServer type=\"imap\">\n"
             "      <hostname>@H</hostname>\n"
             "      <port>993</port>\n"
             "      <socketType>SSL</socketType>\n"
             "      <authentication>password-cleartext</authentication>\n"
             "      <username>%EMAILADDRESS%</username>\n"
             "    </incomingServer>\n"
             "    <outgoingServer type=\"smtp\">\n"
             "      <hostname>@H</hostname>\n"
             "      <port>465</port>\n"
             "      <socketType>SSL</socketType>\n"
             "      <authentication>password-cleartext</authentication>\n"
             "      <username>%EMAILADDRESS%</username>\n"
             "    </outgoingServer>\n"
             "  </emailProvider>\n"
             "</clientConfig>\n";

static const char autodiscover[] =
    XML_HEAD "<Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/"
             "responseschema/2006\">\n"
             "  <Response xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/"
             "responseschema/2006a\">\n"
             "    <Account>\n"
             "      <AccountType>email</AccountType>\n"
             "      <Action>settings</Action>\n"
             "      <Protocol>\n"
             "        <Type>IMAP</Type>\n"
             "        <Server>@H</Server>\n"
             "        <Port>993</Port>\n"
             "        <DomainRequired>off</DomainRequired>\n"
             "        <SPA>off</SPA>\n"
             "        <SSL>on</SSL>\n"
             "        <AuthRequired>on</AuthRequired>\n"
             "      </Protocol>\n"
             "      <Protocol>\n"
             "        <Type>SMTP</Type>\n"
             "        <Server>@H</Server>\n"
             "        <Port>465</Port>\n"
             "        <DomainRequired>off</DomainRequired>\n"
             "        <SPA>off</SPA>\n"
             "        <Encryption>SSL</Encryption>\n"
             "        <AuthRequired>on</AuthRequired>\n"
             "      </Protocol>\n"
             "    </Account>\n"
             "  </Response>\n"
             "</Autodiscover>\n";

static const char mobileconfig[] =
    XML_HEAD "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
             "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
             "<plist version=\"1.0\">\n"
             "<dict>\n"
             "  <key>PayloadContent</key>\n"
             "  <array>\n"
             "    <dict>\n"
             "      <key>EmailAccountDescription</key><string>@N</string>\n"
             "      <key>EmailAccountType</key><string>EmailTypeIMAP</string>\n"
             "      <key>IncomingMailServerAuthentication</key>"
             "<string>EmailAuthPassword</string>\n"
             "      <key>IncomingMailServerHostName</key><string>@H</string>\n"
             "      <key>IncomingMailServerPortNumber</key><integer>993</integer>\n"
             "      <key>IncomingMailServerUseSSL</key><true/>\n"
             "      <key>OutgoingMailServerAuthentication</key>"
             "<string>EmailAuthPassword</string>\n"
             "      <key>OutgoingMailServerHostName</key><string>@H</string>\n"
             "      <key>OutgoingMailServerPortNumber</key><integer>465</integer>\n"
             "      <key>OutgoingMailServerUseSSL</key><true/>\n"
             "      <key>OutgoingPasswordSameAsIncomingPassword</key><true/>\n"
             "      <key>PayloadDisplayName</key><string>@N</string>\n"
             "      <key>PayloadIdentifier</key><string>@D.outrider.mail</string>\n"
             "      <key>PayloadType</key><string>com.apple.mail.managed</string>\n"
             "      <key>PayloadUUID</key><string>@V</string>\n"
             "      <key>PayloadVersion</key><integer>1</integer>\n"
             "    </dict>\n"
             "  </array>\n"
             "  <key>PayloadDisplayName</key><string>@N</string>\n"
             "  <key>PayloadIdentifier</key><string>@D.outrider</string>\n"
             "  <key>PayloadType</key><string>Configuration</string>\n"
             "  <key>PayloadUUID</key><string>@U</string>\n"
             "  <key>PayloadVersion</key><integer>1</integer>\n"
             "</dict>\n"
             "</plist>\n";

bool
client_config_is_text(struct span s)
{
    uint32_t c;

    if (s.n == 0 || s.n > CLIENT_CONFIG_MAX_NAME_BYTES)
        return false;
    while (s.n > 0) {
        /* Two code points are well-formed UTF-8 and yet no Char of XML 1.0. */
        if (utf8_next(&s, &c) != OR_OK || c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xfffe ||
            c == 0xffff)
            return false;
    }
    return true;
}

static const char *
entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&apos;";
    default:
        return NULL;
    }
}

static void
add_escaped(struct buf *out, struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        const char *escaped = entity(s.p[i]);

        if (escaped != NULL)
            buf_add_cstr(out, escaped);
        else
            buf_add_char(out, s.p[i]);
    }
}

/* A UUID of version 8 (RFC 9562 5.8) from what it is for. */
static void
add_uuid(struct buf *out, const char *purpose, struct span domain)
{
    unsigned char d[CRYPTO_DIGEST_MAX_BYTES];

    crypto_hmac(CRYPTO_SHA256, span_cstr(purpose), domain, d);
    d[6] = (unsigned char)(0x80 | (d[6] & 0x0f));
    d[8] = (unsigned char)(0x80 | (d[8] & 0x3f));
    for (size_t i = 0; i < 16; i++)
        buf_addf(out, "%s%02X", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", d[i]);
}

static void
add_mark(const struct client_config *c, char mark, struct buf *out)
{
    switch (mark) {
    case 'D':
        add_escaped(out, c->domain);
        break;
    case 'H':
        add_escaped(out, c->host);
        break;
    case 'N':
        add_escaped(out, c->name);
        break;
    case 'U':
        add_uuid(out, "outrider profile", c->domain);
        break;
    default:
        add_uuid(out, "outrider mail account", c->domain);
        break;
    }
}

static void
fill_in(const char *template, const struct client_config *c, struct buf *out)
{
    for (const char *p = template; *p != '\0'; p++) {
        if (*p == '@')
            add_mark(c, *++p, out);
        else
            buf_add_char(out, *p);
    }
}

void
client_config_autoconfig(const struct client_config *c, struct buf *out)
{
    fill_in(autoconfig, c, out);
}

void
client_config_autodiscover(const struct client_config *c, struct buf *out)
{
    fill_in(autodiscover, c, out);
}

void
client_config_mobileconfig(const struct client_config *c, struct buf *out)
{
    fill_in(mobileconfig, c, out);
}
