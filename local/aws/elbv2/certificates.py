"""A listener's certificates: each exists, and those beside the default one are kept (SNI)."""

from local.aws import internals
from local.aws.ec2.service import Parameters
from local.aws.elbv2.service import (
    Call,
    add_call,
    answer,
    elbv2,
    members,
    parameter,
    refusal,
    replace_call,
)
from local.aws.responses import Response

EXTRA = "ExtraCertificates"
"""Where a listener keeps those beside its default one."""


def install() -> None:
    for name in ("CreateListener", "ModifyListener"):
        replace_call(name, _existing)
    replace_call("CreateListener", _certified)
    add_call("AddListenerCertificates", _existing(_add))
    add_call("RemoveListenerCertificates", _remove)
    add_call("DescribeListenerCertificates", _describe)


def _given(request: Parameters) -> list[str]:
    return list(members(request, "Certificates", "CertificateArn"))


def _existing(call: Call) -> Call:
    def checked(request: Parameters) -> Response:
        for arn in _given(request):
            if arn not in internals.module("services.acm")._certificates:
                return refusal("CertificateNotFound", f"Certificate '{arn}' not found")
        return call(request)

    return checked


def _certified(call: Call) -> Call:
    def checked(request: Parameters) -> Response:
        protocol = parameter(request, "Protocol")
        if protocol in ("HTTPS", "TLS") and not _given(request):
            message = f"A certificate must be specified for {protocol} listeners"
            return refusal("ValidationError", message)
        return call(request)

    return checked


def _add(request: Parameters) -> Response:
    listener = elbv2()._listeners.get(parameter(request, "ListenerArn"))
    if listener is None:
        return refusal("ListenerNotFound", "One or more listeners not found")
    known = listener.setdefault(EXTRA, [])
    known += [arn for arn in _given(request) if arn not in known]
    shown = "".join(f"<member>{_arn(arn)}</member>" for arn in _given(request))
    return answer("AddListenerCertificates", f"<Certificates>{shown}</Certificates>")


def _remove(request: Parameters) -> Response:
    listener = elbv2()._listeners.get(parameter(request, "ListenerArn"))
    if listener is None:
        return refusal("ListenerNotFound", "One or more listeners not found")
    gone = _given(request)
    listener[EXTRA] = [arn for arn in listener.get(EXTRA, []) if arn not in gone]
    return answer("RemoveListenerCertificates", "")


def _describe(request: Parameters) -> Response:
    listener = elbv2()._listeners.get(parameter(request, "ListenerArn"))
    if listener is None:
        return refusal("ListenerNotFound", "One or more listeners not found")
    own, extra = listener.get("Certificates", []), listener.get(EXTRA, [])
    pairs = [*((arn, "true") for arn in own), *((arn, "false") for arn in extra)]
    shown = "".join(
        f"<member>{_arn(arn)}<IsDefault>{is_default}</IsDefault></member>"
        for arn, is_default in pairs
    )
    return answer("DescribeListenerCertificates", f"<Certificates>{shown}</Certificates>")


def _arn(arn: str) -> str:
    return f"<CertificateArn>{arn}</CertificateArn>"
