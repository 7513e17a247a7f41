"""Composing, sending and reading messages the way an outside client or a user's mail program does."""

import email.policy
import email.utils
import imaplib
import smtplib
import ssl
import time

import dkim


def compose(sender, recipient, subject, body="Hello,\r\n\r\nthis is a test.\r\n", **headers):
    """A plain message as CRLF bytes; further headers by keyword (List_Id="<l.example>")."""
    lines = {
        "From": sender,
        "To": recipient,
        "Subject": subject,
        "Date": email.utils.formatdate(),
        "Message-ID": email.utils.make_msgid(domain="lab.test"),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return (head + "\r\n" + body).encode("utf-8")


def dkim_sign(message, domain, selector, private_key):
    """The message with a DKIM-Signature by python3-dkim: a signer that we did not write."""
    signature = dkim.sign(
        message,
        selector.encode(),
        domain.encode(),
        private_key,
        include_headers=[b"from", b"to", b"subject", b"date", b"message-id"],
    )
    return signature + message


def arc_seal(message, domain, selector, private_key):
    """The message with an ARC set by python3-dkim, as a forwarder that found SPF passing adds it."""
    seen = f"Authentication-Results: {domain}; arc=none; spf=pass\r\n".encode() + message
    fields = dkim.arc_sign(seen, selector.encode(), domain.encode(), private_key, domain.encode())
    return b"".join(field.rstrip(b"\r\n") + b"\r\n" for field in fields) + message


class Reply(Exception):
    """An SMTP reply other than success, with its code and text."""

    def __init__(self, code, text):
        self.code = code
        self.text = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        super().__init__(f"{code} {self.text}")


def send(port, message, sender, recipients, source="127.0.0.1", helo="client.test", login=None, starttls=False,
         mail_options=()):
    """Sends by SMTP from the address `source`; the final reply's (code, text), or Reply for a refusal."""
    recipients = [recipients] if isinstance(recipients, str) else recipients
    with smtplib.SMTP("127.0.0.1", port, local_hostname=helo, source_address=(source, 0), timeout=90) as smtp:
        smtp.ehlo(helo)
        if starttls:
            smtp.starttls(context=_trusting_context())
            smtp.ehlo(helo)
        if login is not None:
            try:
                smtp.login(*login)
            except smtplib.SMTPAuthenticationError as error:
                raise Reply(error.smtp_code, error.smtp_error) from None
        _expect(smtp.mail(sender, list(mail_options)), 250)
        for recipient in recipients:
            _expect(smtp.rcpt(recipient), 250)
        reply = smtp.data(message)
        _expect(reply, 250)
        return reply[0], reply[1].decode("utf-8", "replace")


def _expect(reply, code):
    if reply[0] != code:
        raise Reply(*reply)


def _trusting_context():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the lab's certificate is its own
    return context


class Mailbox:
    """A user's mailbox over IMAP with STARTTLS."""

    def __init__(self, port, user, password):
        self.imap = imaplib.IMAP4("127.0.0.1", port, timeout=30)
        self.imap.starttls(_trusting_context())
        self.imap.login(user, password)

    def find(self, subject, folder="INBOX", timeout=60):
        """The newest message with that subject as email.message.EmailMessage; None when it does not come in time."""
        found = self.find_all(subject, folder, timeout)
        return found[-1] if found else None

    def find_all(self, subject, folder="INBOX", timeout=60):
        until = time.monotonic() + timeout
        while True:
            raws = self._search(subject, folder)
            if raws or time.monotonic() > until:
                return [email.message_from_bytes(raw, policy=email.policy.compat32) for raw in raws]
            time.sleep(0.1)

    def raw(self, subject, folder="INBOX", timeout=60):
        """The bytes of the newest such message, as IMAP gives them (CRLF)."""
        until = time.monotonic() + timeout
        while True:
            raws = self._search(subject, folder)
            if raws or time.monotonic() > until:
                return raws[-1] if raws else None
            time.sleep(0.1)

    def _search(self, subject, folder):
        if self.imap.select(f'"{folder}"', readonly=True)[0] != "OK":
            return []
        _, (ids,) = self.imap.search(None, "SUBJECT", f'"{subject}"')
        raws = []
        for number in ids.split():
            _, data = self.imap.fetch(number, "(BODY.PEEK[])")
            raws.append(data[0][1])
        return raws

    def close(self):
        try:
            self.imap.logout()
        except (imaplib.IMAP4.error, OSError):
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
