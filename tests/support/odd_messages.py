"""Messages that DKIM implementations like to get wrong: named odd headers and bodies, and generated ones.

A message is bytes with CRLF line ends and the author's domain left open: `for_domain` fills it in.
"""

import random

DOMAIN = b"@AUTHOR-DOMAIN@"
PLAIN_BODY = b"Hello,\r\n\r\nthis is all.\r\n"
AUTHOR = b'From: "Ann  Author"  <ann@' + DOMAIN + b">\r\n"
REST = (
    b"To: bob@example.net,\r\n  carol@example.net\r\n"
    b"Subject:  odd \t white   space \r\n"
    b"Date: Mon, 1 Jan 2024 00:00:00 +0000\r\n"
    b"Message-ID: <1@example.org>\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n"
    b"X-Unsigned: yes\r\n"
)
RECEIVED = b"Received: from a.example by b.example;\r\n\tMon, 1 Jan 2024 00:00:00 +0000\r\n"
HEADER = RECEIVED + AUTHOR + REST

BODIES = {
    "empty": b"",
    "plain": PLAIN_BODY,
    "no final newline": b"Hello,\r\nthis is all.",
    "trailing blank lines": b"Hello\r\n\r\n\r\n\r\n",
    "1000-character lines": (b"x" * 1000 + b"\r\n") * 3 + b"y " * 5000 + b"\r\n",
    "8-bit": "Grüße aus Köln\r\n".encode() + b"latin1: \xe4\xf6\xfc\xff\r\n",
    "NUL bytes": b"a\0b\r\n\0\r\n\0",
    "only CRLFs": b"\r\n\r\n\r\n",
    "trailing white space": b"a \t \r\n \t\r\nb\t\tc \r\n   \r\n \r\n",
    "larger than a chunk": b"0123456789abcdef  \t line\r\n" * 6000,
    "dot lines": b".\r\n..\r\n.leading dot\r\n. \r\n",
    "one space": b" \r\n",
    "multipart": b'--b\r\nContent-Type: text/plain\r\n\r\nx=20\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>\r\n--b--\r\n\r\n',
}

HEADERS = {
    "tabs": AUTHOR + b"To:\tbob@example.net\r\nSubject:\ttabs \t\tand\tblanks\t\r\n" + REST[REST.index(b"Date:") :],
    "folds": AUTHOR + b"Subject: one\r\n\ttwo\r\n  three\r\n \t four\r\nTo:\r\n bob@example.net\r\n",
    "empty values": AUTHOR + b"Subject:\r\nCc: \r\nReply-To:   \r\nTo: bob@example.net\r\n",
    "repeated fields": AUTHOR + b"To: a@example.net\r\nList-Id: <a>\r\nComments: one\r\nX-Other: b\r\nList-Id: <b>\r\n"
                       b"Comments: two\r\nX-Other: c\r\n",
    "repeated singletons": AUTHOR + b"To: a@example.net\r\nCc: b@example.net\r\nTo: c@example.net\r\n"
                           b"Cc: d@example.net\r\nSubject: first\r\nSubject: second\r\n",
    "many Received": RECEIVED * 60 + AUTHOR + REST,
    "UTF-8": AUTHOR + "To: Jürgen <bob@example.net>\r\nSubject: Grüße — naïve 日本語\r\n".encode(),
    "Latin-1": AUTHOR + b"To: bob@example.net\r\nSubject: Gr\xfc\xdfe\r\n",
    "odd case": AUTHOR.replace(b"From:", b"fROM:") + b"SUBJECT: Case\r\nto: bob@example.net\r\nmessage-id: <a@b.example>\r\n",
    "long line": AUTHOR + b"Subject: " + b"x" * 980 + b"\r\nTo: bob@example.net\r\n",
    "encoded words": AUTHOR + b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n =?utf-8?b?8J+YgA==?=\r\nTo: bob@example.net\r\n",
    "author only": AUTHOR,
    "author last": REST + AUTHOR,
    "colons in values": AUTHOR + b"Subject: a:b; c=d; bh=x; b=y\r\nTo: bob@example.net\r\n",
    "mailing list": AUTHOR + REST + b"List-Id: \"A list\" <list.example.net>\r\nList-Unsubscribe:\r\n <https://l.example/u>,\r\n"
                    b" <mailto:u@l.example>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
}

GENERATED = 200
SEED = 6376


def for_domain(message, domain):
    return message.replace(DOMAIN, domain.encode())


def as_smtp_carries(message):
    """SMTP has no last line without line end. What was signed without it must verify with it (RFC 6376 3.4.3)."""
    body = message.partition(b"\r\n\r\n")[2]
    return message + b"\r\n" if body and not body.endswith(b"\r\n") else message


def odd():
    """(name, message) of all named ones."""
    for name, body in BODIES.items():
        yield f"body: {name}", HEADER + b"\r\n" + body
    for name, header in HEADERS.items():
        yield f"header: {name}", header + b"\r\n" + PLAIN_BODY


def generated():
    """(name, message): always the same ones."""
    dice = random.Random(SEED)
    for number in range(GENERATED):
        names = dice.sample(ONCE, dice.randrange(len(ONCE))) + dice.choices(OFTEN, k=dice.randrange(6))
        dice.shuffle(names)
        fields = [_field(dice, name) for name in names]
        fields.insert(dice.randrange(len(fields) + 1), AUTHOR)
        yield f"generated {number}", b"".join(fields) + b"\r\n" + _body(dice)


WORDS = [b"alpha", b"Be-ta", b"a=b;", b"<x@example.net>", "größe".encode(), b"\xe9", b"(comment)", b'"quo  ted"', b":", b"."]
ONCE = [b"To", b"Cc", b"subject", b"Date", b"Message-ID", b"Reply-To", b"MIME-Version", b"In-Reply-To", b"References"]
OFTEN = [b"Received", b"X-Other", b"List-Id", b"Comments", b"Keywords"]
BLANKS = [b" ", b"  ", b"\t", b" \t ", b"\r\n ", b"\r\n\t", b" \r\n  "]


def _field(dice, name):
    value = dice.choice([b"", b" ", b"\t", b"   "])
    for _ in range(dice.randrange(1, 9)):
        value += dice.choice(WORDS) + dice.choice(BLANKS)
    # A field must not end in a line of nothing but white space: SMTP servers differ on it.
    return name + b":" + value.rstrip() + dice.choice([b"", b"", b" ", b" \t"]) + b"\r\n"


def _body(dice):
    lines = []
    for _ in range(dice.randrange(40)):
        line = b"".join(dice.choice([*WORDS, b" ", b"  ", b"\t"]) for _ in range(dice.choice([0, 0, 3, 12, 150])))
        lines.append(line + dice.choice([b"", b"", b" ", b"\t "]) + b"\r\n")
    body = b"".join(lines) + b"\r\n" * dice.choice([0, 0, 1, 3])
    return body[:-2] if dice.random() < 0.2 else body
