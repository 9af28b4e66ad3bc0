from notify.v1 import notification_pb2 as _notification_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DispatchMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DISPATCH_MODE_UNSPECIFIED: _ClassVar[DispatchMode]
    DISPATCH_MODE_INLINE: _ClassVar[DispatchMode]
    DISPATCH_MODE_QUEUED: _ClassVar[DispatchMode]

class ChannelReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHANNEL_REASON_UNSPECIFIED: _ClassVar[ChannelReason]
    CHANNEL_REASON_NO_PROVIDER: _ClassVar[ChannelReason]
    CHANNEL_REASON_NO_ADDRESS: _ClassVar[ChannelReason]
    CHANNEL_REASON_QUEUED: _ClassVar[ChannelReason]
    CHANNEL_REASON_NO_SESSION: _ClassVar[ChannelReason]
    CHANNEL_REASON_DUPLICATE: _ClassVar[ChannelReason]
    CHANNEL_REASON_PARKED: _ClassVar[ChannelReason]
DISPATCH_MODE_UNSPECIFIED: DispatchMode
DISPATCH_MODE_INLINE: DispatchMode
DISPATCH_MODE_QUEUED: DispatchMode
CHANNEL_REASON_UNSPECIFIED: ChannelReason
CHANNEL_REASON_NO_PROVIDER: ChannelReason
CHANNEL_REASON_NO_ADDRESS: ChannelReason
CHANNEL_REASON_QUEUED: ChannelReason
CHANNEL_REASON_NO_SESSION: ChannelReason
CHANNEL_REASON_DUPLICATE: ChannelReason
CHANNEL_REASON_PARKED: ChannelReason

class ChannelAddresses(_message.Message):
    __slots__ = ("by_channel",)
    class ByChannelEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    BY_CHANNEL_FIELD_NUMBER: _ClassVar[int]
    by_channel: _containers.ScalarMap[str, str]
    def __init__(self, by_channel: _Optional[_Mapping[str, str]] = ...) -> None: ...

class NotifyRequest(_message.Message):
    __slots__ = ("tenant_id", "notification_id", "user_ids", "channels", "subject_ref", "subject_type", "title", "body", "addresses", "data", "expires_at_ms", "dispatch", "return_results")
    class AddressesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: ChannelAddresses
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[ChannelAddresses, _Mapping]] = ...) -> None: ...
    class DataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    TENANT_ID_FIELD_NUMBER: _ClassVar[int]
    NOTIFICATION_ID_FIELD_NUMBER: _ClassVar[int]
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_REF_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_TYPE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_MS_FIELD_NUMBER: _ClassVar[int]
    DISPATCH_FIELD_NUMBER: _ClassVar[int]
    RETURN_RESULTS_FIELD_NUMBER: _ClassVar[int]
    tenant_id: str
    notification_id: str
    user_ids: _containers.RepeatedScalarFieldContainer[str]
    channels: _containers.RepeatedScalarFieldContainer[_notification_pb2.DeliveryChannel]
    subject_ref: str
    subject_type: str
    title: str
    body: str
    addresses: _containers.MessageMap[str, ChannelAddresses]
    data: _containers.ScalarMap[str, str]
    expires_at_ms: int
    dispatch: DispatchMode
    return_results: bool
    def __init__(self, tenant_id: _Optional[str] = ..., notification_id: _Optional[str] = ..., user_ids: _Optional[_Iterable[str]] = ..., channels: _Optional[_Iterable[_Union[_notification_pb2.DeliveryChannel, str]]] = ..., subject_ref: _Optional[str] = ..., subject_type: _Optional[str] = ..., title: _Optional[str] = ..., body: _Optional[str] = ..., addresses: _Optional[_Mapping[str, ChannelAddresses]] = ..., data: _Optional[_Mapping[str, str]] = ..., expires_at_ms: _Optional[int] = ..., dispatch: _Optional[_Union[DispatchMode, str]] = ..., return_results: _Optional[bool] = ...) -> None: ...

class NotifyResponse(_message.Message):
    __slots__ = ("delivered", "pending", "failed", "duplicates", "results")
    DELIVERED_FIELD_NUMBER: _ClassVar[int]
    PENDING_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    DUPLICATES_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    delivered: int
    pending: int
    failed: int
    duplicates: int
    results: _containers.RepeatedCompositeFieldContainer[RecipientResult]
    def __init__(self, delivered: _Optional[int] = ..., pending: _Optional[int] = ..., failed: _Optional[int] = ..., duplicates: _Optional[int] = ..., results: _Optional[_Iterable[_Union[RecipientResult, _Mapping]]] = ...) -> None: ...

class RecipientResult(_message.Message):
    __slots__ = ("user_id", "id", "duplicate", "content_mismatch", "channels")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_MISMATCH_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    id: str
    duplicate: bool
    content_mismatch: bool
    channels: _containers.RepeatedCompositeFieldContainer[ChannelResult]
    def __init__(self, user_id: _Optional[str] = ..., id: _Optional[str] = ..., duplicate: _Optional[bool] = ..., content_mismatch: _Optional[bool] = ..., channels: _Optional[_Iterable[_Union[ChannelResult, _Mapping]]] = ...) -> None: ...

class ChannelResult(_message.Message):
    __slots__ = ("channel", "status", "reason", "error_class", "targets")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ERROR_CLASS_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    channel: _notification_pb2.DeliveryChannel
    status: _notification_pb2.DeliveryStatus
    reason: ChannelReason
    error_class: _notification_pb2.ErrorClass
    targets: int
    def __init__(self, channel: _Optional[_Union[_notification_pb2.DeliveryChannel, str]] = ..., status: _Optional[_Union[_notification_pb2.DeliveryStatus, str]] = ..., reason: _Optional[_Union[ChannelReason, str]] = ..., error_class: _Optional[_Union[_notification_pb2.ErrorClass, str]] = ..., targets: _Optional[int] = ...) -> None: ...

class NotifyStreamRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[NotifyRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[NotifyRequest, _Mapping]]] = ...) -> None: ...

class NotifyStreamResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[NotifyStreamResult]
    def __init__(self, results: _Optional[_Iterable[_Union[NotifyStreamResult, _Mapping]]] = ...) -> None: ...

class NotifyStreamResult(_message.Message):
    __slots__ = ("response", "error")
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    response: NotifyResponse
    error: NotifyStreamError
    def __init__(self, response: _Optional[_Union[NotifyResponse, _Mapping]] = ..., error: _Optional[_Union[NotifyStreamError, _Mapping]] = ...) -> None: ...

class NotifyStreamError(_message.Message):
    __slots__ = ("code", "message", "field")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    code: int
    message: str
    field: str
    def __init__(self, code: _Optional[int] = ..., message: _Optional[str] = ..., field: _Optional[str] = ...) -> None: ...

class PublishDataChangeRequest(_message.Message):
    __slots__ = ("tenant_id", "user_ids", "idempotency_key", "subject_ref", "subject_type")
    TENANT_ID_FIELD_NUMBER: _ClassVar[int]
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_REF_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_TYPE_FIELD_NUMBER: _ClassVar[int]
    tenant_id: str
    user_ids: _containers.RepeatedScalarFieldContainer[str]
    idempotency_key: str
    subject_ref: str
    subject_type: str
    def __init__(self, tenant_id: _Optional[str] = ..., user_ids: _Optional[_Iterable[str]] = ..., idempotency_key: _Optional[str] = ..., subject_ref: _Optional[str] = ..., subject_type: _Optional[str] = ...) -> None: ...

class PublishDataChangeResponse(_message.Message):
    __slots__ = ("sessions",)
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    sessions: int
    def __init__(self, sessions: _Optional[int] = ...) -> None: ...

class GetNotificationStatusRequest(_message.Message):
    __slots__ = ("tenant_id", "notification_id", "user_ids", "cursor", "limit")
    TENANT_ID_FIELD_NUMBER: _ClassVar[int]
    NOTIFICATION_ID_FIELD_NUMBER: _ClassVar[int]
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    tenant_id: str
    notification_id: str
    user_ids: _containers.RepeatedScalarFieldContainer[str]
    cursor: str
    limit: int
    def __init__(self, tenant_id: _Optional[str] = ..., notification_id: _Optional[str] = ..., user_ids: _Optional[_Iterable[str]] = ..., cursor: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class GetNotificationStatusResponse(_message.Message):
    __slots__ = ("recipients", "next_cursor")
    RECIPIENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    recipients: _containers.RepeatedCompositeFieldContainer[RecipientStatus]
    next_cursor: str
    def __init__(self, recipients: _Optional[_Iterable[_Union[RecipientStatus, _Mapping]]] = ..., next_cursor: _Optional[str] = ...) -> None: ...

class RecipientStatus(_message.Message):
    __slots__ = ("user_id", "notification")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    NOTIFICATION_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    notification: _notification_pb2.Notification
    def __init__(self, user_id: _Optional[str] = ..., notification: _Optional[_Union[_notification_pb2.Notification, _Mapping]] = ...) -> None: ...

class ListDeliveriesRequest(_message.Message):
    __slots__ = ("tenant_id", "states", "channels", "created_before_ms", "cursor", "limit")
    TENANT_ID_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    CREATED_BEFORE_MS_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    tenant_id: str
    states: _containers.RepeatedScalarFieldContainer[_notification_pb2.DeliveryState]
    channels: _containers.RepeatedScalarFieldContainer[_notification_pb2.DeliveryChannel]
    created_before_ms: int
    cursor: str
    limit: int
    def __init__(self, tenant_id: _Optional[str] = ..., states: _Optional[_Iterable[_Union[_notification_pb2.DeliveryState, str]]] = ..., channels: _Optional[_Iterable[_Union[_notification_pb2.DeliveryChannel, str]]] = ..., created_before_ms: _Optional[int] = ..., cursor: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class ListDeliveriesResponse(_message.Message):
    __slots__ = ("deliveries", "next_cursor")
    DELIVERIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    deliveries: _containers.RepeatedCompositeFieldContainer[_notification_pb2.Delivery]
    next_cursor: str
    def __init__(self, deliveries: _Optional[_Iterable[_Union[_notification_pb2.Delivery, _Mapping]]] = ..., next_cursor: _Optional[str] = ...) -> None: ...

class RetryDeliveryRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class RetryDeliveryResponse(_message.Message):
    __slots__ = ("delivery",)
    DELIVERY_FIELD_NUMBER: _ClassVar[int]
    delivery: _notification_pb2.Delivery
    def __init__(self, delivery: _Optional[_Union[_notification_pb2.Delivery, _Mapping]] = ...) -> None: ...

class GetPresenceRequest(_message.Message):
    __slots__ = ("tenant_id", "user_ids")
    TENANT_ID_FIELD_NUMBER: _ClassVar[int]
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    tenant_id: str
    user_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, tenant_id: _Optional[str] = ..., user_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class GetPresenceResponse(_message.Message):
    __slots__ = ("users",)
    USERS_FIELD_NUMBER: _ClassVar[int]
    users: _containers.RepeatedCompositeFieldContainer[UserPresence]
    def __init__(self, users: _Optional[_Iterable[_Union[UserPresence, _Mapping]]] = ...) -> None: ...

class UserPresence(_message.Message):
    __slots__ = ("user_id", "online", "sessions", "instances", "device_types")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    ONLINE_FIELD_NUMBER: _ClassVar[int]
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    INSTANCES_FIELD_NUMBER: _ClassVar[int]
    DEVICE_TYPES_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    online: bool
    sessions: int
    instances: int
    device_types: _containers.RepeatedScalarFieldContainer[_notification_pb2.DeviceType]
    def __init__(self, user_id: _Optional[str] = ..., online: _Optional[bool] = ..., sessions: _Optional[int] = ..., instances: _Optional[int] = ..., device_types: _Optional[_Iterable[_Union[_notification_pb2.DeviceType, str]]] = ...) -> None: ...

class EraseUserRequest(_message.Message):
    __slots__ = ("tenant_id", "user_id")
    TENANT_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    tenant_id: str
    user_id: str
    def __init__(self, tenant_id: _Optional[str] = ..., user_id: _Optional[str] = ...) -> None: ...

class EraseUserResponse(_message.Message):
    __slots__ = ("notifications", "deliveries", "devices")
    NOTIFICATIONS_FIELD_NUMBER: _ClassVar[int]
    DELIVERIES_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    notifications: int
    deliveries: int
    devices: int
    def __init__(self, notifications: _Optional[int] = ..., deliveries: _Optional[int] = ..., devices: _Optional[int] = ...) -> None: ...
