// A producer and a recipient: client RECIPIENTS PRODUCERS, both as host:port of a service in dev mode.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	pb "notifyclient/notifyv1"
)

const (
	tenant = "demo"
	user   = "gopher"
	token  = "dev:" + user + ":" + tenant
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	recipient := pb.NewNotificationClientServiceClient(dial(os.Args[1]))
	producer := pb.NewNotificationInternalServiceClient(dial(os.Args[2]))

	cursor := live(ctx, recipient, producer)
	for range 2 { // The second is a repeat and changes nothing.
		fmt.Printf("notify duplicates=%d\n", notify(ctx, producer, "Second").Duplicates)
	}
	missed(ctx, recipient, cursor)
	refused(ctx, recipient)
}

// live sees a notification arrive and gives the cursor after it.
func live(ctx context.Context, recipient pb.NotificationClientServiceClient, producer pb.NotificationInternalServiceClient) string {
	ctx, closeStream := context.WithCancel(ctx)
	defer closeStream()
	stream := open(ctx, recipient, "")
	fmt.Printf("notify delivered=%d\n", notify(ctx, producer, "First").Delivered)
	return next(stream).Cursor
}

// missed resumes after the cursor, pages and reads.
func missed(ctx context.Context, recipient pb.NotificationClientServiceClient, cursor string) {
	stream := open(signedIn(ctx, token), recipient, cursor)
	first := pages(signedIn(ctx, token), recipient)
	_, err := recipient.AckNotification(signedIn(ctx, token), &pb.AckNotificationRequest{Id: first})
	must(err)
	next(stream)
}

// pages reads the inbox one by one and gives the id of the last.
func pages(ctx context.Context, recipient pb.NotificationClientServiceClient) (id string) {
	for cursor := ""; ; {
		page, err := recipient.GetNotifications(ctx, &pb.GetNotificationsRequest{Cursor: cursor, Limit: 1})
		must(err)
		for _, n := range page.Notifications {
			fmt.Printf("page %s unread=%d\n", n.Title, page.UnreadCount)
			id = n.Id
		}
		if cursor = page.NextCursor; cursor == "" {
			return id
		}
	}
}

func refused(ctx context.Context, recipient pb.NotificationClientServiceClient) {
	_, err := recipient.GetNotifications(signedIn(ctx, "guessed"), &pb.GetNotificationsRequest{})
	fmt.Println("wrong token", status.Code(err))
}

// open opens a stream and reads up to caught_up.
func open(ctx context.Context, recipient pb.NotificationClientServiceClient, cursor string) pb.NotificationClientService_StreamEventsClient {
	stream, err := recipient.StreamEvents(signedIn(ctx, token), &pb.StreamEventsRequest{ResumeAfter: cursor})
	must(err)
	for next(stream).GetCaughtUp() == nil {
	}
	return stream
}

// next reads an event and prints it.
func next(stream pb.NotificationClientService_StreamEventsClient) *pb.StreamEvent {
	event, err := stream.Recv()
	must(err)
	switch kind := event.Event.(type) {
	case *pb.StreamEvent_Heartbeat:
		fmt.Println("heartbeat")
	case *pb.StreamEvent_CaughtUp:
		fmt.Printf("caught up unread=%d\n", event.UnreadCount)
	case *pb.StreamEvent_Notification:
		n := kind.Notification.Notification
		fmt.Printf("notification %s read=%t unread=%d\n", n.Title, n.ReadAtMs != 0, event.UnreadCount)
	}
	return event
}

func notify(ctx context.Context, producer pb.NotificationInternalServiceClient, title string) *pb.NotifyResponse {
	answer, err := producer.Notify(ctx, &pb.NotifyRequest{
		TenantId: tenant, NotificationId: title, UserIds: []string{user}, Title: title,
	})
	must(err)
	return answer
}

func signedIn(ctx context.Context, token string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
}

func dial(address string) *grpc.ClientConn {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(err)
	return conn
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
