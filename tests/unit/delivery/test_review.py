"""The page that is approved names every object that changes, and what would be lost."""

import json
from typing import Any

from delivery.review import page


def templates(image: str, **resources: Any) -> dict[str, dict[str, Any]]:
    pods = [
        {"kind": "Deployment", "metadata": {"name": "web", "namespace": "web"}, "image": image},
        {"kind": "Service", "metadata": {"name": "web", "namespace": "web"}},
    ]
    manifest = {"Fn::Join": ["", [json.dumps(pods)]]}
    return {
        "prod-Workloads": {
            "Resources": {
                "Web": {
                    "Type": "Custom::AWSCDK-EKS-KubernetesResource",
                    "Properties": {"Manifest": manifest},
                },
                **resources,
            }
        }
    }


BUCKET = {"Type": "AWS::S3::Bucket", "Properties": {}}


def test_a_changed_object_is_shown_and_others_are_not() -> None:
    text = page("prod", templates("a:1"), templates("a:2"), "Stack prod-Workloads")
    assert "-image: a:1" in text
    assert "+image: a:2" in text
    assert "Deployment web/web now" in text
    assert "Service web/web" not in text
    assert "Stack prod-Workloads" in text


def test_what_would_be_lost_comes_first() -> None:
    text = page("prod", templates("a:1", Data=BUCKET), templates("a:1"), "")
    assert text.index("Data (AWS::S3::Bucket) holds data") < text.index("Kubernetes objects")


def test_nothing_new_says_so_and_what_is_shown_is_no_markup() -> None:
    text = page("prod", templates("a"), templates("a"), "<script>")
    assert "No change." in text
    assert "<script>" not in text
