"""AWS Signature Version 4, against vectors."""

from __future__ import annotations

from notify_grpc.channels.aws import AwsCredentials, AwsService, signed_headers

KEY = AwsCredentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
AT_MS = 1_440_938_160_000
"""2015-08-30 12:36:00 UTC, the moment of AWS's own test suite."""


def signature(headers: dict[str, str]) -> str:
    return headers["authorization"].rpartition("Signature=")[2]


def test_the_vanilla_get_of_aws_test_suite() -> None:
    service = AwsService("service", "us-east-1")
    signed = signed_headers(KEY, service, "GET", "https://example.amazonaws.com/", {}, b"", AT_MS)
    assert signed["x-amz-date"] == "20150830T123600Z"
    assert signature(signed) == "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"


def test_the_vanilla_post_of_aws_test_suite() -> None:
    service = AwsService("service", "us-east-1")
    signed = signed_headers(KEY, service, "POST", "https://example.amazonaws.com/", {}, b"", AT_MS)
    assert signature(signed) == "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"


def test_a_form_post_with_its_content_type_of_aws_test_suite() -> None:
    service = AwsService("service", "us-east-1")
    headers = {"content-type": "application/x-www-form-urlencoded"}
    signed = signed_headers(KEY, service, "POST", "https://example.amazonaws.com/", headers, b"Param1=value1", AT_MS)
    assert signature(signed) == "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"


def test_a_session_token_is_signed_too() -> None:
    temporary = AwsCredentials(KEY.access_key_id, KEY.secret_access_key, "session")
    service = AwsService("ses", "eu-west-1")
    signed = signed_headers(temporary, service, "GET", "https://email.eu-west-1.amazonaws.com/", {}, b"", AT_MS)
    assert signed["x-amz-security-token"] == "session"
    assert "SignedHeaders=host;x-amz-date;x-amz-security-token," in signed["authorization"]


def test_credentials_do_not_show_their_secrets() -> None:
    shown = repr(AwsCredentials("AKID", "s3cret", "s3ssion"))
    assert "s3cret" not in shown
    assert "s3ssion" not in shown
