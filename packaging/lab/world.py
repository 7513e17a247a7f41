"""The outside world of the lab: domains with SPF, DKIM and DMARC records, and who mails from where.

    127.0.0.10  mail.sender.test      sender.test's own server        p=reject
    127.0.0.11  mail.careful.test     careful.test's own server       p=quarantine
    127.0.0.20  lists.list.test       a mailing list
    127.0.0.66  host66.elsewhere.test nobody's SPF names it: the forger
"""

import os

import dns.exception
import dns.resolver

from .process import run

SENDER_IP = "127.0.0.10"
CAREFUL_IP = "127.0.0.11"
LIST_IP = "127.0.0.20"
FORGER_IP = "127.0.0.66"

HOSTS = {
    SENDER_IP: "mail.sender.test",
    CAREFUL_IP: "mail.careful.test",
    LIST_IP: "lists.list.test",
    FORGER_IP: "host66.elsewhere.test",
    "127.0.0.1": "mx.home.test",
}


class World:
    def __init__(self, lab):
        self.lab = lab
        self.keys = {}

    def publish(self, home="home.test"):
        """All records of the outside; the home domain's own (its DKIM keys apart)."""
        nsd = self.lab.nsd
        for ip, host in HOSTS.items():
            nsd.add(host, "A", ip)
            nsd.add(".".join(reversed(ip.split("."))) + ".in-addr.arpa", "PTR", host + ".")
        self.add_domain("sender.test", SENDER_IP, "p=reject")
        self.add_domain("careful.test", CAREFUL_IP, "p=quarantine")
        self.add_domain("list.test", LIST_IP, "p=none")
        nsd.add("elsewhere.test", "MX", "10 host66.elsewhere.test.")
        nsd.add(home, "MX", f"10 {self.lab.hostname}.")
        nsd.add_txt(home, "v=spf1 ip4:127.0.0.1 -all")
        nsd.add_txt(f"_dmarc.{home}", "v=DMARC1; p=reject")

    def add_domain(self, domain, ip, policy):
        nsd = self.lab.nsd
        nsd.add(domain, "MX", f"10 {HOSTS[ip]}.")
        nsd.add_txt(domain, f"v=spf1 ip4:{ip} -all")
        nsd.add_txt(f"_dmarc.{domain}", f"v=DMARC1; {policy}")
        private = os.path.join(self.lab.directory, f"{domain}.pem")
        run(["openssl", "genrsa", "-traditional", "-out", private, "2048"])
        public = run(["openssl", "rsa", "-in", private, "-pubout", "-outform", "PEM"])
        body = public.split("-----BEGIN PUBLIC KEY-----")[1].split("-----END")[0]
        nsd.add_txt(f"s1._domainkey.{domain}", "v=DKIM1; k=rsa; p=" + "".join(body.split()))
        with open(private, "rb") as pem:
            self.keys[domain] = pem.read()

    def txt(self, name, timeout=5):
        """What DNS says of a TXT name, for python3-dkim's dnsfunc."""
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = [self.lab.nsd.address]
        resolver.port = self.lab.nsd.port
        resolver.lifetime = timeout
        name = name.decode() if isinstance(name, bytes) else name
        try:
            answer = resolver.resolve(name.rstrip("."), "TXT")
        except dns.exception.DNSException:
            return None
        return b"".join(answer[0].strings)
