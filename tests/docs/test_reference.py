"""Pages written from the code say what the code says."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from docs.reference import figures, protos, settings
from docs.reference.pages import DOCS, FROM, OF_THE_CODE, PAGES, ROOT, TO, generated, replaced
from notify_grpc.config import Settings


@pytest.mark.parametrize("name", OF_THE_CODE)
def test_a_page_is_as_generated(name: str) -> None:
    assert generated((DOCS / name).read_text()) == OF_THE_CODE[name](), "run make docs"


@pytest.mark.parametrize("name", PAGES)
def test_generating_changes_nothing_else(name: str) -> None:
    page = (DOCS / name).read_text()
    assert replaced(page, generated(page)) == page


def test_a_page_without_marks_is_left_alone() -> None:
    for page in ("text", f"{FROM} text", f"{TO} {FROM}"):
        with pytest.raises(ValueError, match="make docs"):
            replaced(page, "new")


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    """A copy of protos/ to change."""
    return shutil.copytree(ROOT / "protos", tmp_path / "protos")


def test_a_changed_comment_changes_the_reference(contract: Path) -> None:
    before = protos.reference(contract)
    file = contract / "notify" / "v1" / "client_service.proto"
    file.write_text(file.read_text().replace("// Marks everything read.", "// Marks <all> read."))
    after = protos.reference(contract)
    assert "Marks everything read." in before
    assert before.replace("Marks everything read.", "Marks &lt;all> read.") == after


def test_the_reference_has_every_message_field_and_value() -> None:
    text = protos.reference(ROOT / "protos")
    for file in protos.described(ROOT / "protos"):
        for message in file.message_type:
            assert f"\n### {message.name}\n" in text
            assert all(f"| {field.number} | `{field.name}` |" in text for field in message.field)
        for enum in file.enum_type:
            assert all(f"| {value.number} | `{value.name}` |" in text for value in enum.value)
        for service in file.service:
            assert all(f"| `{method.name}` |" in text for method in service.method)


def test_types_are_written_out() -> None:
    text = protos.reference(ROOT / "protos")
    assert "| `data` | map of string to string |" in text
    assert "| `addresses` | map of string to [ChannelAddresses](#channeladdresses) |" in text
    assert (
        "| `StreamEvents` | [StreamEventsRequest](#streameventsrequest) | stream of [StreamEvent](#streamevent) |"
        in text
    )
    assert "| `caught_up` | [CaughtUpEvent](#caughtupevent) | (one of `event`) |" in text


def test_every_setting_is_in_the_table() -> None:
    text = settings.reference()
    assert sum(line.startswith("| `") for line in text.splitlines()) == len(Settings.model_fields)


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("retention", "| `NOTIFY_RETENTION` | `90d` | duration |"),
        ("live_heartbeat_interval", "| `NOTIFY_LIVE_HEARTBEAT_INTERVAL` | `30s` | duration |"),
        ("email_retry_waits", "| `NOTIFY_EMAIL_RETRY_WAITS` | `5s,5m,30m,2h,5h,10h` | durations |"),
        ("internal_token", "| `NOTIFY_INTERNAL_TOKEN` |  | secrets |"),
        ("uvloop", "| `NOTIFY_UVLOOP` | `true` | `true`, `false` |"),
        ("log_level", "| `NOTIFY_LOG_LEVEL` | `info` | `debug`, `info`, `warning`, `error` |"),
        ("aws_region", "| `NOTIFY_AWS_REGION` or `AWS_REGION` |"),
        ("otel_sdk_disabled", "| `OTEL_SDK_DISABLED` | `false` |"),
    ],
)
def test_a_setting_is_shown_as_it_is_written(name: str, row: str) -> None:
    assert row in settings.reference({name: Settings.model_fields[name]})


def test_a_default_secret_is_never_shown_by_its_repr() -> None:
    field = FieldInfo(annotation=SecretStr, default=SecretStr(""), description="A key.")
    assert "| `NOTIFY_EMAIL_KEY` |  | secret | A key. |" in settings.reference({"email_key": field})


def test_a_setting_of_no_group_is_a_defect() -> None:
    with pytest.raises(LookupError, match="quantum_flux"):
        settings.reference({"quantum_flux": FieldInfo(annotation=str, default="")})


def test_figures_are_those_of_the_results(tmp_path: Path) -> None:
    facts = (
        '{"at": "2026-01-02T03:04:05+00:00", "python": "3.11.7", "system": "Linux", "cores": 2, "load_before": 0.25}'
    )
    (tmp_path / "notify.md").write_text(f"# notify\n\n{facts}\n\n| measure | value |\n|---|---|\n| calls | 5 |\n")
    assert figures.reference(tmp_path) == (
        "### notify\n\n2026-01-02, Python 3.11.7, Linux, 2 cores, load 0.2 before the run.\n\n"
        "| measure | value |\n|---|---|\n| calls | 5 |"
    )


def test_without_results_the_page_says_how_to_get_them(tmp_path: Path) -> None:
    assert "make bench" in figures.reference(tmp_path)
    assert "make bench" in figures.reference(tmp_path / "absent")


def test_a_foreign_file_among_the_results_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("# notes\n")
    with pytest.raises(ValueError, match=r"notes\.md"):
        figures.reference(tmp_path)
