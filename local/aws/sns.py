"""SNS: a topic's key is kept, mail needs a confirmation, a policy needs its topic."""

from typing import Any

from local.aws import internals
from local.aws.resource_types import restrict, set_create_only
from local.aws.responses import Response

_TOPIC = "AWS::SNS::Topic"
_POLICY = "AWS::SNS::TopicPolicy"


def install() -> None:
    restrict(_TOPIC, "DisplayName KmsMasterKeyId Subscription Tags TopicName")
    restrict(_POLICY, "PolicyDocument Topics")
    set_create_only({_POLICY: ""})
    handlers = internals.member(
        internals.module("services.cloudformation.provisioners"), "_RESOURCE_HANDLERS"
    )
    for operation, position in (("create", 1), ("update", 2)):
        handlers[_TOPIC][operation] = _complete(handlers[_TOPIC][operation], position)
        handlers[_POLICY][operation] = _existing(handlers[_POLICY][operation], position)
    internals.replace(internals.module("services.sns"), "_subscribe", _pending)


def _complete(stock: Any, position: int) -> Any:
    """A topic with its key, whose mail subscriptions wait for their confirmation."""

    def call(*arguments: Any) -> Any:
        made = stock(*arguments)
        topic = internals.module("services.sns")._topics[made[0]]
        key = arguments[position].get("KmsMasterKeyId")
        if key:
            topic["attributes"]["KmsMasterKeyId"] = key
        else:
            topic["attributes"].pop("KmsMasterKeyId", None)
        _wait_for_people(topic)
        return made

    return call


def _existing(stock: Any, position: int) -> Any:
    """A policy for topics that are there; MiniStack passes over others."""

    def call(*arguments: Any) -> Any:
        for arn in arguments[position]["Topics"]:
            if arn not in internals.module("services.sns")._topics:
                raise ValueError(f"Topic does not exist: {arn}")
        return stock(*arguments)

    return call


def _pending(stock: Any) -> Any:
    def subscribe(parameters: Any) -> Response:
        sns = internals.module("services.sns")
        answer: Response = stock(parameters)
        topic, _ = sns._get_topic(sns._p(parameters, "TopicArn"))
        if topic is None or not _wait_for_people(topic):
            return answer
        text = "<SubscribeResult><SubscriptionArn>pending confirmation</SubscriptionArn>"
        pending: Response = sns._xml(200, "SubscribeResponse", f"{text}</SubscribeResult>")
        return pending

    return subscribe


def _wait_for_people(topic: Any) -> bool:
    """Unconfirm what MiniStack confirmed for a person, and say whether there was any."""
    sns = internals.module("services.sns")
    confirmed = [
        subscription
        for subscription in topic["subscriptions"]
        if subscription["protocol"] in ("email", "email-json") and subscription["confirmed"]
    ]
    for subscription in confirmed:
        sns._sub_arn_to_topic.pop(subscription["arn"], None)
        # As every list shows it until the link in the mail is followed, which nobody gets here.
        subscription.update(arn="PendingConfirmation", confirmed=False)
    sns._refresh_subscription_counts(topic)
    return bool(confirmed)
