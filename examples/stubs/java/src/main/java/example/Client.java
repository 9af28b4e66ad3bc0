package example;

import io.grpc.Channel;
import io.grpc.Context;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import java.util.Iterator;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import notify.v1.ClientService.AckNotificationRequest;
import notify.v1.ClientService.GetNotificationsRequest;
import notify.v1.ClientService.GetNotificationsResponse;
import notify.v1.ClientService.StreamEvent;
import notify.v1.ClientService.StreamEventsRequest;
import notify.v1.InternalService.NotifyRequest;
import notify.v1.InternalService.NotifyResponse;
import notify.v1.NotificationClientServiceGrpc;
import notify.v1.NotificationClientServiceGrpc.NotificationClientServiceBlockingStub;
import notify.v1.NotificationInternalServiceGrpc;
import notify.v1.NotificationInternalServiceGrpc.NotificationInternalServiceBlockingStub;
import notify.v1.NotificationOuterClass.Notification;

/** A producer and a recipient: Client RECIPIENTS PRODUCERS, both as host:port of a service in dev mode. */
public final class Client {
  private static final String TENANT = "demo";
  private static final String USER = "duke";

  private final NotificationClientServiceBlockingStub recipient;
  private final NotificationInternalServiceBlockingStub producer;

  private Client(Channel recipients, Channel producers) {
    this.recipient = NotificationClientServiceGrpc.newBlockingStub(recipients);
    this.producer = NotificationInternalServiceGrpc.newBlockingStub(producers);
  }

  public static void main(String[] addresses) throws InterruptedException {
    ManagedChannel recipients = Grpc.newChannelBuilder(addresses[0], InsecureChannelCredentials.create()).build();
    ManagedChannel producers = Grpc.newChannelBuilder(addresses[1], InsecureChannelCredentials.create()).build();
    try {
      new Client(recipients, producers).run();
    } finally {
      recipients.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
      producers.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
    }
  }

  private void run() {
    String cursor =
        streaming(
            "",
            events -> {
              System.out.println("notify delivered=" + notify("First").getDelivered());
              return next(events).getCursor();
            });
    for (int i = 0; i < 2; i++) { // The second is a repeat and changes nothing.
      System.out.println("notify duplicates=" + notify("Second").getDuplicates());
    }
    streaming(
        cursor,
        events -> {
          String first = pages();
          signedIn().ackNotification(AckNotificationRequest.newBuilder().setId(first).build());
          return next(events);
        });
    try {
      as("guessed").getNotifications(GetNotificationsRequest.getDefaultInstance());
    } catch (StatusRuntimeException refused) {
      System.out.println("wrong token " + refused.getStatus().getCode());
    }
  }

  /** Opens a stream, reads up to caught_up, then does something; closes it afterwards. */
  private <T> T streaming(String cursor, Function<Iterator<StreamEvent>, T> work) {
    Context.CancellableContext closing = Context.current().withCancellation();
    Context before = closing.attach();
    try {
      Iterator<StreamEvent> events =
          signedIn().streamEvents(StreamEventsRequest.newBuilder().setResumeAfter(cursor).build());
      while (!next(events).hasCaughtUp()) {}
      return work.apply(events);
    } finally {
      closing.detach(before);
      closing.cancel(null);
    }
  }

  /** Reads an event and prints it. */
  private static StreamEvent next(Iterator<StreamEvent> events) {
    StreamEvent event = events.next();
    switch (event.getEventCase()) {
      case HEARTBEAT -> System.out.println("heartbeat");
      case CAUGHT_UP -> System.out.println("caught up unread=" + event.getUnreadCount());
      case NOTIFICATION -> {
        Notification n = event.getNotification().getNotification();
        System.out.printf(
            "notification %s read=%b unread=%d%n", n.getTitle(), n.getReadAtMs() != 0, event.getUnreadCount());
      }
      default -> {}
    }
    return event;
  }

  /** Reads the inbox one by one; the id of the last. */
  private String pages() {
    String id = "";
    String cursor = "";
    do {
      GetNotificationsResponse page =
          signedIn().getNotifications(GetNotificationsRequest.newBuilder().setCursor(cursor).setLimit(1).build());
      for (Notification n : page.getNotificationsList()) {
        System.out.printf("page %s unread=%d%n", n.getTitle(), page.getUnreadCount());
        id = n.getId();
      }
      cursor = page.getNextCursor();
    } while (!cursor.isEmpty());
    return id;
  }

  private NotifyResponse notify(String title) {
    return producer.notify(
        NotifyRequest.newBuilder()
            .setTenantId(TENANT)
            .setNotificationId(title)
            .addUserIds(USER)
            .setTitle(title)
            .build());
  }

  private NotificationClientServiceBlockingStub signedIn() {
    return as("dev:" + USER + ":" + TENANT);
  }

  private NotificationClientServiceBlockingStub as(String token) {
    Metadata headers = new Metadata();
    headers.put(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer " + token);
    return recipient.withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers));
  }
}
