"""Certificates for TLS tests, made by the openssl program in one folder: NAME.pem and NAME.key."""

import pathlib
import subprocess


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

    def signed(self, name, authority, subject, purpose, alternative_name=None, days=2):
        """`alternative_name`: such as "IP:127.0.0.1"."""
        extensions = [f"extendedKeyUsage={purpose}", "authorityKeyIdentifier=keyid"]  # RFC 5280 wants the second
        if alternative_name:
            extensions.append(f"subjectAltName={alternative_name}")
        self.folder.joinpath(f"{name}.ext").write_text("\n".join(extensions))
        self.openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={subject}")
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key", "-CAcreateserial",
                     "-out", f"{name}.pem", "-days", str(days), "-extfile", f"{name}.ext")
