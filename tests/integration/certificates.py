"""Certificates for TLS tests, made by the openssl program in one folder: NAME.pem and NAME.key."""

import datetime
import pathlib
import subprocess

CA_SETTINGS = """
[ca]
default_ca = this
[this]
database = {index}
rand_serial = yes
new_certs_dir = .
default_md = sha256
policy = names
[names]
commonName = supplied
"""


class Certificates:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def openssl(self, *words):
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)

    def own(self, name, subject, *additions):
        """Signed with its own key."""
        added = [word for addition in additions for word in ("-addext", addition)]
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={subject}",
                     "-days", "2", *added)

    def authority(self, name):
        self.own(name, name, "basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign")

    def signed(self, name, authority, subject, purpose, alternative_name=None, valid_days=(-1, 2)):
        """`alternative_name`: such as "IP:127.0.0.1". `valid_days`: from when to when, counted from now."""
        extensions = [f"extendedKeyUsage={purpose}", "authorityKeyIdentifier=keyid"]  # RFC 5280 wants the second
        if alternative_name:
            extensions.append(f"subjectAltName={alternative_name}")
        self.folder.joinpath(f"{name}.ext").write_text("\n".join(extensions))
        self.openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={subject}")
        # `ca` and not `x509 -req`: the latter's -days may not be negative, and its -not_after is newer than Debian 12.
        self.folder.joinpath(f"{name}.index").touch()
        self.folder.joinpath(f"{name}.conf").write_text(CA_SETTINGS.format(index=f"{name}.index"))
        begin, end = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=day) for day in valid_days)
        self.openssl("ca", "-batch", "-notext", "-config", f"{name}.conf", "-in", f"{name}.csr", "-cert", f"{authority}.pem",
                     "-keyfile", f"{authority}.key", "-out", f"{name}.pem", "-extfile", f"{name}.ext",
                     "-startdate", f"{begin:%Y%m%d%H%M%SZ}", "-enddate", f"{end:%Y%m%d%H%M%SZ}")
