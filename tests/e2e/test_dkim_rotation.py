"""Changing a domain's keys: who signs before, when and after DNS shows the next ones."""

import os
import re
import shutil
import time

from lab import mail
from lab.lab import MILTER_CONF

ALICE = "alice@home.test"


def wait_log(milter, text, timeout=15):
    until = time.monotonic() + timeout
    while text not in milter.log():
        assert time.monotonic() < until, milter.log()[-3000:]
        time.sleep(0.2)


def selectors(ride, subject):
    ride.submit(mail.compose(ALICE, ALICE, subject), ALICE, ALICE)
    fields = ride.read(subject).get_all("DKIM-Signature")
    return {re.search(r"\bs=([^;\s]+)", field).group(1) for field in fields}


def publish(nsd, zone):
    for name, strings in re.findall(r"^(\S+)\. IN TXT (.*?)$", zone.replace("\n\t", " "), re.M):
        nsd.add_txt(name, "".join(re.findall(r'"([^"]*)"', strings)))


def test_next_keys_sign_once_published_and_old_records_go_after_grace(ride, subject):
    lab = ride.lab
    state = os.path.join(lab.directory, "milter-state")
    os.makedirs(state)  # root's: the daemon may not write there yet
    options = f'state-directory = "{state}"\nrotation-check-interval = 1s\nrotation-grace = 3s'
    lab.configure(lab.milter, MILTER_CONF, options)
    old = None
    try:
        zone = lab.must_cli("dkim", "rotate", "home.test", "--selector=new", "--owner=nobody", config=lab.milter)
        status, output = lab.cli("dkim", "rotate", "home.test", "--selector=more", config=lab.milter)
        assert status == 1 and "under way" in output, output
        lab.milter.restart()
        old = selectors(ride, subject)
        assert len(old) == 2 and not old & {"new", "new-ed25519"}

        wrong = len(lab.nsd.records)
        lab.nsd.add_txt("new._domainkey.home.test", "v=DKIM1; p=")
        lab.nsd.reload()
        wait_log(lab.milter, "selector=new dns=revoked")
        assert selectors(ride, "wrong record " + subject) == old
        del lab.nsd.records[wrong:]

        publish(lab.nsd, zone if isinstance(zone, str) else zone[1])
        lab.nsd.reload()
        wait_log(lab.milter, "action=switched")
        assert "a restart will begin it anew" in lab.milter.log()
        shutil.chown(state, "nobody")
        assert selectors(ride, "switched " + subject) == {"new", "new-ed25519"}
        wait_log(lab.milter, "action=retired")
        for selector in old:
            assert f'{selector}._domainkey.home.test. TXT "v=DKIM1; p="' in lab.milter.log()

        lab.milter.process.kill()
        lab.milter.start()
        assert selectors(ride, "killed " + subject) == {"new", "new-ed25519"}
        _, output = lab.cli("dkim", "status", f"--dns={lab.nsd.server}", "home.test", config=lab.milter)
        assert output.count("retired since") == 2 and output.count("active since") == 2, output
        status, output = lab.cli("dkim", "rotate", "--finish", "home.test", config=lab.milter)
        assert status == 0 and all(f"removed d=home.test s={s}" in output for s in old), output
    finally:
        lab.configure(lab.milter, MILTER_CONF)
        lab.milter.restart()
    assert selectors(ride, "finished " + subject) == {"new", "new-ed25519"}
