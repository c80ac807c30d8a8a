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
import time
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
    # Python 3.13 asks for an Authority Key Identifier, which EKS's certificates don't carry.
    trust.verify_flags &= ~ssl.VERIFY_X509_STRICT
    with urllib.request.urlopen(request, timeout=5, context=trust) as answer:
        return json.load(answer)


def relabel(selector):
    """Take the label from all other pods that have it; one that can't be keeps none waiting."""
    for pod in ask("/pods?labelSelector=" + urllib.parse.quote(selector))["items"]:
        name = pod["metadata"]["name"]
        if name != socket.gethostname():
            try:
                ask("/pods/" + name, {"metadata": {"labels": {"role": None}}})
            except OSError as error:
                # One that is gone has none to take.
                if getattr(error, "code", None) != 404:
                    yield f"{name}: {error}"


def problems(selector):
    try:
        return list(relabel(selector))
    except OSError as error:
        return [f"pods can't be listed: {error}"]


if sys.argv[3] == "primary":
    for seconds in (1, 2, 4, 8, 16, 0):
        left = problems(sys.argv[1])
        if not left:
            break
        time.sleep(seconds)
    else:
        sys.exit("The label role=primary may be on two pods: " + "; ".join(left))
'''
