from notify.v1 import notification_pb2 as _notification_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ResyncReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RESYNC_REASON_UNSPECIFIED: _ClassVar[ResyncReason]
    RESYNC_REASON_FOREIGN_EPOCH: _ClassVar[ResyncReason]
    RESYNC_REASON_FUTURE: _ClassVar[ResyncReason]
    RESYNC_REASON_EXPIRED: _ClassVar[ResyncReason]
RESYNC_REASON_UNSPECIFIED: ResyncReason
RESYNC_REASON_FOREIGN_EPOCH: ResyncReason
RESYNC_REASON_FUTURE: ResyncReason
RESYNC_REASON_EXPIRED: ResyncReason

class StreamEventsRequest(_message.Message):
    __slots__ = ("device_type", "resume_after", "device_id")
    DEVICE_TYPE_FIELD_NUMBER: _ClassVar[int]
    RESUME_AFTER_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    device_type: _notification_pb2.DeviceType
    resume_after: str
    device_id: str
    def __init__(self, device_type: _Optional[_Union[_notification_pb2.DeviceType, str]] = ..., resume_after: _Optional[str] = ..., device_id: _Optional[str] = ...) -> None: ...

class StreamEvent(_message.Message):
    __slots__ = ("session_id", "notification", "data_change", "heartbeat", "caught_up", "resync", "auth_expiring", "reconnect", "cursor", "unread_count")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    NOTIFICATION_FIELD_NUMBER: _ClassVar[int]
    DATA_CHANGE_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    CAUGHT_UP_FIELD_NUMBER: _ClassVar[int]
    RESYNC_FIELD_NUMBER: _ClassVar[int]
    AUTH_EXPIRING_FIELD_NUMBER: _ClassVar[int]
    RECONNECT_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    UNREAD_COUNT_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    notification: NotificationEvent
    data_change: DataChangeEvent
    heartbeat: HeartbeatEvent
    caught_up: CaughtUpEvent
    resync: ResyncEvent
    auth_expiring: AuthExpiringEvent
    reconnect: ReconnectEvent
    cursor: str
    unread_count: int
    def __init__(self, session_id: _Optional[str] = ..., notification: _Optional[_Union[NotificationEvent, _Mapping]] = ..., data_change: _Optional[_Union[DataChangeEvent, _Mapping]] = ..., heartbeat: _Optional[_Union[HeartbeatEvent, _Mapping]] = ..., caught_up: _Optional[_Union[CaughtUpEvent, _Mapping]] = ..., resync: _Optional[_Union[ResyncEvent, _Mapping]] = ..., auth_expiring: _Optional[_Union[AuthExpiringEvent, _Mapping]] = ..., reconnect: _Optional[_Union[ReconnectEvent, _Mapping]] = ..., cursor: _Optional[str] = ..., unread_count: _Optional[int] = ...) -> None: ...

class NotificationEvent(_message.Message):
    __slots__ = ("notification",)
    NOTIFICATION_FIELD_NUMBER: _ClassVar[int]
    notification: _notification_pb2.Notification
    def __init__(self, notification: _Optional[_Union[_notification_pb2.Notification, _Mapping]] = ...) -> None: ...

class DataChangeEvent(_message.Message):
    __slots__ = ("idempotency_key", "subject_ref", "subject_type")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_REF_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_TYPE_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    subject_ref: str
    subject_type: str
    def __init__(self, idempotency_key: _Optional[str] = ..., subject_ref: _Optional[str] = ..., subject_type: _Optional[str] = ...) -> None: ...

class HeartbeatEvent(_message.Message):
    __slots__ = ("timestamp_ms",)
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    timestamp_ms: int
    def __init__(self, timestamp_ms: _Optional[int] = ...) -> None: ...

class CaughtUpEvent(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ResyncEvent(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: ResyncReason
    def __init__(self, reason: _Optional[_Union[ResyncReason, str]] = ...) -> None: ...

class AuthExpiringEvent(_message.Message):
    __slots__ = ("expires_at_ms",)
    EXPIRES_AT_MS_FIELD_NUMBER: _ClassVar[int]
    expires_at_ms: int
    def __init__(self, expires_at_ms: _Optional[int] = ...) -> None: ...

class ReconnectEvent(_message.Message):
    __slots__ = ("after_ms",)
    AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    after_ms: int
    def __init__(self, after_ms: _Optional[int] = ...) -> None: ...

class GetNotificationsRequest(_message.Message):
    __slots__ = ("cursor", "limit", "unread_only")
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    UNREAD_ONLY_FIELD_NUMBER: _ClassVar[int]
    cursor: str
    limit: int
    unread_only: bool
    def __init__(self, cursor: _Optional[str] = ..., limit: _Optional[int] = ..., unread_only: _Optional[bool] = ...) -> None: ...

class GetNotificationsResponse(_message.Message):
    __slots__ = ("notifications", "next_cursor", "unread_count")
    NOTIFICATIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    UNREAD_COUNT_FIELD_NUMBER: _ClassVar[int]
    notifications: _containers.RepeatedCompositeFieldContainer[_notification_pb2.Notification]
    next_cursor: str
    unread_count: int
    def __init__(self, notifications: _Optional[_Iterable[_Union[_notification_pb2.Notification, _Mapping]]] = ..., next_cursor: _Optional[str] = ..., unread_count: _Optional[int] = ...) -> None: ...

class AckNotificationRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class AckNotificationResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AckDataChangeRequest(_message.Message):
    __slots__ = ("idempotency_key", "session_id")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    session_id: str
    def __init__(self, idempotency_key: _Optional[str] = ..., session_id: _Optional[str] = ...) -> None: ...

class AckDataChangeResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class MarkAllReadRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class MarkAllReadResponse(_message.Message):
    __slots__ = ("marked",)
    MARKED_FIELD_NUMBER: _ClassVar[int]
    marked: int
    def __init__(self, marked: _Optional[int] = ...) -> None: ...

class RegisterPushTokenRequest(_message.Message):
    __slots__ = ("device_type", "token", "device_id")
    DEVICE_TYPE_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    device_type: _notification_pb2.DeviceType
    token: str
    device_id: str
    def __init__(self, device_type: _Optional[_Union[_notification_pb2.DeviceType, str]] = ..., token: _Optional[str] = ..., device_id: _Optional[str] = ...) -> None: ...

class RegisterPushTokenResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class UnregisterPushTokenRequest(_message.Message):
    __slots__ = ("device_type", "device_id")
    DEVICE_TYPE_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    device_type: _notification_pb2.DeviceType
    device_id: str
    def __init__(self, device_type: _Optional[_Union[_notification_pb2.DeviceType, str]] = ..., device_id: _Optional[str] = ...) -> None: ...

class UnregisterPushTokenResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RefreshStreamRequest(_message.Message):
    __slots__ = ("session_id",)
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    def __init__(self, session_id: _Optional[str] = ...) -> None: ...

class RefreshStreamResponse(_message.Message):
    __slots__ = ("expires_at_ms",)
    EXPIRES_AT_MS_FIELD_NUMBER: _ClassVar[int]
    expires_at_ms: int
    def __init__(self, expires_at_ms: _Optional[int] = ...) -> None: ...
