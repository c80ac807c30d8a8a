"""What a new primary does about the label of the one before it."""

FILE = "relabel.py"

# Run by Patroni with what has happened, the member's new role and the cluster's name.
SCRIPT = '''\
"""Take the primary's label from pods of members that led before this one.

A member whose machine is lost can't do that itself, and is taken for ready until its node is given
up: the primary's Service would lead there, too.
"""

import json
import os
import socket
import ssl
import sys
import urllib.parse
import urllib.request

FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"


def read(name):
    with open(os.path.join(FOLDER, name)) as file:
        return file.read().strip()


def ask(path, change=None):
    headers = {"Authorization": "Bearer " + read("token")}
    if change:
        headers["Content-Type"] = "application/merge-patch+json"
    address = "https://kubernetes.default.svc/api/v1/namespaces/" + read("namespace") + path
    body = json.dumps(change).encode() if change else None
    request = urllib.request.Request(address, body, headers, method="PATCH" if change else "GET")
    trust = ssl.create_default_context(cafile=os.path.join(FOLDER, "ca.crt"))
    with urllib.request.urlopen(request, timeout=5, context=trust) as answer:
        return json.load(answer)


selector, role = sys.argv[1], sys.argv[3]
if role == "primary":
    for pod in ask("/pods?labelSelector=" + urllib.parse.quote(selector))["items"]:
        if pod["metadata"]["name"] != socket.gethostname():
            ask("/pods/" + pod["metadata"]["name"], {"metadata": {"labels": {"role": None}}})
'''
