"""What the suites of the API share: an engine with the sample image, and what they ask of it."""

import json
import unittest
import urllib.parse

from private_engine import PrivateEngine
from sample_image import push_and_pull_sample


def asked(path, **parameters):
    """A path with a query; lists and dicts are sent as JSON."""
    return path + "?" + urllib.parse.urlencode(
        {name: json.dumps(value) if isinstance(value, (dict, list)) else value for name, value in parameters.items()}
    )


class ApiWorld(unittest.TestCase):
    flags = ()  # for davitd

    @classmethod
    def setUpClass(cls):
        cls.engine = PrivateEngine(*cls.flags).start()
        cls.addClassCleanup(cls.engine.destroy)
        cls.client = cls.engine.client
        cls.image = push_and_pull_sample(cls.engine)

    @classmethod
    def tearDownClass(cls):
        cls.engine.stop()

    def create(self, *command, name="", **config):
        answer = self.client.post(f"/containers/create?name={name}", {"Image": self.image, "Cmd": list(command), **config})
        self.assertEqual(answer.status, 201, answer)
        container = answer.json()["Id"]
        self.addCleanup(lambda: self.client.delete(f"/containers/{container}?force=1"))
        return container

    def start(self, *command, **options):
        container = self.create(*command, **options)
        self.assertEqual(self.client.post(f"/containers/{container}/start").status, 204)
        return container

    def refused(self, status, method, target, body=None, **keywords):
        """The message of an answer that must have this status."""
        answer = self.client.request(method, target, body, **keywords)
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.headers["content-type"], "application/json")
        self.assertEqual(list(answer.json()), ["message"])
        return answer.message()
